/** The session of a connection, and the context of its requests. */
import type { Endpoint } from './endpoint.ts';
import type { Watcher } from './watches.ts';

export interface ClientSession {
  readonly id: bigint;
  /** The connection's own number; a connection that takes the session over has a different one. */
  readonly holder: bigint;
  readonly timeoutMs: number;
  /** The session exists at this node only and cannot write: there was no quorum to open it. */
  readonly local: boolean;
  readonly host: string;
  /** Number of the next write; starts at a random value, so that no two connections of one session use the same numbers. */
  nextRequest: bigint;
}

export interface RequestContext {
  readonly endpoint: Endpoint;
  readonly session: ClientSession;
  readonly watcher: Watcher;
}

/** A request without a definite outcome: closing the connection reports that to the client. */
export class OutcomeUnknown extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutcomeUnknown';
  }
}
