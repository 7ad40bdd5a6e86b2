import './polyfills.ts';
import '../../../electron/scenarios/parse-worker.ts';
