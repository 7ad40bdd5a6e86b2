/** The entry of a load's worker: a producer load as a whole, or one member of a group load, so that a member can end without a word. */
import { parentPort, workerData } from 'node:worker_threads';
import { MemberRun } from './member-run.ts';
import type { FromMember, FromProducer, LoadWorkerStart, ToMember, ToProducer } from './messages.ts';
import { ProducerRun } from './producer-run.ts';

const port = parentPort;
if (port === null) throw new Error('load-worker is the entry of a worker thread');

const start = workerData as LoadWorkerStart;
// An error ends the worker, and its supervisor receives it.
if (start.kind === 'producer') {
  const run = new ProducerRun(start, (message: FromProducer) => port.postMessage(message));
  port.on('message', (message: ToProducer) => run.receive(message));
  void run.run();
} else {
  const run = new MemberRun(start, (message: FromMember) => port.postMessage(message));
  port.on('message', (message: ToMember) => run.receive(message));
  void run.run();
}
