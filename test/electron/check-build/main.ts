import './polyfills.ts';
import './protocol-handle.ts';
import '../../../electron/main.ts';
