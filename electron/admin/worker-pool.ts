/**
 * Work on input that is not trusted, in worker threads that can be terminated: each job has a time limit, each worker a heap limit,
 * and the pool a bound on what waits. A job that breaks a limit fails by name, its worker is replaced, and no other job is affected.
 */
import { Worker, type Transferable } from 'node:worker_threads';
import { AdminError } from './errors.ts';
import { clauseOf } from '#shared/errors';

export interface WorkerPoolOptions {
  /** Of the threads, and what error messages call the work: "Decoding records". */
  name: string;
  subject: string;
  /** The entry of a worker that calls `serveJobs`. */
  path: string;
  threads: number;
  jobTimeoutMs: number;
  heapMb: number;
  /** Jobs that wait or run, and the sum of their bytes. */
  maxJobs: number;
  maxBytes: number;
}

export interface Job<Request> {
  request: Request;
  /** What it counts against the pool's budget. */
  bytes: number;
  transfer?: readonly Transferable[];
}

/** From a worker to its pool. `ready` comes once, before any answer. */
export type FromJobWorker = { kind: 'ready' } | { kind: 'done'; value: unknown } | { kind: 'failed'; message: string };

interface Waiting {
  job: Job<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: AdminError) => void;
}

interface Thread {
  worker: Worker;
  ready: boolean;
  current: Waiting | null;
  timer: NodeJS.Timeout | undefined;
}

const START_TIMEOUT_MS = 30_000;
/** An idle thread holds some 10 MB. */
const IDLE_MS = 60_000;

export class WorkerPool<Request, Response> {
  private readonly options: WorkerPoolOptions;
  private readonly queue: Waiting[] = [];
  private readonly threads = new Set<Thread>();
  private bytes = 0;
  private jobs = 0;
  private closed = false;

  constructor(options: WorkerPoolOptions) {
    this.options = options;
  }

  /**
   * Rejects with an `AdminError`: WORKER_BUSY when the pool's budget is used up, WORKER_TIMED_OUT, WORKER_FAILED when the job ended its
   * worker (out of memory) or threw, CANCELLED when the pool was closed.
   */
  run(job: Job<Request>): Promise<Response> {
    const { maxBytes, maxJobs, subject } = this.options;
    if (this.closed) return Promise.reject(this.failure('CANCELLED', 'the app is closing'));
    if (this.jobs >= maxJobs || this.bytes + job.bytes > maxBytes) {
      return Promise.reject(
        new AdminError({
          code: 'WORKER_BUSY',
          message: `${subject} was refused: ${this.jobs} jobs with ${this.bytes} bytes wait already, and ${maxBytes} bytes may.`,
          advice: 'Try again in some seconds, or read fewer records at a time.',
        }),
      );
    }
    this.jobs++;
    this.bytes += job.bytes;
    const answer = new Promise<unknown>((resolve, reject) => this.queue.push({ job, resolve, reject })).finally(() => {
      this.jobs--;
      this.bytes -= job.bytes;
    });
    this.dispatch();
    return answer as Promise<Response>;
  }

  /** Resolves when every thread has ended. What waits or runs is rejected. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.queue.splice(0)) reject(this.failure('CANCELLED', 'the app is closing'));
    await Promise.all([...this.threads].map((thread) => this.end(thread, this.failure('CANCELLED', 'the app is closing'))));
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const idle = [...this.threads].find(({ current }) => current === null);
      if (idle === undefined && this.threads.size >= this.options.threads) return;
      const waiting = this.queue.shift();
      if (waiting !== undefined) this.tryAssign(idle, waiting);
    }
  }

  /** No thread can be started at a limit of the system, and a request can hold what cannot be sent: only that job fails. */
  private tryAssign(idle: Thread | undefined, waiting: Waiting): void {
    let thread = idle;
    try {
      thread ??= this.start();
      this.assign(thread, waiting);
    } catch (error) {
      waiting.reject(this.failure('WORKER_FAILED', reasonOf(error, this.options.heapMb)));
      if (thread !== undefined) this.rest(thread);
    }
  }

  private start(): Thread {
    const { path, name, heapMb } = this.options;
    const worker = new Worker(path, { name, resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 32 } });
    const thread: Thread = { worker, ready: false, current: null, timer: undefined };
    this.threads.add(thread);
    worker.on('message', (message: FromJobWorker) => this.receive(thread, message));
    worker.on('error', (error: unknown) => void this.end(thread, this.failure('WORKER_FAILED', reasonOf(error, heapMb))));
    worker.on('exit', () => void this.end(thread, this.failure('WORKER_FAILED', 'its worker ended')));
    return thread;
  }

  private assign(thread: Thread, waiting: Waiting): void {
    const { jobTimeoutMs } = this.options;
    thread.current = waiting;
    thread.worker.ref();
    clearTimeout(thread.timer);
    // A thread that still starts is not the job's fault.
    const limitMs = thread.ready ? jobTimeoutMs : jobTimeoutMs + START_TIMEOUT_MS;
    const error = this.failure('WORKER_TIMED_OUT', `it took longer than ${jobTimeoutMs / 1_000} s`);
    thread.timer = setTimeout(() => void this.end(thread, error), limitMs);
    thread.worker.postMessage(waiting.job.request, [...(waiting.job.transfer ?? [])]);
  }

  private receive(thread: Thread, message: FromJobWorker): void {
    if (message.kind === 'ready') {
      thread.ready = true;
      return;
    }
    const { current } = thread;
    this.rest(thread);
    if (message.kind === 'done') current?.resolve(message.value);
    else current?.reject(this.failure('WORKER_FAILED', message.message));
    this.dispatch();
  }

  /** The thread has no job. It ends unless it receives one within `IDLE_MS`. */
  private rest(thread: Thread): void {
    thread.current = null;
    clearTimeout(thread.timer);
    thread.timer = setTimeout(() => void this.end(thread, null), IDLE_MS);
    thread.timer.unref();
    thread.worker.unref();
  }

  private async end(thread: Thread, error: AdminError | null): Promise<void> {
    if (!this.threads.delete(thread)) return;
    clearTimeout(thread.timer);
    const { current } = thread;
    thread.current = null;
    if (error !== null) current?.reject(error);
    this.dispatch();
    await thread.worker.terminate();
  }

  private failure(code: string, why: string): AdminError {
    return new AdminError({ code, message: `${this.options.subject} failed: ${why}.` });
  }
}

function reasonOf(error: unknown, heapMb: number): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return `it needed more than ${heapMb} MB of memory`;
  return clauseOf(error);
}
