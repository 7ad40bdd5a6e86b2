/** The thread of a node, reduced to what the supervisor uses of it, so that a test can put another one in its place. */
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

/** Threads that run the file at `path`. */
export function workerThreads(path: string): WorkerFactory {
  return (workerData, name) => new Worker(path, { workerData, name });
}
