/**
 * One client's connection at a server. Processes requests in their order, one at a time, and responds in the same order, as
 * clients expect. The next one begins when the one before it is answered. Where the handler of that one has called
 * `answerLater`, because only the response is outstanding, another of the `pipelined` may begin before: a producer's writes with
 * acks=all wait for their replication together, not one behind the other. Reads must not: their response would wait behind the
 * writes, and be outdated when it is sent. (librdkafka before 2.1 that learns of an old leader and of the new one within
 * milliseconds can stay with the old one for good.)
 *
 * When its queue of frames (`frame-queue.ts`) is full the socket is not read, and while the client does
 * not read its responses nothing is dispatched. All connections of a node share its memory for frames and responses: a frame
 * that does not fit waits unread.
 */
import type { ConnectionInfo, Dispatch } from '../dispatch/request.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Stream } from '../lib/network.ts';
import { readRequestHeader } from '../protocol/frame.ts';
import { Reader } from '../protocol/reader.ts';
import { anonymousSession, type Session } from '../security/session.ts';
import type { AnswerHolder, AnswerMemory } from './answer-memory.ts';
import { AnswerSender } from './answer-sender.ts';
import { FrameQueue } from './frame-queue.ts';
import type { NodeMemory } from './node-memory.ts';
import type { RequestMemory } from './request-memory.ts';
import { RequestSlices } from './request-slices.ts';

/** No request begins while more than this number, or these bytes of frames, wait for their responses. */
const MAX_UNANSWERED = 16;
const MAX_UNANSWERED_BYTES = 8 * 1024 * 1024;

/** Counted by all connections of a server, frames with their lengths. */
export interface Traffic {
  inBytes: number;
  outBytes: number;
}

/** A request in progress. */
interface Unanswered {
  readonly bytes: number;
  /** The response; undefined while it is unknown. */
  answer: Uint8Array[] | null | undefined;
  /** Memory for requests that it still holds. */
  requestBytes: number;
  /** Memory for answers that it holds. */
  answerBytes: number;
}

export interface ConnectionOptions {
  id: number;
  listener: string;
  stream: Stream;
  dispatch: Dispatch;
  /** Keys of the APIs whose requests may begin while responses to earlier ones are outstanding. */
  pipelined: ReadonlySet<number>;
  clock: Clock;
  logger: Logger;
  /** `socket.request.max.bytes`. */
  maxFrameBytes: number;
  traffic: Traffic;
  memory: NodeMemory;
  /** Called once, at the first bytes. */
  used: (connection: Connection) => void;
  /** Called once, when the stream has closed. */
  closed: (connection: Connection) => void;
}

export class Connection implements ConnectionInfo, AnswerHolder {
  readonly id: number;
  readonly clientHost: string;
  readonly listener: string;
  readonly session: Session;
  /** Monotonic milliseconds of the last request that arrived or was answered. */
  lastActiveAt: number;

  /** At least one complete request has arrived. */
  used = false;

  private readonly stream: Stream;
  private readonly dispatch: Dispatch;
  private readonly pipelined: ReadonlySet<number>;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly frames: FrameQueue;
  private readonly traffic: Traffic;
  private readonly settle: (connection: Connection) => void;
  private readonly closed: (connection: Connection) => void;
  private readonly nodeMemory: NodeMemory;
  /** Of clients or of other nodes, which is known once the first bytes have arrived. */
  private shares: { requests: RequestMemory; answers: AnswerMemory | undefined } | undefined;
  private readonly sender: AnswerSender;
  private readonly slices: RequestSlices;
  private state: 'open' | 'ending' | 'closed' = 'open';
  /** In the order of the requests. */
  private readonly unanswered: Unanswered[] = [];
  private unansweredBytes = 0;
  /** The request that is being dispatched, which nothing may overtake. */
  private current: Unanswered | undefined;
  private paused = false;
  private settled = false;
  /** Set when this node, not the peer, gave up the connection: no waiting request is processed any more. */
  private abandoned = false;
  /** Resets the connection when the client does not close its side. */
  private farewell: Timer | undefined;
  private closeCallbacks: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.listener = options.listener;
    this.stream = options.stream;
    this.dispatch = options.dispatch;
    this.pipelined = options.pipelined;
    this.clock = options.clock;
    this.logger = options.logger;
    this.settle = options.used;
    this.closed = options.closed;
    this.traffic = options.traffic;
    this.clientHost = clientHost(options.stream.remote);
    this.session = anonymousSession(options.listener, this.clientHost);
    this.nodeMemory = options.memory;
    this.slices = new RequestSlices(options.clock, () => this.resumeDispatch());
    this.sender = new AnswerSender(options.stream, this, () => this.memory.answers);
    this.frames = new FrameQueue({
      maxFrameBytes: options.maxFrameBytes,
      memory: () => this.memory.requests,
      hasUnanswered: () => this.unanswered.length > 0,
      granted: () => this.take((now) => this.frames.admit(now)),
      refuse: (reason) => this.refuse(reason),
      setting: 'socket.request.max.bytes',
    });
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

