import './polyfills.ts';
import '../../../electron/cluster/node-worker.ts';
