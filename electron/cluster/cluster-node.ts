/** One node as the supervisor holds it: its worker, its state, and what happens when that worker ends by itself. */
import { Worker } from 'node:worker_threads';
import { ClusterError } from './cluster-errors.ts';
import { watchStop, type Patience } from './cluster-patience.ts';
import type { FromNode, NodeStart, NodeStatus, ToNode } from './cluster-messages.ts';
import type { NodeFaults } from './lib/node-faults.ts';
import type { Clock } from './lib/clock.ts';
import type { NodeEvent } from './lib/events.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';

export type NodeState = 'starting' | 'running' | 'frozen' | 'stopping' | 'stopped' | 'killed' | 'failed';

export interface NodeHooks {
  event: (node: number, event: NodeEvent) => void;
  log: (node: number, level: LogLevel, message: string, fields: LogFields) => void;
  /** The worker ended without anybody having asked for it, or could not start. */
  failed: (node: number, reason: string) => void;
  ready: (node: number, startedInMs: number) => void;
  /** Its worker is gone, and with it its sockets. */
  gone: (node: number) => void;
}

/** A controlled shutdown takes 10 s at the most (`node.ts`), in which there may be nothing to do but wait; then come the logs. */
const CONTROLLED_STOP: Patience = { quietMs: 12_000, totalMs: 40_000 };
/** Not controlled, yet clean: every log that was written to is flushed, and there may be thousands. */
const QUICK_STOP: Patience = { quietMs: 4_000, totalMs: 30_000 };

interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

export class ClusterNode {
  readonly id: number;
  state: NodeState = 'stopped';
  /** Wall-clock milliseconds since when it is in that state. */
  since: number;
  /** Why it is `failed`. */
  reason: string | null = null;
  /** Its data directory has failed in this life: it hands over and ends. */
  directoryFailed = false;
  private readonly workerPath: string;
  private readonly clock: Clock;
  private readonly hooks: NodeHooks;
  private worker: Worker | undefined;
  private starting: Waiter<void> | undefined;
  private exited: Promise<void> = Promise.resolve();
  /** How the worker's end is to be called when it comes. */
  private ending: 'stopped' | 'killed' | undefined;
  private readonly statusWaiters = new Map<number, (status: NodeStatus) => void>();
  private readonly waiters = new Map<number, () => void>();
  private thawing: (() => void) | undefined;
  private requests = 0;
  private frozen: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  private progress: Int32Array = new Int32Array(new SharedArrayBuffer(4));

  constructor(id: number, workerPath: string, clock: Clock, hooks: NodeHooks) {
    this.id = id;
    this.workerPath = workerPath;
    this.clock = clock;
    this.hooks = hooks;
    this.since = clock.now();
  }

