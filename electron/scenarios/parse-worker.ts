/** Entry point of the worker that parses scenarios. */
import { serveJobs } from '../admin/job-worker.ts';
import { parseSource } from './parse.ts';

serveJobs(parseSource);
