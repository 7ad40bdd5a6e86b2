/**
 * The connection of a node to one peer. Requests are pipelined. A request that times out ends alone: its response, should it
 * arrive, is discarded. Only a connection on which nothing arrives is closed, with everything on it. A server responds in
 * order, so a long poll (Fetch) delays the requests after it: use a separate client for it.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';
import { NetworkError, type Address, type Network, type Stream } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';
import { decodeResponse, encodeRequest, FrameSplitter } from '../protocol/frame.ts';
import type { Api } from '../protocol/schema.ts';

export interface PeerClientOptions {
  network: Network;
  clock: Clock;
  random: Random;
  address: Address;
  clientId: string;
  /** Maximum number of requests without a response; more wait. */
  maxInFlight?: number;
  /** Maximum number of waiting requests; one more is refused with EBUSY. */
  maxWaiting?: number;
  /** Maximum size of a response, in bytes. */
  maxFrameBytes?: number;
  /**
   * Responses share one buffer: bytes in a response are valid only until the next request is sent. For a caller with one request
   * at a time.
   */
  reuseAnswers?: boolean;
  /**
   * A connection with an overdue response is closed once nothing has arrived on it for so long, in ms. At least the time that
   * the peer may take for one request.
   */
  silentMs?: number;
}

export interface SendOptions {
  /** From the call to the decoded response, connecting included. */
  timeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 2_000;
const SILENT_MS = 1_000;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;

interface Pending {
  correlationId: number;
  chunks: Uint8Array[];
  /** Decodes the response and settles the promise; throws when the bytes are malformed. */
  answer: (frame: Buffer) => void;
  reject: (error: Error) => void;
  timer: Timer;
  /** Rejected already; its response is discarded. */
  timedOut: boolean;
}

export class PeerClient {
  readonly address: Address;
  private readonly options: Required<PeerClientOptions>;
  private stream: Stream | undefined;
  private splitter: FrameSplitter;
  private state: 'idle' | 'backoff' | 'connecting' | 'open' | 'closed' = 'idle';
  private readonly waiting: Pending[] = [];
  private readonly inFlight: Pending[] = [];
  private blocked = false;
  private correlationId = 0;
  /** Grows with every connection and every failure, so that a late response on an old connection is recognised. */
  private attempt = 0;
  private failures = 0;
  private notBefore = 0;
  private backoff: Timer | undefined;
  /** Running time when bytes last arrived, or were first awaited. */
  private receivedAt = 0;
  /** Runs while the oldest request in flight has timed out. */
  private silence: Timer | undefined;

  constructor(options: PeerClientOptions) {
    this.options = { maxInFlight: 16, maxWaiting: 256, maxFrameBytes: 104_857_600, reuseAnswers: false, silentMs: SILENT_MS, ...options };
    this.address = options.address;
    this.splitter = this.freshSplitter();
  }

  /** True while the connection is established. */
  get connected(): boolean {
    return this.state === 'open';
  }

  /**
   * Sends a request and resolves to its response. Rejects with `NetworkError`: ETIMEDOUT (no response in time), ECONNRESET
   * and similar (connection lost), EPROTO (a response that cannot be decoded), EBUSY (too many wait), ECANCELED (closed).
   * Whether the peer processed a rejected request is unknown.
   */
  send<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, { timeoutMs }: SendOptions): Promise<S> {
    const { clock, clientId, maxWaiting } = this.options;
    if (this.state === 'closed') return Promise.reject(new NetworkError('ECANCELED', `the client of ${this.name()} is closed`));
    if (this.waiting.length >= maxWaiting) {
      return Promise.reject(new NetworkError('EBUSY', `${maxWaiting} requests wait for ${this.name()}`));
    }
    return new Promise<S>((resolve, reject) => {
      this.correlationId = (this.correlationId + 1) & 0x7fff_ffff;
      const correlationId = this.correlationId;
      const pending: Pending = {
        correlationId,
        chunks: encodeRequest(api, version, { correlationId, clientId }, body),
        answer: (frame) => {
          const response = decodeResponse(api, version, frame);
          if (response.correlationId !== correlationId) {
            throw new NetworkError('EPROTO', `response has correlation id ${response.correlationId}, expected ${correlationId}`);
          }
          resolve(response.body);
        },
        reject,
        timer: setRunningTimer(clock, timeoutMs, () => {
          this.timeOut(pending, new NetworkError('ETIMEDOUT', `${this.name()} did not answer ${api.name} within ${timeoutMs} ms`));
        }),
        timedOut: false,
      };
      this.waiting.push(pending);
      this.pump();
    });
  }

  /** Rejects pending requests with ECANCELED and closes the connection; nothing can be sent afterwards. */
  close(): void {
    if (this.state === 'closed') return;
    this.drop(new NetworkError('ECANCELED', `the client of ${this.name()} was closed`));
    this.backoff?.cancel();
    this.state = 'closed';
  }

