/** The session of a connection, and the requests that open, move and close it. */
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { coordinationSession } from '../quorum/zookeeper-state/apis.ts';

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

/** The connection of a session, as the endpoint addresses it. */
export interface SessionConnection {
  readonly session: ClientSession | undefined;
  sessionEnded(): void;
  destroy(reason: string): void;
}

type AnyRequest = RequestOf<typeof coordinationSession>['sessions'][number];
export type SessionRequest = Partial<AnyRequest> & Pick<AnyRequest, 'action' | 'holder'>;
export type SessionAnswer = ResponseOf<typeof coordinationSession>['sessions'][number];

/** A request without a definite outcome: closing the connection reports that to the client. */
export class OutcomeUnknown extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutcomeUnknown';
  }
}
