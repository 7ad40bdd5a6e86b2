/**
 * The boundary between the network and the APIs: the network layer passes whole request frames to a `Dispatch` and sends its results back,
 * in order. It does not know APIs; handlers do not know sockets.
 */
import type { RequestHeader } from '../protocol/frame.ts';
import type { Reader } from '../protocol/reader.ts';
import { anonymousSession, type Session } from '../security/session.ts';

/** Properties of the connection of a request, for handlers. */
export interface ConnectionInfo {
  /** Unique within a run of the node. */
  readonly id: number;
  /** The client's address without the port, as consumer group tools show it. */
  readonly clientHost: string;
  /** Name of the listener at which it arrived: `PLAINTEXT`, `CONTROLLER`. */
  readonly listener: string;
  readonly session: Session;
  readonly open: boolean;
  /** Runs once when the connection has closed (at once if it already has). */
  onClose(callback: () => void): void;
  /**
   * Reports that the request in progress is complete except for its response: the next one of the connection may
   * begin, where its API is `pipelined`. Responses are still sent in the order of the requests.
   */
  answerLater(): void;
  /** Bytes of records that a response may hold now; infinite for other nodes. One batch is always allowed, whatever its size. */
  answerRoom(): number;
  /** Counts records that were read for the request in progress, until its response has been sent. */
  holdAnswer(bytes: number): void;
}

export interface IncomingRequest {
  readonly header: RequestHeader;
  /** Positioned behind the request header. */
  readonly reader: Reader;
  readonly connection: ConnectionInfo;
  /** Monotonic milliseconds when the frame was complete. */
  readonly receivedAt: number;
}

/**
 * Processes one request. The chunks are a complete response frame, length included; null sends nothing (acks=0). A
 * rejection closes the connection and is logged with its reason.
 */
export type Dispatch = (request: IncomingRequest) => Promise<Uint8Array[] | null> | Uint8Array[] | null;

/** Properties of a request besides its body. */
export interface RequestContext {
  readonly version: number;
  /** Empty where the client sent none. */
  readonly clientId: string;
  readonly connection: ConnectionInfo;
  /** Of the client that sent the request; the connection may be that of a broker that forwarded it. */
  readonly session: Session;
  readonly listener: string;
  /** Monotonic milliseconds when the frame was complete; a request's own timeout counts from here. */
  readonly receivedAt: number;
}

/** The connection of requests that a node sends to its own controller. */
export function inProcessConnection(listener: string): ConnectionInfo {
  const clientHost = '/127.0.0.1';
  return {
    id: 0,
    clientHost,
    listener,
    session: anonymousSession(listener, clientHost),
    open: true,
    onClose: () => undefined,
    answerLater: () => undefined,
    answerRoom: () => Number.POSITIVE_INFINITY,
    holdAnswer: () => undefined,
  };
}
