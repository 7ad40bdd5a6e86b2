/** Runs the seeds that it is handed, one after another. */
import { parentPort } from 'node:worker_threads';
import { simulate } from './run.ts';

const port = parentPort;
if (port === null) throw new Error('a worker of the simulation is a worker thread');

/** A promise that nobody looks after hides an error; in the simulation it is found out with its seed. */
let unhandled: unknown;
process.on('unhandledRejection', (error) => {
  unhandled = error;
});

port.on('message', (seed: number) => {
  unhandled = undefined;
  void simulate({ seed }).then(
    (result) => {
      const { seed: of, violations } = result;
      const text = unhandled instanceof Error ? (unhandled.stack ?? unhandled.message) : String(unhandled);
      const more = unhandled === undefined ? [] : [{ kind: 'unhandled rejection', at: 0, text }];
      port.postMessage({ ...result, seed: of, violations: [...violations, ...more] });
    },
    (error: unknown) => {
      throw error;
    },
  );
});