  /** True while a request is processed or waits, or its response has not been sent. */
  get active(): boolean {
    return this.unanswered.length > 0 || this.sender.blocked || this.frames.length > 0;
  }

  /** True where another node of the cluster opened it; known once its first bytes have arrived. */
  get fromPeer(): boolean {
    return this.stream.fromPeer?.() === true;
  }

  onClose(callback: () => void): void {
    if (this.state === 'closed') callback();
    else this.closeCallbacks.push(callback);
  }

  /** Closes the connection and discards everything that waits on it. */
  destroy(reason: Error): void {
    this.abandon();
    this.stream.destroy(reason);
  }

  /** Accepts no more requests, sends the remaining responses, then closes; resets the connection if the client keeps its side open. */
  end(reason = new Error('the client did not close its side of the connection')): void {
    if (this.state !== 'open') return;
    this.sender.flush();
    this.abandon();
    this.state = 'ending';
    this.farewell = this.clock.setTimer(FAREWELL_MS, () => this.destroy(reason));
    this.stream.end();
  }

  /** Closes it because of a limit of the node; resets it if it is being closed already, so that its slot is free. */
  refuse(reason: string): void {
    const cause = new Error(reason);
    if (this.state === 'ending') this.destroy(cause);
    else this.fail('a limit of the node', cause);
  }

  answerRoom(): number {
    return this.memory.answers?.roomBytes ?? Number.POSITIVE_INFINITY;
  }

  holdAnswer(bytes: number): void {
    if (this.current === undefined) return;
    this.current.answerBytes += bytes;
    this.memory.answers?.hold(bytes);
  }

  private get memory(): { requests: RequestMemory; answers: AnswerMemory | undefined } {
    if (this.shares !== undefined) return this.shares;
    const { clients, peers, answers } = this.nodeMemory;
    return (this.shares = this.fromPeer ? { requests: peers, answers: undefined } : { requests: clients, answers });
  }

  private abandon(): void {
    this.abandoned = true;
    this.slices.cancel();
    this.frames.clear();
    this.sender.drop();
    for (const request of this.unanswered) {
      if (request.answer !== undefined) this.releaseAnswer(request);
    }
  }

  private releaseRequest(request: Unanswered): void {
    if (request.requestBytes > 0) this.memory.requests.release(request.requestBytes);
    request.requestBytes = 0;
  }

  private releaseAnswer(request: Unanswered): void {
    if (request.answerBytes > 0) this.memory.answers?.release(request.answerBytes);
    request.answerBytes = 0;
  }

  private onData(chunk: Buffer): void {
    if (this.state !== 'open' || this.abandoned) return;
    if (!this.settled) {
      this.settled = true;
      this.settle(this);
    }
    this.traffic.inBytes += chunk.length;
    this.take((now) => this.frames.push(chunk, now));
  }

  /** Takes bytes that have arrived, and starts the requests that they complete. */
  private take(add: (now: number) => number | undefined): void {
    if (this.state !== 'open' || this.abandoned) return;
    const now = this.clock.monotonic();
    let completed: number | undefined;
    try {
      completed = add(now);
    } catch (error) {
      this.fail('bytes that are no Kafka request', error);
      return;
    }
    if (completed === undefined) return;
    if (completed > 0) {
      this.used = true;
      this.lastActiveAt = now;
      this.slices.begin(now);
      this.work();
    }
    this.checkReading();
  }

  private onDrain(): void {
    this.sender.drained();
    this.send();
    this.resumeDispatch();
  }

