/**
 * One client's connection at a server. Begins requests in their order, one at a time, and answers in their order, as
 * clients count on. The next one begins when the one before it is answered. Where the handler of that one says that all
 * but the answer is done (`answerLater`), another of the `pipelined` may begin before: a producer's writes with acks=all
 * wait for their replication together, not one behind the other. What is read must not: its answer would wait behind
 * theirs, and be old when it leaves. (librdkafka before 2.1 that hears of an old leader and of the new one within
 * milliseconds can stay with the old one for good.)
 *
 * Owns its queue of frames that wait their turn; when that is full the socket is not read, and while the client does
 * not take its answers nothing is dispatched, so that a client can never make us hold more than a few frames and
 * answers for it.
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Stream } from '../lib/network.ts';
import { FrameSplitter, readRequestHeader } from '../protocol/frame.ts';
import { Reader } from '../protocol/reader.ts';
import type { ConnectionInfo, Dispatch } from './dispatch.ts';

/** Reading stops above either; a producer keeps five requests in flight, so this holds what one usually sends. */
const MAX_QUEUED_FRAMES = 16;
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** Nothing new begins while more than either, frames that is, wait for their answers. */
const MAX_UNANSWERED = 16;
const MAX_UNANSWERED_BYTES = 8 * 1024 * 1024;

/** Counted by all connections of a server, frames with their lengths. */
export interface Traffic {
  inBytes: number;
  outBytes: number;
}

/** A request that has begun. */
interface Unanswered {
  readonly bytes: number;
  /** What to send; undefined while that is not known. */
  answer: Uint8Array[] | null | undefined;
}

export interface ConnectionOptions {
  id: number;
  listener: string;
  stream: Stream;
  dispatch: Dispatch;
  /** Keys of the APIs whose requests may begin while answers to earlier ones are still due. */
  pipelined: ReadonlySet<number>;
  clock: Clock;
  logger: Logger;
  /** `socket.request.max.bytes`. */
  maxFrameBytes: number;
  traffic: Traffic;
  /** Called once, when the stream has closed. */
  closed: (connection: Connection) => void;
}

export class Connection implements ConnectionInfo {
  readonly id: number;
  readonly clientHost: string;
  readonly listener: string;
  /** Monotonic milliseconds of the last request that arrived or was answered. */
  lastActiveAt: number;

