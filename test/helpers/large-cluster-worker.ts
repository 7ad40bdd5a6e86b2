/** The thread of a `LargeCluster`, so that the test beside it delays no answer. See `RemoteLargeCluster`. */
import { parentPort, workerData } from 'node:worker_threads';
import { LargeCluster, type LargeClusterOptions } from './large-cluster.ts';

export type ToCluster = { kind: 'write'; records: bigint } | { kind: 'resetRequests' } | { kind: 'requests' };
export type FromCluster = { kind: 'started'; bootstrap: string } | { kind: 'requests'; requests: ReadonlyMap<string, number> };

const cluster = new LargeCluster(workerData as LargeClusterOptions);
const reply = (message: FromCluster): void => parentPort?.postMessage(message);
parentPort?.on('message', (message: ToCluster) => {
  if (message.kind === 'write') cluster.write(message.records);
  else if (message.kind === 'resetRequests') cluster.resetRequests();
  else reply({ kind: 'requests', requests: cluster.requests });
});
reply({ kind: 'started', bootstrap: await cluster.start() });
