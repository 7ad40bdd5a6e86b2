/**
 * One client's connection: a four-letter word and its response, or a handshake and a session's requests, answered strictly in order. Watch
 * events are sent when they occur, so before every response that shows the change.
 */
import type { Stream } from '../lib/network.ts';
import { runningTime } from '../lib/running-time.ts';
import type { LimitedConnection } from '../network/connection-limits.ts';
import { clientHost } from '../network/connection.ts';
import type { RequestMemory } from '../network/request-memory.ts';
import { RequestSlices } from '../network/request-slices.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { Reader } from '../protocol/reader.ts';
import { SessionAction } from '../quorum/zookeeper-state/apis.ts';
import { MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS } from '../quorum/zookeeper-state/sessions.ts';
import { MAX_DATA_BYTES } from '../quorum/zookeeper-state/transaction.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import type { Endpoint, RequestContext } from './endpoint.ts';
import { FrameInput } from './frame-input.ts';
import { isWord } from './four-letter-words.ts';
import { decodeRequest, operationOf } from './request-decoding.ts';
import { answerRequest, closeSession } from './requests.ts';
import type { ClientSession, SessionConnection } from './session.ts';
import type { Watcher } from './watches.ts';
import {
  encodeConnectResponse,
  encodeEvent,
  encodeReply,
  OpCode,
  readAuthScheme,
  readConnectRequest,
  type ConnectRequest,
  type Reply,
} from './wire.ts';
import { answerWrites } from './write-batch.ts';
import { isWrite } from './writes.ts';

/** `jute.maxbuffer`: ZooKeeper closes the connection on a larger frame. */
const MAX_FRAME_BYTES = MAX_DATA_BYTES;
/** While this much is queued the connection is not read: a client that never waits for responses is throttled, not refused. */
const MAX_QUEUED_FRAMES = 1_000;
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** Events queued for a client that does not read; beyond that it is disconnected, and sees missed changes after it reconnects. */
const MAX_UNSENT_EVENTS = 10_000;
const NO_PASSWORD = new Uint8Array(16);

export interface ConnectionOptions {
  readonly id: number;
  readonly stream: Stream;
  readonly endpoint: Endpoint;
  /** Of the node, for client requests. */
  readonly memory: RequestMemory;
  /** Called once, when the stream has closed. */
  readonly closed: (connection: ZooKeeperConnection) => void;
}

export class ZooKeeperConnection implements Watcher, LimitedConnection, SessionConnection {
  readonly id: number;
  readonly remote: string;
  /** Set when the handshake is complete. */
  session: ClientSession | undefined;
  /** Running time of the last received bytes, ms: the start of the session's timeout. */
  lastReceivedAt: number;
  /** Monotonic ms of the last received bytes, as `ConnectionLimits` compares them. */
  lastActiveAt: number;
  /** Running time at which it was opened, ms. */
  readonly openedAt: number;
  received = 0;
  sent = 0;
  private readonly stream: Stream;
  private readonly endpoint: Endpoint;
  private readonly options: ConnectionOptions;
  private readonly input: FrameInput;
  private readonly slices: RequestSlices;
  /** First bytes, until they are known to be the length of a frame. */
  private head: Buffer | undefined = Buffer.alloc(0);
  private working = false;
  private blocked = false;
  private unsentEvents = 0;
  private paused = false;
  /** The client has requested the end of the session. */
  private closing = false;
  private state: 'open' | 'ending' | 'closed' = 'open';

  constructor(options: ConnectionOptions) {
    const { id, stream, endpoint } = options;
    this.options = options;
    this.id = id;
    this.stream = stream;
    this.endpoint = endpoint;
    this.remote = stream.remote;
    this.lastReceivedAt = this.openedAt = runningTime(endpoint.clock);
    this.lastActiveAt = endpoint.clock.monotonic();
    this.input = new FrameInput({
      maxFrameBytes: MAX_FRAME_BYTES,
      memory: options.memory,
      arrived: (frames) => this.onFrames(frames),
      failed: (error) => this.fail(error),
      refuse: (reason) => this.destroy(reason),
    });
    this.slices = new RequestSlices(endpoint.clock, () => void this.work());
    stream.handlers = {
      data: (chunk) => this.onData(chunk),
      drain: () => {
        this.blocked = false;
        this.unsentEvents = 0;
        void this.work();
      },
      close: () => this.onClosed(),
    };
  }

