/**
 * The network for everything under `electron/cluster`: ordered byte streams between addresses. In the app it
 * is TCP (`network/tcp.ts`) with faults on top (`network/faults.ts`); in the simulator it is a queue.
 */
export interface Network {
  /** Starts to accept. Rejects with `NetworkError` EADDRINUSE when the port is in use; port 0 requests any free one. */
  listen(address: Address, accept: (stream: Stream) => void): Promise<Listener>;
  /** Opens a stream; rejects with `NetworkError` when refused, reset or not answered within `timeoutMs`. */
  connect(address: Address, timeoutMs: number): Promise<Stream>;
}

export interface Address {
  host: string;
  port: number;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; open streams stay open. */
  close(): void;
}

export interface Stream {
  /** `host:port` of the peer, for logs and for client addresses in responses. */
  readonly remote: string;
  /** Of an accepted stream, from its first bytes on: whether another node of the cluster opened it. Absent where that is unknown. */
  fromPeer?(): boolean;
  /**
   * Sends the chunks in order, in one vectored write where the platform can. Chunks must not be changed afterwards.
   * False when the send buffer is above its mark: stop until `drain`.
   */
  write(chunks: readonly Uint8Array[]): boolean;
  /** Stops and resumes the arrival of data (backpressure reaches the peer). */
  pause(): void;
  resume(): void;
  /** Sends buffered bytes, then closes. */
  end(): void;
  /** Closes the stream at once; the peer sees a reset. */
  destroy(reason?: Error): void;
  /** Called once, right after the stream is handed over. */
  handlers: StreamHandlers;
}

export interface StreamHandlers {
  /** The bytes are valid only during the call: the next ones may use the same buffer. */
  data(chunk: Buffer): void;
  drain(): void;
  /** Exactly once, however the stream ended. */
  close(reason?: Error): void;
}

export class NetworkError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'NetworkError';
    this.code = code;
  }
}