  /** Resolves when the node serves clients; rejects with `ClusterError` NODE_FAILED when it cannot. */
  start(start: Omit<NodeStart, 'memory'>, portOwners: SharedArrayBuffer): Promise<void> {
    if (this.worker !== undefined) return Promise.reject(this.wrongState('started'));
    this.enter('starting');
    this.ending = undefined;
    this.directoryFailed = false;
    const from = this.clock.monotonic();
    const frozen = new SharedArrayBuffer(4);
    const progress = new SharedArrayBuffer(4);
    this.frozen = new Int32Array(frozen);
    this.progress = new Int32Array(progress);
    const workerData: NodeStart = { ...start, memory: { portOwners, frozen, progress } };
    const worker = new Worker(this.workerPath, { workerData, name: `broker-${this.id}` });
    this.worker = worker;
    let failure: string | undefined;
    worker.on('message', (message: FromNode) => {
      if (message.kind === 'ready') {
        this.enter('running');
        this.starting?.resolve();
        this.starting = undefined;
        this.hooks.ready(this.id, Math.round(this.clock.monotonic() - from));
      } else if (message.kind === 'failed') {
        failure = message.message;
        // Whoever asked for the start is told; a node that was told to end is none that failed.
        const known = this.starting !== undefined || this.ending !== undefined;
        if (!known || message.stack !== undefined) this.hooks.log(this.id, 'error', message.message, { stack: message.stack });
      } else this.receive(message);
    });
    worker.on('error', (error: unknown) => {
      failure ??= error instanceof Error ? error.message : String(error);
      this.hooks.log(this.id, 'error', 'the worker ended', { stack: error instanceof Error ? error.stack : String(error) });
    });
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.onExit(failure ?? (this.ending === undefined ? `its worker ended with code ${code}` : undefined));
        resolve();
      });
    });
    return new Promise((resolve, reject) => (this.starting = { resolve, reject }));
  }

  /** Resolves when the worker has ended. One that does not get on with it is terminated. */
  async stop(controlled: boolean): Promise<void> {
    const { worker } = this;
    if (worker === undefined) throw this.wrongState('stopped');
    this.ending ??= 'stopped';
    this.enter('stopping');
    this.post(worker, { kind: 'stop', controlled });
    const { progress } = this;
    const from = Atomics.load(progress, 0);
    const unwatch = watchStop(this.clock, controlled ? CONTROLLED_STOP : QUICK_STOP, {
      progress: () => Atomics.load(progress, 0),
      slow: () => {
        const operations = Atomics.load(progress, 0) - from;
        this.hooks.log(this.id, 'warn', 'still stopping; it is waited for while it gets on', { diskOperations: operations });
      },
      over: (why) => {
        this.hooks.log(this.id, 'warn', `terminated, since ${why} while it stopped`, {});
        this.ending = 'killed';
        void worker.terminate();
      },
    });
    await this.exited;
    unwatch();
  }

  /** For the end of the whole cluster: as `stop`, but who stands still by somebody's wish is not waited for. */
  async end(): Promise<void> {
    // Its state says so only once its thread has answered; that it will stand still is certain before.
    if (Atomics.load(this.frozen, 0) === 0) return this.stop(false);
    this.hooks.log(this.id, 'warn', 'frozen, so it is terminated and not waited for', {});
    return this.kill();
  }

  /** Resolves when the worker is gone, wherever it was. */
  async kill(): Promise<void> {
    const { worker } = this;
    if (worker === undefined) throw this.wrongState('killed');
    this.ending = 'killed';
    await worker.terminate();
    await this.exited;
  }

  /** Resolves when the worker's thread is about to block: nothing of the node moves from then on. */
  async freeze(): Promise<void> {
    const { worker } = this;
    if (worker === undefined || this.state !== 'running') throw this.wrongState('frozen');
    Atomics.store(this.frozen, 0, 1);
    await this.request(worker, (request) => ({ kind: 'freeze', request }));
    // It may have been told to end meanwhile.
    if (this.worker === worker && this.ending === undefined) this.enter('frozen');
  }

  /** Resolves when the thread gets on. */
  async thaw(): Promise<void> {
    if (this.worker === undefined || this.state !== 'frozen') throw this.wrongState('thawed');
    const thawed = new Promise<void>((resolve) => (this.thawing = resolve));
    Atomics.store(this.frozen, 0, 0);
    Atomics.notify(this.frozen, 0);
    this.enter('running');
    await thawed;
  }

  /** Resolves when the node has them in force. One that is frozen has them in force when it thaws, one that is down when it starts. */
  async setFaults(faults: NodeFaults): Promise<void> {
    const { worker } = this;
    if (worker === undefined || this.state === 'stopping') return;
    const done = this.request(worker, (request) => ({ kind: 'faults', request, faults }));
    if (this.state !== 'frozen') await done;
  }

  /** What the node says of itself; undefined when it does not answer in time, or does not run. */
  status(timeoutMs: number): Promise<NodeStatus | undefined> {
    const { worker } = this;
    if (worker === undefined || this.state !== 'running') return Promise.resolve(undefined);
    const request = ++this.requests;
    return new Promise((resolve) => {
      const timer = this.clock.setTimer(timeoutMs, () => {
        this.statusWaiters.delete(request);
        resolve(undefined);
      });
      this.statusWaiters.set(request, (status) => {
        timer.cancel();
        this.statusWaiters.delete(request);
        resolve(status);
      });
      this.post(worker, { kind: 'status', request });
    });
  }

  /** Resolves when its worker has ended. */
  get ended(): Promise<void> {
    return this.exited;
  }

  /** True while there is a worker, whatever its state. */
  get alive(): boolean {
    return this.worker !== undefined;
  }

  /** Resolves when the node has done it, or has ended. */
  private request(worker: Worker, message: (request: number) => ToNode): Promise<void> {
    const request = ++this.requests;
    return new Promise((resolve) => {
      this.waiters.set(request, resolve);
      this.post(worker, message(request));
    });
  }

  private post(worker: Worker, message: ToNode): void {
    worker.postMessage(message);
  }

  private receive(message: Exclude<FromNode, { kind: 'ready' | 'failed' }>): void {
    switch (message.kind) {
      case 'event':
        if (message.event.type === 'node/logDirectoryFailed') this.directoryFailed = true;
        this.hooks.event(this.id, message.event);
        return;
      case 'log':
        this.hooks.log(this.id, message.level, message.message, message.fields);
        return;
      case 'status':
        this.statusWaiters.get(message.request)?.(message.status);
        return;
      case 'done':
        this.waiters.get(message.request)?.();
        this.waiters.delete(message.request);
        return;
      case 'thawed':
        this.thawing?.();
        this.thawing = undefined;
        return;
      case 'stopped':
        return;
    }
  }

  private onExit(failure: string | undefined): void {
    this.worker = undefined;
    this.hooks.gone(this.id);
    for (const done of this.waiters.values()) done();
    this.waiters.clear();
    this.thawing?.();
    this.thawing = undefined;
    const starting = this.starting;
    this.starting = undefined;
    if (this.ending !== undefined) {
      this.enter(this.ending);
      starting?.reject(new ClusterError('WRONG_STATE', `broker ${this.id} was ${this.ending} while it started`));
      return;
    }
    const reason = failure ?? 'its worker ended';
    this.enter('failed');
    this.reason = reason;
    this.hooks.failed(this.id, reason);
    starting?.reject(new ClusterError('NODE_FAILED', `broker ${this.id} could not start: ${reason}`));
  }

  private enter(state: NodeState): void {
    this.state = state;
    this.since = this.clock.now();
    this.reason = null;
  }

  private wrongState(wanted: string): ClusterError {
    return new ClusterError('WRONG_STATE', `broker ${this.id} cannot be ${wanted}: it is ${this.state}`);
  }
}
