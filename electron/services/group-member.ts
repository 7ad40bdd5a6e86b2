/** Controls one member of a group load: the worker in which its kafkajs consumer runs. */
import { Worker } from 'node:worker_threads';
import type { FromMember, MemberStart, ToMember } from '../admin/load/messages.ts';
import type { LoadMember } from '#shared/models/load';
import { ServiceError } from './errors.ts';

const HEAP_MB = 512;

/** A consumer processes the records that it has fetched before it leaves. */
const LEAVE_TIMEOUT_MS = 10_000;

export interface MemberHooks {
  /** It received a new assignment. */
  joined: () => void;
  changed: () => void;
  complained: (message: string | null) => void;
  /** Its worker ended without a request to do so. */
  failed: (error: unknown) => void;
}

export class GroupMember {
  readonly number: number;
  /** Resolves when its client is connected; rejects with `ServiceError` if the worker ends first. */
  readonly connected: Promise<void>;
  memberId: string | null = null;
  private state: LoadMember['state'] = 'joining';
  private assignment: LoadMember['assignment'] = [];
  private readonly hooks: MemberHooks;
  private readonly worker: Worker;
  private readonly pausedMemory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  private readonly consumedMemory = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  private readonly exited: Promise<void>;
  private readonly connecting = Promise.withResolvers<undefined>();
  private left = Promise.withResolvers<undefined>();
  private standing: PromiseWithResolvers<undefined> | undefined;
  private ending = false;
  private failure: unknown = new Error('its worker ended');

  constructor(start: Omit<MemberStart, 'paused' | 'consumed'>, workerPath: string, hooks: MemberHooks) {
    this.number = start.number;
    this.hooks = hooks;
    this.connected = this.connecting.promise;
    // Callers that await it receive the error; without one it must not be an unhandled rejection.
    this.connected.catch(() => undefined);
    const workerData: MemberStart = { ...start, paused: this.pausedMemory, consumed: this.consumedMemory };
    this.worker = new Worker(workerPath, {
      workerData,
      name: `load-${start.spec.name}-${start.number}`,
      // kafkajs creates an object for every record of a batch: a hostile batch ends only this thread.
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.worker.on('message', (message: FromMember) => this.receive(message));
    this.worker.on('error', (error: unknown) => (this.failure = error));
    this.exited = new Promise((resolve) =>
      this.worker.once('exit', () => {
        this.onExit();
        resolve();
      }),
    );
  }

  get alive(): boolean {
    return this.state !== 'ended';
  }

  get paused(): boolean {
    return Atomics.load(new Int32Array(this.pausedMemory), 0) === 1;
  }

  get consuming(): boolean {
    return this.state === 'consuming' && this.assignment.length > 0;
  }

  row(): LoadMember {
    const { number, memberId, state, assignment } = this;
    return { number, memberId, state, assignment, consumed: Number(Atomics.load(new BigInt64Array(this.consumedMemory), 0)) };
  }

  /** Resolves when its thread is about to block. */
  async pause(): Promise<void> {
    Atomics.store(new Int32Array(this.pausedMemory), 0, 1);
    this.standing = Promise.withResolvers<undefined>();
    this.post({ kind: 'pause' });
    await this.standing.promise;
  }

  /** Resolves when its thread runs again. */
  async resume(): Promise<void> {
    this.standing = Promise.withResolvers<undefined>();
    this.wake();
    await this.standing.promise;
  }

  /** Leaves the group, then ends. A paused member, or one that takes too long, ends without leaving. */
  async leave(): Promise<void> {
    if (!this.alive) return;
    this.ending = true;
    if (this.paused) return this.end();
    this.post({ kind: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_TIMEOUT_MS);
    });
    await Promise.race([this.left.promise, late, this.exited]);
    clearTimeout(timer);
    await this.end();
  }

  /** Terminates the worker: its sockets are closed without a LeaveGroup request. */
  async end(): Promise<void> {
    this.ending = true;
    await this.worker.terminate();
    await this.exited;
  }

  private wake(): void {
    const paused = new Int32Array(this.pausedMemory);
    Atomics.store(paused, 0, 0);
    Atomics.notify(paused, 0);
  }

  private post(message: ToMember): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromMember): void {
    switch (message.kind) {
      case 'connected':
        this.connecting.resolve(undefined);
        return;
      case 'joined':
        this.memberId = message.memberId;
        this.assignment = message.assignment;
        this.hooks.joined();
        if (this.state === 'joining') this.state = 'consuming';
        break;
      case 'rejoining':
        this.assignment = [];
        if (this.state === 'consuming') this.state = 'joining';
        break;
      case 'paused':
        if (this.alive) this.state = 'paused';
        this.standing?.resolve(undefined);
        break;
      case 'resumed':
        // Its session has most likely expired; `joined` brings the new assignment.
        if (this.alive) this.state = this.memberId === null ? 'joining' : 'consuming';
        this.standing?.resolve(undefined);
        break;
      case 'complaint':
        this.hooks.complained(message.message);
        return;
      case 'ended':
        this.left.resolve(undefined);
        return;
    }
    this.hooks.changed();
  }

  private onExit(): void {
    this.state = 'ended';
    this.assignment = [];
    this.connecting.reject(new ServiceError({ code: 'CANCELLED', message: `Member ${this.number} ended before it was connected.` }));
    this.standing?.resolve(undefined);
    if (!this.ending) this.hooks.failed(this.failure);
    this.hooks.changed();
  }
}
