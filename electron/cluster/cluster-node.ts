/**
 * One node in the supervisor: its worker and its state. Every requested change of state is a transition in the node's queue; only the end of
 * the worker changes the state at any time.
 *
 *     stopped, killed, failed → starting → running ⇄ frozen
 *     starting, running, frozen → stopping → stopped; killed from any state with a worker; failed when the worker ends by itself
 */
import { adviseOnFailure, ClusterError } from './cluster-errors.ts';
import { watchStop, type StopLimits } from './cluster-stop-watch.ts';
import type { FromNode, NodeStart, NodeStatus, ToNode } from './cluster-messages.ts';
import { TransitionQueue } from './cluster-transitions.ts';
import { settlesWithin } from './cluster-waiting.ts';
import type { NodeWorker, WorkerFactory } from './cluster-worker.ts';
import type { NodeFaults } from './lib/node-faults.ts';
import type { Clock } from './lib/clock.ts';
import type { NodeEvent } from './lib/events.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import { messageOf } from '#shared/errors';
import { formatWholeSeconds } from '#shared/numbers';

export type NodeState = 'starting' | 'running' | 'frozen' | 'stopping' | 'stopped' | 'killed' | 'failed';

export interface NodeHooks {
  event: (node: number, event: NodeEvent) => void;
  log: (node: number, level: LogLevel, message: string, fields: LogFields) => void;
  /** The worker ended without a request, or could not start. */
  failed: (node: number, reason: string) => void;
  ready: (node: number, startedInMs: number) => void;
  /** The worker has ended, and its sockets with it. */
  gone: (node: number) => void;
}

/** A controlled shutdown takes at most 10 s (`node.ts`), possibly without disk operations; afterwards the logs are closed. */
const CONTROLLED_STOP: StopLimits = { quietMs: 12_000, totalMs: 40_000 };
/** Not controlled, but clean: all logs with unflushed records are flushed, possibly thousands. */
const QUICK_STOP: StopLimits = { quietMs: 4_000, totalMs: 30_000 };
/** A thread ends within milliseconds of its termination, unless a system call (an fsync on a hung disk) blocks it. */
const TERMINATION_MS = 10_000;
/** The same for the response to a message. */
const ANSWER_MS = 10_000;
/** A node whose log directory failed ends within 10 s of controlled shutdown; three times that for a busy machine. */
const END_MS = 30_000;

interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

export class ClusterNode {
  readonly id: number;
  /** All starts, stops, kills, freezes, thaws and the removal of this node. */
  readonly transitions: TransitionQueue;
  state: NodeState = 'stopped';
  /** Wall-clock milliseconds of the last change of state. */
  since: number;
  /** Why its state is `failed`. */
  reason: string | null = null;
  /** The data directory of the running incarnation has failed: the node shuts down. */
  directoryFailed = false;
  /** It has had a worker, so other nodes may know it. */
  hasRun = false;
  private readonly createWorker: WorkerFactory;
  private readonly clock: Clock;
  private readonly hooks: NodeHooks;
  private worker: NodeWorker | undefined;
  private retired = false;
  private starting: Waiter<void> | undefined;
  private exited: Promise<void> = Promise.resolve();
  /** The state after the end of the worker; undefined: `failed`. */
  private ending: 'stopped' | 'killed' | undefined;
  private readonly statusWaiters = new Map<number, (status: NodeStatus) => void>();
  private readonly waiters = new Map<number, () => void>();
  private thawing: (() => void) | undefined;
  private requests = 0;
  private frozen: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  private progress: Int32Array = new Int32Array(new SharedArrayBuffer(4));

  constructor(id: number, createWorker: WorkerFactory, clock: Clock, hooks: NodeHooks) {
    this.id = id;
    this.transitions = new TransitionQueue(`broker ${id}`);
    this.createWorker = createWorker;
    this.clock = clock;
    this.hooks = hooks;
    this.since = clock.now();
  }

  /** Shows the node as starting already while it waits for the other nodes to know its address. */
  reserve(): void {
    this.enter('starting');
  }