  /** A client that closes may have sent requests with acks=0 before: they are processed, and their responses dropped. */
  private onClosed(reason: Error | undefined): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.farewell?.cancel();
    this.sender.blocked = false;
    if (reason !== undefined && !this.abandoned)
      this.logger.debug('connection lost', { client: this.stream.remote, reason: reason.message });
    const callbacks = this.closeCallbacks;
    this.closeCallbacks = [];
    for (const callback of callbacks) callback();
    this.frames.dropIncomplete();
    this.sender.drop();
    this.closed(this);
    this.send();
    this.work();
  }

  answerLater(): void {
    if (this.current === undefined) return;
    // Only little of it is left: its records are in the log.
    this.releaseRequest(this.current);
    this.current = undefined;
    // Not from within the handler.
    if (this.frames.length > 0) queueMicrotask(() => this.resumeDispatch());
  }

  /** Dispatches waiting requests until one takes time, the client stops reading or none is left. */
  private work(): void {
    while (this.current === undefined && !this.sender.blocked && !this.abandoned) {
      if (this.unanswered.length >= MAX_UNANSWERED || this.unansweredBytes >= MAX_UNANSWERED_BYTES) return;
      const next = this.frames.first;
      if (next === undefined || this.slices.waits(this.frames.length)) return;
      if (this.unanswered.length > 0 && !this.isPipelined(next.frame)) return;
      this.frames.shift();
      const bytes = next.frame.length;
      const request: Unanswered = { bytes, answer: undefined, requestBytes: bytes, answerBytes: 0 };
      this.unanswered.push(request);
      this.unansweredBytes += bytes;
      this.current = request;
      let answer: Promise<Uint8Array[] | null> | Uint8Array[] | null;
      try {
        const reader = new Reader(next.frame);
        const header = readRequestHeader(reader);
        answer = this.dispatch({ header, reader, connection: this, receivedAt: next.receivedAt });
      } catch (error) {
        this.refuseRequest(request, error);
        return;
      }
      if (!(answer instanceof Promise)) {
        this.answered(request, answer);
        continue;
      }
      answer.then(
        (chunks) => {
          this.answered(request, chunks);
          this.resumeDispatch();
        },
        (error: unknown) => this.refuseRequest(request, error),
      );
    }
  }

  private isPipelined(frame: Buffer): boolean {
    return frame.length >= 2 && this.pipelined.has(frame.readInt16BE(0));
  }

  private resumeDispatch(): void {
    this.work();
    this.checkReading();
  }

  private answered(request: Unanswered, chunks: Uint8Array[] | null): void {
    request.answer = chunks;
    if (this.current === request) this.current = undefined;
    this.releaseRequest(request);
    if (this.state !== 'open' || this.abandoned) {
      this.releaseAnswer(request);
      request.answer = null;
      this.send();
      return;
    }
    let bytes = 0;
    if (chunks !== null) for (const chunk of chunks) bytes += chunk.length;
    this.memory.answers?.hold(bytes - request.answerBytes);
    request.answerBytes = bytes;
    this.lastActiveAt = this.clock.monotonic();
    this.send();
  }

  /** A request that cannot be answered closes the connection; its memory is released all the same. */
  private refuseRequest(request: Unanswered, cause: unknown): void {
    request.answer = null;
    this.releaseRequest(request);
    this.releaseAnswer(request);
    this.fail('request refused', cause);
  }

  /** Sends responses in order, up to the first that is outstanding. */
  private send(): void {
    while (!this.sender.blocked) {
      const first = this.unanswered[0];
      if (first?.answer === undefined) return;
      this.unanswered.shift();
      this.unansweredBytes -= first.bytes;
      if (first.answer === null || this.state !== 'open' || this.abandoned) {
        this.releaseAnswer(first);
        continue;
      }
      this.traffic.outBytes += first.answerBytes;
      this.sender.send(first.answer, first.answerBytes);
    }
  }

  private checkReading(): void {
    if (this.state !== 'open') return;
    const full = this.frames.isFull;
    if (full === this.paused) return;
    this.paused = full;
    if (full) this.stream.pause();
    else this.stream.resume();
  }

  private fail(what: string, cause: unknown): void {
    if (this.state === 'closed') this.abandon();
    if (this.abandoned) return;
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    this.logger.warn('connection closed', { client: this.stream.remote, listener: this.listener, what, reason: reason.message });
    if (this.state !== 'open') {
      this.destroy(reason);
      return;
    }
    // As in Apache Kafka: a reset would discard responses that the client has yet to read, and looks like a network failure.
    this.end(reason);
  }
}

/** How long, in ms, a client may take to close its side after the node has closed its own. */
const FAREWELL_MS = 1_000;

/** Kafka writes a client's host as Java prints an address without a name: with a slash before it. */
export function clientHost(remote: string): string {
  return `/${remote.slice(0, remote.lastIndexOf(':'))}`;
}