  private readonly stream: Stream;
  private readonly dispatch: Dispatch;
  private readonly pipelined: ReadonlySet<number>;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly splitter: FrameSplitter;
  private readonly traffic: Traffic;
  private readonly closed: (connection: Connection) => void;
  private readonly queue: { frame: Buffer; receivedAt: number }[] = [];
  private queuedBytes = 0;
  private state: 'open' | 'ending' | 'closed' = 'open';
  /** In the order of the requests. */
  private readonly unanswered: Unanswered[] = [];
  private unansweredBytes = 0;
  /** The one with the dispatcher, which nothing may overtake. */
  private current: Unanswered | undefined;
  /** The client does not take what we send. */
  private blocked = false;
  private paused = false;
  /** Set when we, not the peer, gave the connection up: nothing that waits is worked on any more. */
  private abandoned = false;
  private closeCallbacks: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.listener = options.listener;
    this.stream = options.stream;
    this.dispatch = options.dispatch;
    this.pipelined = options.pipelined;
    this.clock = options.clock;
    this.logger = options.logger;
    this.closed = options.closed;
    this.traffic = options.traffic;
    this.clientHost = clientHost(options.stream.remote);
    this.splitter = new FrameSplitter(options.maxFrameBytes);
    this.lastActiveAt = options.clock.monotonic();
    this.stream.handlers = {
      data: (chunk) => this.onData(chunk),
      drain: () => this.onDrain(),
      close: (reason) => this.onClosed(reason),
    };
  }

  get open(): boolean {
    return this.state === 'open';
  }

  /** True while a request is worked on, waits, or its answer has not left. */
  get active(): boolean {
    return this.unanswered.length > 0 || this.blocked || this.queue.length > 0;
  }

  onClose(callback: () => void): void {
    if (this.state === 'closed') callback();
    else this.closeCallbacks.push(callback);
  }

  /** Drops the connection and everything that waits on it. */
  destroy(reason: Error): void {
    this.abandon();
    this.stream.destroy(reason);
  }

  /** Takes no more requests, lets what was answered leave, then closes. */
  end(): void {
    if (this.state !== 'open') return;
    this.abandon();
    this.state = 'ending';
    this.stream.end();
  }

  private abandon(): void {
    this.abandoned = true;
    this.queue.length = 0;
    this.queuedBytes = 0;
  }

  private onData(chunk: Buffer): void {
    if (this.state !== 'open' || this.abandoned) return;
    this.traffic.inBytes += chunk.length;
    const now = this.clock.monotonic();
    let frames: Buffer[];
    try {
      frames = this.splitter.push(chunk);
    } catch (error) {
      this.fail('bytes that are no Kafka request', error);
      return;
    }
    for (const frame of frames) {
      this.queue.push({ frame, receivedAt: now });
      this.queuedBytes += frame.length;
    }
    if (frames.length > 0) {
      this.lastActiveAt = now;
      this.work();
    }
    this.checkReading();
  }

  private onDrain(): void {
    this.blocked = false;
    this.send();
    this.goOn();
  }

  /** A peer that closes may have left requests behind that it wants done (acks=0): they are, their answers are dropped. */
  private onClosed(reason: Error | undefined): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.blocked = false;
    if (reason !== undefined && !this.abandoned)
      this.logger.debug('connection lost', { client: this.stream.remote, reason: reason.message });
    const callbacks = this.closeCallbacks;
    this.closeCallbacks = [];
    for (const callback of callbacks) callback();
    this.closed(this);
    this.send();
    this.work();
  }

  answerLater(): void {
    if (this.current === undefined) return;
    this.current = undefined;
    // Not from within the handler.
    if (this.queue.length > 0) queueMicrotask(() => this.goOn());
  }

  /** Dispatches what waits until a request takes its time, the client stops reading or nothing is left. */
  private work(): void {
    while (this.current === undefined && !this.blocked && !this.abandoned) {
      if (this.unanswered.length >= MAX_UNANSWERED || this.unansweredBytes >= MAX_UNANSWERED_BYTES) return;
      const [next] = this.queue;
      if (next === undefined || (this.unanswered.length > 0 && !this.isPipelined(next.frame))) return;
      this.queue.shift();
      const bytes = next.frame.length;
      this.queuedBytes -= bytes;
      const request: Unanswered = { bytes, answer: undefined };
      this.unanswered.push(request);
      this.unansweredBytes += bytes;
      this.current = request;
      let answer: Promise<Uint8Array[] | null> | Uint8Array[] | null;
      try {
        const reader = new Reader(next.frame);
        const header = readRequestHeader(reader);
        answer = this.dispatch({ header, reader, connection: this, receivedAt: next.receivedAt });
      } catch (error) {
        this.fail('request refused', error);
        return;
      }
      if (!(answer instanceof Promise)) {
        this.answered(request, answer);
        continue;
      }
      answer.then(
        (chunks) => {
          this.answered(request, chunks);
          this.goOn();
        },
        (error: unknown) => this.fail('request refused', error),
      );
    }
  }

  private isPipelined(frame: Buffer): boolean {
    return frame.length >= 2 && this.pipelined.has(frame.readInt16BE(0));
  }

  private goOn(): void {
    this.work();
    this.checkReading();
  }

  private answered(request: Unanswered, chunks: Uint8Array[] | null): void {
    request.answer = chunks;
    if (this.current === request) this.current = undefined;
    this.lastActiveAt = this.clock.monotonic();
    this.send();
  }

  /** Sends the answers that are due, up to the first that is not known yet. */
  private send(): void {
    while (!this.blocked) {
      const first = this.unanswered[0];
      if (first?.answer === undefined) return;
      this.unanswered.shift();
      this.unansweredBytes -= first.bytes;
      if (first.answer === null || this.state !== 'open') continue;
      for (const chunk of first.answer) this.traffic.outBytes += chunk.length;
      this.blocked = !this.stream.write(first.answer);
    }
  }

  private checkReading(): void {
    if (this.state !== 'open') return;
    const full = this.queue.length >= MAX_QUEUED_FRAMES || this.queuedBytes >= MAX_QUEUED_BYTES;
    if (full === this.paused) return;
    this.paused = full;
    if (full) this.stream.pause();
    else this.stream.resume();
  }

  private fail(what: string, cause: unknown): void {
    if (this.state === 'closed' || this.abandoned) return;
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    this.logger.warn('connection closed', { client: this.stream.remote, listener: this.listener, what, reason: reason.message });
    if (this.state !== 'open') {
      this.destroy(reason);
      return;
    }
    // As Apache Kafka closes: a reset would discard answers that the client has yet to read, and looks like a failure of the network.
    this.end();
    this.clock.setTimer(FAREWELL_MS, () => this.destroy(reason));
  }
}

/** So long a client whose request was refused may take to close its side. */
const FAREWELL_MS = 1_000;

/** Kafka writes a client's host as Java prints an address without a name: with a slash before it. */
function clientHost(remote: string): string {
  return `/${remote.slice(0, remote.lastIndexOf(':'))}`;
}
