/** A `LargeCluster` in a thread of its own. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LargeClusterOptions } from './large-cluster.ts';
import type { FromCluster, ToCluster } from './large-cluster-worker.ts';

export class RemoteLargeCluster {
  readonly bootstrap: string;
  private readonly worker: Worker;

  private constructor(worker: Worker, bootstrap: string) {
    this.worker = worker;
    this.bootstrap = bootstrap;
  }

  static async start(options: LargeClusterOptions): Promise<RemoteLargeCluster> {
    const worker = new Worker(new URL('./large-cluster-worker.ts', import.meta.url), { workerData: options });
    const started = await next(worker);
    if (started.kind !== 'started') throw new Error(`the cluster's thread answered ${started.kind} before it was started`);
    return new RemoteLargeCluster(worker, started.bootstrap);
  }

  /** See `LargeCluster.write`. */
  write(records: bigint): void {
    this.send({ kind: 'write', records });
  }

  resetRequests(): void {
    this.send({ kind: 'resetRequests' });
  }

  /** By API since the last `resetRequests`. */
  async requests(): Promise<ReadonlyMap<string, number>> {
    const answer = next(this.worker);
    this.send({ kind: 'requests' });
    const message = await answer;
    if (message.kind !== 'requests') throw new Error(`the cluster's thread answered ${message.kind}`);
    return message.requests;
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }

  private send(message: ToCluster): void {
    this.worker.postMessage(message);
  }
}

/** Rejects when the thread fails. */
async function next(worker: Worker): Promise<FromCluster> {
  const [message] = (await once(worker, 'message')) as [FromCluster];
  return message;
}
