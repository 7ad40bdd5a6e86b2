/**
 * The boundary of the network layer: it passes whole request frames to a function and sends its results back, in order.
 * It does not know APIs; the broker's table (`broker/api-table.ts`) does not know sockets.
 */
import type { RequestHeader } from '../protocol/frame.ts';
import type { Reader } from '../protocol/reader.ts';

/** Properties of the connection of a request, for handlers. */
export interface ConnectionInfo {
  /** Unique within the node's lifetime. */
  readonly id: number;
  /** The client's address without the port, as consumer group tools show it. */
  readonly clientHost: string;
  /** Name of the listener it arrived at: `PLAINTEXT`, `CONTROLLER`. */
  readonly listener: string;
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
