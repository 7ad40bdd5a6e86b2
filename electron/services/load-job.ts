/** The base of both kinds of load: state, errors and time limits. */
import type { LoadRow, LoadSpec, LoadState } from '#shared/models/load';
import type { ClusterNote } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';

export interface LoadJobOptions {
  id: number;
  bootstrap: string;
  /** See `ClusterClient`. */
  connectHost: string | undefined;
  workerPath: string;
  /** Called when the result of `row` has changed. */
  changed: () => void;
  note: (note: ClusterNote) => void;
  onError: (what: string, error: unknown) => void;
}

/** Clients of a healthy cluster connect within two seconds; during a failover they wait for it. */
export const CONNECT_TIMEOUT_MS = 30_000;
/** Above the limit that workers have for requests in flight. */
export const STOP_TIMEOUT_MS = 15_000;

export abstract class LoadJob {
  readonly id: number;
  readonly since = Date.now();
  abstract readonly spec: LoadSpec;
  state: LoadState = 'starting';
  error: string | null = null;
  protected readonly options: LoadJobOptions;

  constructor(options: LoadJobOptions) {
    this.id = options.id;
    this.options = options;
  }

  /** Resolves when its clients are connected; if it rejects with `ServiceError`, no client is left. */
  abstract start(): Promise<void>;
  /** Resolves when its clients have ended. */
  abstract stop(): Promise<void>;
  /** Terminates its workers and releases their memory. */
  abstract destroy(): Promise<void>;
  abstract row(): LoadRow;
  /** Called a few times a second while a load runs. */
  abstract tick(): void;

  get alive(): boolean {
    return this.state === 'starting' || this.state === 'running' || this.state === 'stopping';
  }

  protected enter(state: LoadState, error = this.error): void {
    this.state = state;
    this.error = error;
    this.options.changed();
  }

  protected complain(message: string | null): void {
    if (this.error === message) return;
    this.error = message;
    this.options.changed();
  }

  protected connecting<T>(connected: Promise<T>): Promise<T> {
    return within(connected, CONNECT_TIMEOUT_MS, () => {
      const why = this.error === null ? 'the cluster does not answer' : this.error.replace(/\.$/, '');
      return new ServiceError({
        code: 'BROKER_UNREACHABLE',
        message: `The clients of ${this.spec.name} could not connect within ${CONNECT_TIMEOUT_MS / 1_000} s: ${why}.`,
        advice: 'End the faults, or start the load once brokers answer.',
      });
    });
  }
}

/** Rejects with the error that `late` returns if `promise` is not settled within `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
