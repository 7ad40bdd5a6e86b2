/**
 * The identity behind the requests of a connection. No listener authenticates its clients yet: each of them is `User:ANONYMOUS`, as on a
 * PLAINTEXT listener of Apache Kafka.
 */
export interface Principal {
  /** `User` for all principals of Apache Kafka's own authentication. */
  readonly type: string;
  readonly name: string;
}

export interface Session {
  readonly principal: Principal;
  /** The client's address without the port, as ACLs and consumer group tools name it. */
  readonly clientHost: string;
  /** Name of the listener at which the client connected: `PLAINTEXT`, `CONTROLLER`. */
  readonly listener: string;
  /** Whether the client has proved that it is the principal. */
  readonly authenticated: boolean;
}

export const ANONYMOUS: Principal = { type: 'User', name: 'ANONYMOUS' };

export function anonymousSession(listener: string, clientHost: string): Session {
  return { principal: ANONYMOUS, clientHost, listener, authenticated: false };
}