  private freshSplitter(): FrameSplitter {
    const { maxFrameBytes, reuseAnswers } = this.options;
    return new FrameSplitter(maxFrameBytes, { reuse: reuseAnswers });
  }

  private name(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  private pump(): void {
    if (this.state === 'idle') this.connect();
    while (this.state === 'open' && !this.blocked && this.inFlight.length < this.options.maxInFlight) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      if (this.inFlight.length === 0) this.receivedAt = runningTime(this.options.clock);
      this.inFlight.push(next);
      this.blocked = !(this.stream as Stream).write(next.chunks);
      next.chunks = [];
    }
  }

  private connect(): void {
    const { clock, network } = this.options;
    const wait = this.notBefore - clock.monotonic();
    if (wait > 0) {
      this.state = 'backoff';
      this.backoff = clock.setTimer(wait, () => {
        this.state = 'idle';
        if (this.waiting.length > 0) this.pump();
      });
      return;
    }
    this.state = 'connecting';
    const attempt = ++this.attempt;
    network.connect(this.address, CONNECT_TIMEOUT_MS).then(
      (stream) => {
        if (attempt !== this.attempt) {
          stream.handlers = { data: () => undefined, drain: () => undefined, close: () => undefined };
          stream.destroy();
          return;
        }
        this.opened(stream, attempt);
      },
      (error: unknown) => {
        if (attempt === this.attempt) this.fail(asNetworkError(error, `cannot connect to ${this.name()}`));
      },
    );
  }

  private opened(stream: Stream, attempt: number): void {
    this.stream = stream;
    this.splitter = this.freshSplitter();
    this.blocked = false;
    this.state = 'open';
    stream.handlers = {
      data: (chunk) => {
        if (attempt === this.attempt) this.received(chunk);
      },
      drain: () => {
        if (attempt !== this.attempt) return;
        this.blocked = false;
        this.pump();
      },
      close: (reason) => {
        if (attempt !== this.attempt) return;
        this.stream = undefined;
        this.fail(asNetworkError(reason ?? new NetworkError('ECONNRESET', `${this.name()} closed the connection`), this.name()));
      },
    };
    this.pump();
  }

  /** Ends one request. If sent, it keeps its place, so that its response is recognised; otherwise it is never sent. */
  private timeOut(pending: Pending, error: NetworkError): void {
    const place = this.waiting.indexOf(pending);
    if (place >= 0) this.waiting.splice(place, 1);
    pending.timedOut = true;
    pending.reject(error);
    this.checkSilence();
  }

  /** Closes a connection with an overdue response on which nothing arrives. */
  private checkSilence(): void {
    this.silence?.cancel();
    this.silence = undefined;
    if (this.state !== 'open' || this.inFlight[0]?.timedOut !== true) return;
    const { clock, silentMs } = this.options;
    const left = this.receivedAt + silentMs - runningTime(clock);
    // A running timer may come up to 1 ms early.
    if (left > 1) this.silence = setRunningTimer(clock, left, () => this.checkSilence());
    else this.fail(new NetworkError('ETIMEDOUT', `${this.name()} sent nothing for ${silentMs} ms, with answers overdue`));
  }

  private received(chunk: Buffer): void {
    this.receivedAt = runningTime(this.options.clock);
    try {
      for (const frame of this.splitter.push(chunk)) {
        const pending = this.inFlight[0];
        if (pending === undefined) throw new NetworkError('EPROTO', 'a response without a request');
        pending.answer(frame);
        pending.timer.cancel();
        this.inFlight.shift();
        this.failures = 0;
        // The next one may have timed out behind this one.
        if (pending.timedOut || this.inFlight[0]?.timedOut === true) this.checkSilence();
      }
    } catch (error) {
      this.fail(new NetworkError('EPROTO', `${this.name()} sent a response that cannot be decoded`, { cause: error }));
      return;
    }
    this.pump();
  }

  /** Closes the connection: everything pending is rejected, and the next send reconnects after a backoff. */
  private fail(error: NetworkError): void {
    if (this.state === 'closed') return;
    const { clock, random } = this.options;
    const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.failures, 10));
    this.failures++;
    this.notBefore = clock.monotonic() + ceiling * (0.75 + 0.5 * random.next());
    this.drop(error);
  }

  private drop(error: NetworkError): void {
    this.attempt++;
    this.backoff?.cancel();
    this.silence?.cancel();
    this.silence = undefined;
    this.state = 'idle';
    const stream = this.stream;
    this.stream = undefined;
    const lost = [...this.inFlight, ...this.waiting];
    this.inFlight.length = 0;
    this.waiting.length = 0;
    stream?.destroy();
    for (const pending of lost) {
      pending.timer.cancel();
      pending.reject(error);
    }
  }
}

function asNetworkError(error: unknown, what: string): NetworkError {
  if (error instanceof NetworkError) return error;
  return new NetworkError('EIO', `${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
