/** The services that a scenario run uses, the errors that end a run, and waits that a cancelled run interrupts. */
import type { ClusterClient } from '../admin/cluster-client.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';

export interface RunEnvironment {
  lab: Lab;
  loads: Loads;
  /** Owned by the run: its requests are not queued behind those of other users. */
  client: ClusterClient;
}

/** The caller cancelled the run. */
export class CancelledRunError extends Error {
  constructor() {
    super('The run was cancelled.');
    this.name = 'CancelledRunError';
  }
}

/** The run cannot continue, for a reason other than a failed expectation. */
export class BrokenRunError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'BrokenRunError';
  }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new CancelledRunError());
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new CancelledRunError());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Settles as `action` does. Rejects with `CancelledRunError` when `signal` aborts first, with `BrokenRunError` after `timeoutMs`. */
export async function bounded<T>(what: string, timeoutMs: number, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const working = action();
  // The promise that loses the race may still reject; its error is then of no use.
  working.catch(() => undefined);
  const late = pause(timeoutMs, both).then(() => {
    throw new BrokenRunError(`${what} was not done after ${Math.round(timeoutMs / 1000)} s.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([working, late]);
  } finally {
    over.abort();
  }
}
