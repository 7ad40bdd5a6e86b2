/** The entry of the worker that decodes record batches for the screen. */
import { serveJobs } from '../job-worker.ts';
import { decodeWindow } from './record-window.ts';

serveJobs(decodeWindow);