  /** Queued requests. */
  get waiting(): number {
    return this.input.length;
  }

  get clientHost(): string {
    return clientHost(this.remote);
  }

  get active(): boolean {
    return this.working || this.input.length > 0;
  }

  /** A connection with a session is not closed for a new one: its client would lose its ephemeral nodes. */
  get used(): boolean {
    return this.session !== undefined;
  }

  /** Nodes do not use this port. */
  get fromPeer(): boolean {
    return false;
  }

  refuse(reason: string): void {
    this.destroy(reason);
  }

  notify(type: number, path: string): void {
    if (this.state !== 'open') return;
    if (this.blocked && ++this.unsentEvents > MAX_UNSENT_EVENTS) {
      this.destroy('the client does not read its events');
      return;
    }
    this.send(encodeEvent(type, path));
  }

  /** A client with unanswered requests is not silent: its next bytes may not have been read yet. */
  countWork(): void {
    if ((!this.active && !this.input.waits) || this.blocked) return;
    this.noteActivity();
    if (this.session !== undefined && !this.session.local) this.endpoint.touchSession(this.session.id);
  }

  private noteActivity(): void {
    this.lastReceivedAt = runningTime(this.endpoint.clock);
    this.lastActiveAt = this.endpoint.clock.monotonic();
  }

  /** The session has ended. A pending closeSession of its own is answered; in any other case the connection is closed. */
  sessionEnded(): void {
    if (!this.closing) this.destroy('its session has ended');
  }

  destroy(reason: string): void {
    if (this.state === 'closed') return;
    this.endpoint.logger.debug('ZooKeeper connection closed', { client: this.remote, reason });
    this.stream.destroy(new Error(reason));
    this.onClosed();
  }

  private onData(chunk: Buffer): void {
    if (this.state !== 'open') return;
    let bytes = chunk;
    if (this.head !== undefined) {
      bytes = Buffer.concat([this.head, chunk]);
      this.head = bytes;
      if (bytes.length < 4) return;
      this.head = undefined;
      const word = bytes.toString('latin1', 0, 4);
      if (isWord(word)) {
        this.sendWord(word);
        return;
      }
    }
    try {
      this.onFrames(this.input.push(bytes));
    } catch (error) {
      this.fail(error);
    }
  }

  private onFrames(frames: number): void {
    if (this.state !== 'open') return;
    this.received += frames;
    this.noteActivity();
    if (this.session !== undefined && !this.session.local) this.endpoint.touchSession(this.session.id);
    this.slices.begin(this.lastActiveAt);
    void this.work();
    this.checkReading();
  }

  private sendWord(word: string): void {
    this.received++;
    this.send([Buffer.from(this.endpoint.word(word))]);
    this.finish();
  }

