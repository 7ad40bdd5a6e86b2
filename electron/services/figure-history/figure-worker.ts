/** The entry of the worker that keeps histories of figures: disk access and sorting stay out of the main thread. */
import { parentPort } from 'node:worker_threads';
import { clauseOf } from '#shared/errors';
import type { FromStoreWorker, ToStoreWorker } from './store-calls.ts';
import { StoreServer } from './store-server.ts';

/** What a crash of the process loses at most. */
const MAINTAIN_MS = 15_000;

const port = parentPort;
if (port === null) throw new Error('figure-worker.ts runs in a worker thread only');

const post = (message: FromStoreWorker): void => port.postMessage(message);
const server = new StoreServer({ now: Date.now, onNotice: (text) => post({ kind: 'notice', text }) });

port.on('message', (message: ToStoreWorker) => {
  server.handle(message).then(
    (value) => post({ kind: 'answered', id: message.id, value }),
    (error: unknown) => post({ kind: 'failed', id: message.id, message: clauseOf(error) }),
  );
});
setInterval(() => void server.maintain(), MAINTAIN_MS);