  /**
   * Resolves when the node serves clients. Rejects with `ClusterError` NODE_FAILED when it cannot, WRONG_STATE when it was killed or the
   * cluster was closed meanwhile. An abort of the signal terminates the worker.
   */
  async start(start: Omit<NodeStart, 'memory'>, portOwners: SharedArrayBuffer, signal: AbortSignal): Promise<void> {
    if (this.worker !== undefined) throw this.wrongState('started');
    if (this.retired || signal.aborted) {
      this.enter(this.retired ? 'stopped' : 'killed');
      throw new ClusterError('WRONG_STATE', `broker ${this.id} was ${this.state} before it started`);
    }
    this.enter('starting');
    this.ending = undefined;
    this.directoryFailed = false;
    const frozen = new SharedArrayBuffer(4);
    const progress = new SharedArrayBuffer(4);
    this.frozen = new Int32Array(frozen);
    this.progress = new Int32Array(progress);
    const worker = this.launch({ ...start, memory: { portOwners, frozen, progress } });
    const ready = new Promise<void>((resolve, reject) => (this.starting = { resolve, reject }));
    await this.interruptible(signal, worker, ready);
  }

  /** Resolves when the worker has ended. A worker without progress, or an interrupted one, is terminated. Rejects with NODE_FAILED if that fails. */
  async stop(controlled: boolean, signal?: AbortSignal): Promise<void> {
    const { worker } = this;
    if (worker === undefined) throw this.wrongState('stopped');
    this.ending ??= 'stopped';
    this.enter('stopping');
    worker.postMessage({ kind: 'stop', controlled });
    const { progress } = this;
    const from = Atomics.load(progress, 0);
    let unwatch = (): void => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      void this.exited.then(resolve);
      unwatch = watchStop(this.clock, controlled ? CONTROLLED_STOP : QUICK_STOP, {
        progress: () => Atomics.load(progress, 0),
        slow: () => {
          const operations = Atomics.load(progress, 0) - from;
          this.hooks.log(this.id, 'warn', 'still stopping; waiting while it makes progress', { diskOperations: operations });
        },
        over: (why) => {
          this.hooks.log(this.id, 'warn', `terminated: ${why} during its stop`, {});
          this.terminate(worker).catch(reject);
        },
      });
    });
    try {
      await this.interruptible(signal, worker, ended);
    } finally {
      unwatch();
    }
  }

  /**
   * Ends the node with the whole cluster: as `stop`, at any time and outside the queue; a frozen node is terminated. The node does not start
   * again. Rejects with NODE_FAILED when its worker cannot be ended.
   */
  async end(): Promise<void> {
    this.retired = true;
    if (this.worker === undefined) return;
    // The state changes only after the thread has answered, but from here on it will certainly block.
    if (Atomics.load(this.frozen, 0) === 0) return this.stop(false);
    this.hooks.log(this.id, 'warn', 'frozen, so it is terminated without a stop', {});
    return this.kill();
  }

  /** Resolves when the worker has ended, at any instruction. Rejects with NODE_FAILED when it does not end. */
  async kill(): Promise<void> {
    const { worker } = this;
    if (worker === undefined) throw this.wrongState('killed');
    await this.terminate(worker);
  }

  /** Resolves when the worker's thread is about to block: from then on the whole node is suspended. */
  async freeze(signal: AbortSignal): Promise<void> {
    const { worker } = this;
    if (worker === undefined || this.state !== 'running') throw this.wrongState('frozen');
    Atomics.store(this.frozen, 0, 1);
    const answer = this.request(worker, (request) => ({ kind: 'freeze', request }));
    const answered = await this.interruptible(signal, worker, this.answers(answer));
    if (this.worker !== worker || this.ending !== undefined) throw this.wrongState('frozen');
    if (!answered) {
      this.release();
      throw new ClusterError(
        'NODE_FAILED',
        `broker ${this.id} was not frozen: its thread did not answer within ${formatWholeSeconds(ANSWER_MS)}`,
      );
    }
    this.enter('frozen');
  }

  /** Resolves when the thread runs again. */
  async thaw(): Promise<void> {
    if (this.worker === undefined || this.state !== 'frozen') throw this.wrongState('thawed');
    const thawed = new Promise<void>((resolve) => (this.thawing = resolve));
    this.release();
    this.enter('running');
    await this.answers(thawed);
  }

  /** Resolves when the node has applied them. A frozen node applies them when it thaws, a stopped one when it starts. */
  async setFaults(faults: NodeFaults): Promise<void> {
    const { worker } = this;
    if (worker === undefined || this.state === 'stopping') return;
    const done = this.request(worker, (request) => ({ kind: 'faults', request, faults }));
    if (this.state !== 'frozen') await this.answers(done);
  }

  /** The node's reported status; undefined when it does not answer in time, or does not run. */
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
      worker.postMessage({ kind: 'status', request });
    });
  }

  /**
   * Resolves when there is no worker: it has ended by itself, or by an abort of the signal. Rejects with `ClusterError` NODE_FAILED when the
   * worker has not ended within `END_MS`, so that the caller releases the queue.
   */
  async waitForEnd(signal: AbortSignal): Promise<void> {
    const { worker } = this;
    if (worker === undefined || (await this.interruptible(signal, worker, settlesWithin(this.clock, END_MS, this.exited)))) return;
    throw new ClusterError('NODE_FAILED', `broker ${this.id} did not end within ${formatWholeSeconds(END_MS)}. Kill it, then start it.`);
  }

  /** Whether there is a worker, in any state. */
  get alive(): boolean {
    return this.worker !== undefined;
  }

  private launch(start: NodeStart): NodeWorker {
    const from = this.clock.monotonic();
    let worker: NodeWorker;
    try {
      worker = this.createWorker(start, `broker-${this.id}`);
    } catch (cause) {
      const reason = messageOf(cause);
      this.enter('failed');
      this.reason = reason;
      throw new ClusterError('NODE_FAILED', `broker ${this.id} could not start: ${reason}`, { cause });
    }
    this.worker = worker;
    this.hasRun = true;
    let failure: string | undefined;
    worker.on('message', (message: FromNode) => {
      if (message.kind === 'ready') {
        // The node was stopped while it started; its start is rejected when the worker has ended.
        if (this.ending !== undefined) return;
        this.enter('running');
        this.starting?.resolve();
        this.starting = undefined;
        this.hooks.ready(this.id, Math.round(this.clock.monotonic() - from));
      } else if (message.kind === 'failed') {
        failure = message.message;
        // The caller of the start receives the error; after a requested end a failure is expected.
        const known = this.starting !== undefined || this.ending !== undefined;
        if (!known || message.stack !== undefined) this.hooks.log(this.id, 'error', message.message, { stack: message.stack });
      } else this.receive(message);
    });
    worker.on('error', (error: unknown) => {
      failure ??= messageOf(error);
      this.hooks.log(this.id, 'error', 'the worker ended', { stack: error instanceof Error ? error.stack : String(error) });
    });
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.onExit(failure ?? (this.ending === undefined ? `its worker ended with code ${code}` : undefined));
        resolve();
      });
    });
    return worker;
  }

  /** Settles as `wait` does. An abort terminates the worker, which settles `wait`; rejects when the worker cannot be terminated. */
  private async interruptible<T>(signal: AbortSignal | undefined, worker: NodeWorker, wait: Promise<T>): Promise<T> {
    if (signal === undefined) return wait;
    let onAbort = (): void => undefined;
    const blocked = new Promise<never>((_, reject) => {
      onAbort = () => void this.terminate(worker).catch(reject);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await Promise.race([wait, blocked]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async terminate(worker: NodeWorker): Promise<void> {
    if (this.worker !== worker) return;
    this.ending = 'killed';
    const terminated = Promise.all([worker.terminate(), this.exited]);
    if (await settlesWithin(this.clock, TERMINATION_MS, terminated)) return;
    if (this.state !== 'stopping') this.enter('stopping');
    const why = `its worker did not end within ${formatWholeSeconds(TERMINATION_MS)}: a system call blocks the thread, most likely on its disk`;
    this.hooks.log(this.id, 'error', why, {});
    throw new ClusterError('NODE_FAILED', `broker ${this.id} was not terminated: ${why}`);
  }

  private release(): void {
    Atomics.store(this.frozen, 0, 0);
    Atomics.notify(this.frozen, 0);
  }

  /** False, with a log line, when the response does not arrive in time. */
  private async answers(answer: Promise<void>): Promise<boolean> {
    if (await settlesWithin(this.clock, ANSWER_MS, answer)) return true;
    this.hooks.log(this.id, 'warn', `no response within ${formatWholeSeconds(ANSWER_MS)}: the node's thread is blocked or busy`, {});
    return false;
  }

  /** Resolves when the node has answered, or has ended. */
  private request(worker: NodeWorker, message: (request: number) => ToNode): Promise<void> {
    const request = ++this.requests;
    return new Promise((resolve) => {
      this.waiters.set(request, resolve);
      worker.postMessage(message(request));
    });
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
    starting?.reject(new ClusterError('NODE_FAILED', `broker ${this.id} could not start: ${reason}${adviseOnFailure(reason)}`));
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
