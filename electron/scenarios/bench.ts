/** What a scenario runs on, and what ends it. */
import type { ClusterClient } from '../admin/cluster-client.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';

export interface Bench {
  lab: Lab;
  loads: Loads;
  /** Of its own: nobody else waits behind its requests. */
  client: ClusterClient;
}

/** The run was ended from outside. */
export class Cancelled extends Error {
  constructor() {
    super('The run was cancelled.');
    this.name = 'Cancelled';
  }
}

/** The run cannot go on, and it is not the cluster that failed an expectation. */
export class Broken extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Broken';
  }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new Cancelled());
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Cancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** What `action` comes to, unless the run is ended first or it takes longer than `timeoutMs`. */
export async function bounded<T>(what: string, timeoutMs: number, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const working = action();
  // The loser of the race may still fail; by then nobody waits for it.
  working.catch(() => undefined);
  const late = pause(timeoutMs, both).then(() => {
    throw new Broken(`${what} was not done after ${Math.round(timeoutMs / 1000)} s.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([working, late]);
  } finally {
    over.abort();
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
