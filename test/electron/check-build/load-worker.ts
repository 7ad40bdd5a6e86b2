import './polyfills.ts';
import '../../../electron/admin/load/load-worker.ts';
