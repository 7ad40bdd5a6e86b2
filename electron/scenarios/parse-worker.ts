/** The entry of the worker that reads scenarios. */
import { serveJobs } from '../admin/job-worker.ts';
import { parseSource } from './parse.ts';

serveJobs(parseSource);
