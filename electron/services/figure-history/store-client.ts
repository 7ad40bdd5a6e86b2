/** The main thread's side of the worker that keeps histories: calls with a bound on how many wait and for how long. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AdminError } from '../../admin/errors.ts';
import { clauseOf } from '#shared/errors';
import type { FromStoreWorker, StoreCall, StoreCalls, StorePlace } from './store-calls.ts';

export interface StoreWorker {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: FromStoreWorker) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

export interface StoreClientOptions {
  /** Receives sentences about what may be lost, and those of the worker. */
  onNotice: (text: string) => void;
  startWorker?: () => StoreWorker;
  callTimeoutMs?: number;
  closeTimeoutMs?: number;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: AdminError) => void;
  timer: NodeJS.Timeout;
}

const MAX_WAITING = 256;
/** An old history on a slow disk is checked when it is opened. */
const CALL_TIMEOUT_MS = 20_000;
const CLOSE_TIMEOUT_MS = 5_000;
const HEAP_MB = 256;
/** Samples live for seconds: a large young generation would only delay their collection. */
const YOUNG_MB = 16;
/** A worker that ends this often will not work at the next attempt either. */
const MAX_STARTS = 5;

/** Beside this very file's bundle when built (out/main); the TypeScript source otherwise. */
function startWorker(): StoreWorker {
  const path = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'figure-worker.ts' : 'figure-worker.cjs');
  return new Worker(path, { name: 'figures', resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB } });
}

export class StoreClient {
  private readonly onNotice: (text: string) => void;
  private readonly start: () => StoreWorker;
  private readonly callTimeoutMs: number;
  private readonly closeTimeoutMs: number;
  private readonly waiting = new Map<number, Waiting>();
  /** Settle when the worker has answered, or will not. */
  private readonly answers = new Set<Promise<unknown>>();
  /** Opened again in a new worker. */
  private readonly open = new Map<string, StorePlace>();
  private worker: StoreWorker | undefined;
  private starts = 0;
  private lastId = 0;
  private closed = false;

  constructor(options: StoreClientOptions) {
    this.onNotice = options.onNotice;
    this.start = options.startWorker ?? startWorker;
    this.callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    this.closeTimeoutMs = options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS;
  }

  /** Rejects with an `AdminError` HISTORY_UNAVAILABLE, which says why. */
  call<C extends StoreCall>(store: string, call: C, args: StoreCalls[C]['args']): Promise<StoreCalls[C]['value']> {
    if (this.closed) return Promise.reject(unavailable('the app is closing'));
    if (this.waiting.size >= MAX_WAITING) return Promise.reject(unavailable(`${this.waiting.size} requests to it wait already`));
    try {
      const worker = this.running();
      if (call === 'open') this.open.set(store, args as StorePlace);
      if (call === 'close' || call === 'delete') this.open.delete(store);
      return this.send(worker, store, call, args);
    } catch (error) {
      return Promise.reject(error instanceof AdminError ? error : unavailable(clauseOf(error)));
    }
  }

  /** What waits is written, within a bound of time. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { worker } = this;
    if (worker === undefined) return;
    worker.ref();
    for (const store of this.open.keys()) void this.send(worker, store, 'close', null).catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.onNotice(`The last seconds of history may be lost: they were not written within ${this.closeTimeoutMs / 1_000} s.`);
        resolve();
      }, this.closeTimeoutMs);
    });
    await Promise.race([Promise.allSettled(this.answers), late]);
    clearTimeout(timer);
    this.worker = undefined;
    this.rejectAll(unavailable('the app is closing'));
    await worker.terminate();
  }

  private running(): StoreWorker {
    if (this.worker !== undefined) return this.worker;
    if (this.starts >= MAX_STARTS) throw unavailable(`its worker has ended ${this.starts} times`);
    this.starts++;
    const worker = this.start();
    this.worker = worker;
    // Recording keeps no process alive.
    worker.unref();
    worker.on('message', (message) => this.receive(message));
    worker.on('error', (error) => this.end(worker, clauseOf(error)));
    worker.on('exit', () => this.end(worker, 'its worker ended'));
    for (const [store, place] of this.open)
      this.send(worker, store, 'open', place).catch((error: unknown) => this.onNotice(clauseOf(error)));
    return worker;
  }

  private send<C extends StoreCall>(
    worker: StoreWorker,
    store: string,
    call: C,
    args: StoreCalls[C]['args'],
  ): Promise<StoreCalls[C]['value']> {
    const id = ++this.lastId;
    const answer = new Promise<StoreCalls[C]['value']>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(unavailable(`it did not answer within ${this.callTimeoutMs / 1_000} s`));
      }, this.callTimeoutMs);
      timer.unref();
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      worker.postMessage({ id, store, call, args });
    });
    this.answers.add(answer);
    // Its failure is the caller's.
    const forget = (): void => void this.answers.delete(answer);
    answer.then(forget, forget);
    return answer;
  }

  private receive(message: FromStoreWorker): void {
    if (message.kind === 'notice') {
      this.onNotice(message.text);
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (waiting === undefined) return;
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === 'answered') waiting.resolve(message.value);
    else waiting.reject(unavailable(message.message));
  }

  private end(worker: StoreWorker, why: string): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.rejectAll(unavailable(why));
  }

  private rejectAll(error: AdminError): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.waiting.clear();
  }
}

function unavailable(why: string): AdminError {
  return new AdminError({
    code: 'HISTORY_UNAVAILABLE',
    message: `The history of figures is not available: ${why}.`,
    advice: 'Figures of now are not affected. Restart the app if it stays so.',
  });
}
