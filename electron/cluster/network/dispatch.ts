/**
 * Where the network layer ends: it hands whole request frames to a function and sends back, in order, what that returns.
 * It knows nothing of APIs; the broker's table (`broker/api-table.ts`) knows nothing of sockets.
 */
import type { RequestHeader } from '../protocol/frame.ts';
import type { Reader } from '../protocol/reader.ts';

/** What a handler may know of the connection that a request came by. */
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
   * Says of the request under work that all it does is done and only its answer takes time: the next one of the connection may
   * begin, where its API is `pipelined`. Answers leave in the order of the requests all the same.
   */
  answerLater(): void;
  /** Bytes of records that an answer may hold now; infinite for other nodes. An answer with one batch is fine whatever its size. */
  answerRoom(): number;
  /** Counts records that were read for the request in progress, until its answer has left. */
  holdAnswer(bytes: number): void;
}

export interface IncomingRequest {
  readonly header: RequestHeader;
  /** Stands right after what `readRequestHeader` reads. */
  readonly reader: Reader;
  readonly connection: ConnectionInfo;
  /** Monotonic milliseconds when the frame was complete. */
  readonly receivedAt: number;
}

/**
 * Answers one request. The chunks are a whole response frame, length included; null sends nothing (acks=0). A
 * rejection closes the connection and is logged with its reason; the node lives on.
 */
export type Dispatch = (request: IncomingRequest) => Promise<Uint8Array[] | null> | Uint8Array[] | null;
