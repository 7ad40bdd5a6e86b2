/**
 * Workers of nodes that exist in memory only: what they would send or do is a list of pending steps, which a test runs in an order of its
 * own. They answer the supervisor's messages as `node-worker.ts` does, and can fail, crash or be blocked by a system call.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { FromNode, NodeStart, ToNode } from '../../electron/cluster/cluster-messages.ts';
import type { NodeWorker } from '../../electron/cluster/cluster-worker.ts';

export class FakeWorkers {
  readonly alive = new Set<FakeWorker>();
  /** How often a start fails, of 1. */
  failures = 0;
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  readonly create = (start: NodeStart): NodeWorker => {
    const worker = new FakeWorker(start, this.random() < this.failures, () => this.alive.delete(worker));
    this.alive.add(worker);
    return worker;
  };

  /** Runs one step of one worker that has any; false when none has. */
  step(): boolean {
    const ready = [...this.alive].filter((worker) => worker.hasStep);
    const worker = ready[Math.floor(this.random() * ready.length)];
    worker?.step();
    return worker !== undefined;
  }
}

export class FakeWorker implements NodeWorker {
  readonly node: number;
  /** A system call blocks the thread: it neither answers nor ends. */
  blocked = false;
  private readonly onEnd: () => void;
  private readonly frozen: Int32Array;
  private readonly inbox: ToNode[] = [];
  private readonly onMessage: ((message: FromNode) => void)[] = [];
  private readonly onExit: ((code: number) => void)[] = [];
  private state: 'starting' | 'failing' | 'running' | 'frozen' | 'stopping' | 'terminated' | 'exited';

  constructor(start: NodeStart, fails: boolean, onEnd: () => void) {
    this.node = start.config.nodeId;
    this.frozen = new Int32Array(start.memory.frozen);
    this.state = fails ? 'failing' : 'starting';
    this.onEnd = onEnd;
    const { dataDirectory, clusterId } = start.config;
    mkdirSync(dataDirectory, { recursive: true });
    writeFileSync(`${dataDirectory}/meta.properties`, `version=1\ncluster.id=${clusterId}\nnode.id=${this.node}\n`);
  }

  on(event: 'message' | 'error', listener: ((message: FromNode) => void) | ((error: unknown) => void)): this {
    if (event === 'message') this.onMessage.push(listener);
    return this;
  }
  once(_event: 'exit', listener: (code: number) => void): this {
    this.onExit.push(listener);
    return this;
  }
  postMessage(message: ToNode): void {
    this.inbox.push(message);
  }
  terminate(): Promise<unknown> {
    this.state = 'terminated';
    return new Promise((resolve) => this.onExit.push(resolve));
  }

  /** The thread ends by itself. */
  crash(): void {
    if (!this.blocked) this.exit(1);
  }

  get hasStep(): boolean {
    if (this.blocked) return false;
    if (this.state === 'frozen') return Atomics.load(this.frozen, 0) === 0;
    return this.state !== 'running' || this.inbox.length > 0;
  }

  step(): void {
    switch (this.state) {
      case 'starting':
        if (this.inbox.some(({ kind }) => kind === 'stop')) {
          this.exit(0);
          return;
        }
        this.state = 'running';
        this.send({ kind: 'ready' });
        return;
      case 'failing':
        this.send({ kind: 'failed', code: 'EIO', message: 'the disk does not answer', stack: undefined });
        this.exit(0);
        return;
      case 'frozen':
        this.state = 'running';
        this.send({ kind: 'thawed' });
        return;
      case 'running':
        this.take(this.inbox.shift());
        return;
      case 'stopping':
      case 'terminated':
        this.exit(0);
        return;
      case 'exited':
    }
  }

  private take(message: ToNode | undefined): void {
    switch (message?.kind) {
      case 'stop':
        this.state = 'stopping';
        return;
      case 'freeze':
        this.send({ kind: 'done', request: message.request });
        if (Atomics.load(this.frozen, 0) === 1) this.state = 'frozen';
        else this.send({ kind: 'thawed' });
        return;
      case 'faults':
        this.send({ kind: 'done', request: message.request });
        return;
      case 'status':
      case undefined:
    }
  }

  private send(message: FromNode): void {
    for (const listener of this.onMessage) listener(message);
  }

  private exit(code: number): void {
    if (this.state === 'exited') return;
    this.state = 'exited';
    this.onEnd();
    for (const listener of this.onExit) listener(code);
  }
}
