import './polyfills.ts';
import '../../../electron/admin/decoding/decode-worker.ts';