  /** Answers the queue in order; a slow response blocks those behind it. Never rejects. */
  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      while (this.state === 'open' && !this.blocked) {
        const next = this.input.first;
        if (next === undefined || this.slices.waits(this.input.length)) break;
        const { session } = this;
        const answering =
          session === undefined
            ? this.handshake(this.take(next))
            : isWrite(operationOf(next))
              ? this.write(session)
              : this.answer(session, this.take(next));
        if (answering !== undefined) await answering;
        this.input.done();
        this.checkReading();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.input.done();
      this.working = false;
    }
  }

  /** Removes the frame at the head of the queue. */
  private take(head: Buffer): Buffer {
    this.input.take();
    return head;
  }

  private write(session: ClientSession): Promise<void> {
    const from = this.endpoint.clock.monotonic();
    const context: RequestContext = { endpoint: this.endpoint, session, watcher: this };
    return answerWrites(context, this.input, (xid, reply) => this.reply(xid, reply, from));
  }

  private reply(xid: number, reply: Reply, from: number): void {
    const { endpoint } = this;
    this.send(encodeReply(xid, reply.zxid ?? endpoint.coordination.zookeeperView().image.offset, reply));
    endpoint.served(endpoint.clock.monotonic() - from);
  }

  private answer(session: ClientSession, frame: Buffer): Promise<void> | undefined {
    const { endpoint } = this;
    const from = endpoint.clock.monotonic();
    const reader = new Reader(frame);
    const xid = reader.int32();
    const type = reader.int32();
    const send = (reply: Reply): void => this.reply(xid, reply, from);
    const context: RequestContext = { endpoint, session, watcher: this };
    if (type === OpCode.ping) {
      send({ error: ZooKeeperCode.OK });
      return undefined;
    }
    if (type === OpCode.auth) {
      const known = AUTH_SCHEMES.has(readAuthScheme(reader));
      send({ error: known ? ZooKeeperCode.OK : ZooKeeperCode.AUTHFAILED });
      if (!known) this.finish();
      return undefined;
    }
    if (type === OpCode.closeSession) {
      this.closing = true;
      return closeSession(context).then((reply) => {
        send(reply);
        this.finish();
      });
    }
    const reply = decodeRequest(() => answerRequest(context, type, reader));
    if (reply instanceof Promise) {
      return reply.then(send, (error: unknown) => {
        if (!(error instanceof ZooKeeperError)) throw error;
        send({ error: error.code });
      });
    }
    send(reply);
    return undefined;
  }

  /** The last response has been written. */
  private finish(): void {
    if (this.state === 'open') this.state = 'ending';
    this.stream.end();
  }

  private async handshake(frame: Buffer): Promise<void> {
    const { endpoint } = this;
    const request = readConnectRequest(new Reader(frame));
    if (request.lastZxidSeen > endpoint.coordination.zookeeperView().image.offset) {
      // The client has seen changes that this node lacks: it must not read an older state.
      await endpoint.applied(request.lastZxidSeen);
    }
    if (!endpoint.writable) {
      if (request.readOnly !== true) throw new ProtocolError('there is no quorum, and the client requires one');
      this.beginLocally(request);
      return;
    }
    const holder = randomInt64(endpoint);
    const { sessionId, password, timeoutMs, zxid } = await endpoint.sessionRequests.ask({
      action: request.sessionId === 0n ? SessionAction.open : SessionAction.resume,
      holder,
      sessionId: request.sessionId,
      password: request.password,
      timeoutMs: request.timeoutMs,
    });
    const readOnly = request.readOnly === undefined ? undefined : false;
    if (sessionId === 0n) {
      this.send(encodeConnectResponse({ timeoutMs: 0, sessionId: 0n, password: NO_PASSWORD, readOnly }));
      this.finish();
      return;
    }
    await endpoint.applied(zxid);
    this.begin({ id: sessionId, holder, timeoutMs, local: false, host: hostOf(this.remote), nextRequest: randomInt64(endpoint) });
    this.send(encodeConnectResponse({ timeoutMs, sessionId, password: password ?? NO_PASSWORD, readOnly }));
  }

  /** A session that ends with the connection, for a client that accepts stale reads. */
  private beginLocally(request: ConnectRequest): void {
    const timeoutMs = Math.min(Math.max(request.timeoutMs, MIN_SESSION_TIMEOUT_MS), MAX_SESSION_TIMEOUT_MS);
    const id = (BigInt(this.endpoint.nodeId) << 56n) | (1n << 54n) | BigInt(this.id);
    this.begin({ id, holder: 0n, timeoutMs, local: true, host: hostOf(this.remote), nextRequest: 0n });
    this.send(encodeConnectResponse({ timeoutMs, sessionId: id, password: NO_PASSWORD, readOnly: true }));
  }

  private begin(session: ClientSession): void {
    if (this.state !== 'open') return;
    this.session = session;
    if (session.local) return;
    this.endpoint.attach(this, session.id);
    this.endpoint.touchSession(session.id);
  }

  private send(chunks: Uint8Array[]): void {
    if (this.state !== 'open') return;
    this.sent++;
    if (!this.stream.write(chunks)) this.blocked = true;
  }

  private checkReading(): void {
    if (this.state !== 'open') return;
    const { length, queuedBytes, waits } = this.input;
    const full = waits || length >= MAX_QUEUED_FRAMES || queuedBytes >= MAX_QUEUED_BYTES;
    if (full === this.paused) return;
    this.paused = full;
    if (full) this.stream.pause();
    else this.stream.resume();
  }

  private fail(error: unknown): void {
    this.destroy(error instanceof Error ? error.message : String(error));
  }

  private onClosed(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.slices.cancel();
    this.input.close();
    this.options.closed(this);
  }
}

/** Schemes of ZooKeeper's own configuration. There are no identities here: the credentials are not used. */
const AUTH_SCHEMES: ReadonlySet<string> = new Set(['digest', 'ip']);

function randomInt64({ random }: Endpoint): bigint {
  return Buffer.from(random.bytes(8)).readBigInt64BE(0);
}

function hostOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(':'));
}
