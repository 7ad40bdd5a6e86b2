/** The supervisor's view of a node's thread; tests replace it. */
import { Worker } from 'node:worker_threads';
import type { FromNode, NodeStart, ToNode } from './cluster-messages.ts';

export interface NodeWorker {
  on(event: 'message', listener: (message: FromNode) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
  postMessage(message: ToNode): void;
  /** Ends the thread between two instructions; a thread inside a blocking system call ends after that call. */
  terminate(): Promise<unknown>;
}

/** Throws where no thread can be started. */
export type WorkerFactory = (start: NodeStart, name: string) => NodeWorker;

/**
 * V8 collects late while the heap limit leaves room: with a limit of 2 GB or more the heap may grow to four times its reachable size, with a
 * smaller one to less than twice (heap-controller.cc); the default is 4 GB. Unreferenced buffers grow with the young generation, 48 MB by
 * default; with 12 MB collections are so frequent that produce requests of 1 MB take a tenth longer. `npm run soak` measures the saving.
 */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 2_000, maxYoungGenerationSizeMb: 24 };

/** Threads that run the file at `path`. */
export function workerThreads(path: string): WorkerFactory {
  return (workerData, name) => new Worker(path, { workerData, name, resourceLimits: HEAP_LIMITS });
}
