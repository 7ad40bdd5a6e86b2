import './polyfills.ts';
import '../../../electron/services/figure-history/figure-worker.ts';
