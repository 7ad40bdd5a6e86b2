/** The worker's side of `WorkerPool`: one job after another. */
import { parentPort } from 'node:worker_threads';
import type { FromJobWorker } from './worker-pool.ts';
import { messageOf } from '#shared/errors';

/** What `handle` throws fails its job alone. */
export function serveJobs(handle: (request: never) => unknown): void {
  const port = parentPort;
  if (port === null) throw new Error('a job worker is the entry of a worker thread');
  const send = (message: FromJobWorker): void => port.postMessage(message);
  port.on('message', (request: unknown) => {
    try {
      send({ kind: 'done', value: handle(request as never) });
    } catch (error) {
      send({ kind: 'failed', message: messageOf(error) });
    }
  });
  send({ kind: 'ready' });
}
