/** The session that a connection is for, and what a request of it needs. */
import type { Endpoint } from './endpoint.ts';
import type { Watcher } from './watches.ts';

export interface ClientSession {
  readonly id: bigint;
  /** The connection's own number; the connection that takes the session over has another. */
  readonly holder: bigint;
  readonly timeoutMs: number;
  /** The session is this node's alone and can change nothing: there was no quorum to open it. */
  readonly local: boolean;
  readonly host: string;
  /** Numbers the changes; begins anywhere, so that no two connections of one session number alike. */
  nextRequest: bigint;
}

export interface RequestContext {
  readonly endpoint: Endpoint;
  readonly session: ClientSession;
  readonly watcher: Watcher;
}

/** A request without a definite outcome: the connection is closed, which reports exactly that to the client. */
export class OutcomeUnknown extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutcomeUnknown';
  }
}
