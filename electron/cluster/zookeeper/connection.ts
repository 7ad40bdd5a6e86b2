/**
 * One client's connection: a four-letter word and its answer, or a handshake and a session's requests, answered strictly in order. Watch
 * events go out when they happen, and so before every answer that shows what they tell of.
 */
import type { Stream } from '../lib/network.ts';
import { runningTime } from '../lib/running-time.ts';
import type { LimitedConnection } from '../network/connection-limits.ts';
import { clientHost } from '../network/connection.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { FrameSplitter } from '../protocol/frame.ts';
import { Reader } from '../protocol/reader.ts';
import { coordinationSession, SessionAction } from '../quorum/coordination/apis.ts';
import { MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS } from '../quorum/coordination/sessions.ts';
import { MAX_DATA_BYTES } from '../quorum/coordination/transaction.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/coordination/zookeeper-codes.ts';
import { QUORUM_TIMEOUT_MS, type Endpoint } from './endpoint.ts';
import { isWord } from './four-letter-words.ts';
import { answerRequest, closeSession, type ClientSession, type RequestContext } from './requests.ts';
import type { Watcher } from './watches.ts';
import { encodeConnectResponse, encodeEvent, encodeReply, OpCode, readConnectRequest, type ConnectRequest, type Reply } from './wire.ts';

/** `jute.maxbuffer`, and a little for what stands around the data. */
const MAX_FRAME_BYTES = MAX_DATA_BYTES + 1024;
const MAX_QUEUED_FRAMES = 256;
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** Events for a client that does not read; one more and it is dropped, to see what it missed when it comes again. */
const MAX_UNSENT_EVENTS = 10_000;
const NO_PASSWORD = new Uint8Array(16);

export interface ConnectionOptions {
  readonly id: number;
  readonly stream: Stream;
  readonly endpoint: Endpoint;
  /** Called once, when the stream has closed. */
  readonly closed: (connection: ZooKeeperConnection) => void;
}

export class ZooKeeperConnection implements Watcher, LimitedConnection {
  readonly id: number;
  readonly remote: string;
  /** Set once the handshake is over. */
  session: ClientSession | undefined;
  /** Monotonic ms of the last frame. */
  heardAt: number;
  /** Monotonic ms since when it is open. */
  readonly openedAt: number;
  received = 0;
  sent = 0;
  private readonly stream: Stream;
  private readonly endpoint: Endpoint;
  private readonly options: ConnectionOptions;
  private readonly splitter = new FrameSplitter(MAX_FRAME_BYTES);
  /** First bytes, until they are known to be a frame's length. */
  private head: Buffer | undefined = Buffer.alloc(0);
  private readonly queue: Buffer[] = [];
  private queuedBytes = 0;
  private working = false;
  private blocked = false;
  private unsentEvents = 0;
  private paused = false;
  /** The client has asked for the session's end. */
  private closing = false;
  private state: 'open' | 'ending' | 'closed' = 'open';

  constructor(options: ConnectionOptions) {
    const { id, stream, endpoint } = options;
    this.options = options;
    this.id = id;
    this.stream = stream;
    this.endpoint = endpoint;
    this.remote = stream.remote;
    this.heardAt = this.openedAt = runningTime(endpoint.clock);
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

  /** Requests that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  get clientHost(): string {
    return clientHost(this.remote);
  }

  get lastActiveAt(): number {
    return this.heardAt;
  }

  get active(): boolean {
    return this.working || this.queue.length > 0;
  }

  /** A session is not given up for a new connection: its client would lose its ephemeral nodes. */
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
      this.destroy('it does not take its events');
      return;
    }
    this.write(encodeEvent(type, path));
  }

  /** A client whose requests we have yet to answer is not a silent one: we may not even be reading what it says. */
  countWork(): void {
    if (!this.working || this.blocked) return;
    this.heardAt = runningTime(this.endpoint.clock);
    if (this.session !== undefined && !this.session.local) this.endpoint.heard(this.session.id);
  }

  /** The session is over. Its own request to close it is about to be answered; anybody else's end is that of the connection. */
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
      for (const frame of this.splitter.push(bytes)) {
        this.queue.push(frame);
        this.queuedBytes += frame.length;
        this.received++;
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    this.heardAt = runningTime(this.endpoint.clock);
    if (this.session !== undefined && !this.session.local) this.endpoint.heard(this.session.id);
    void this.work();
    this.checkReading();
  }

  private sendWord(word: string): void {
    this.received++;
    this.write([Buffer.from(this.endpoint.word(word))]);
    this.state = 'ending';
    this.stream.end();
  }

  /** Answers what waits, in order; an answer that takes its time holds up what follows. Never rejects. */
  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      while (this.state === 'open' && !this.blocked) {
        const frame = this.queue.shift();
        if (frame === undefined) break;
        this.queuedBytes -= frame.length;
        const answering = this.session === undefined ? this.handshake(frame) : this.answer(this.session, frame);
        if (answering !== undefined) await answering;
        this.checkReading();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.working = false;
    }
  }

  private answer(session: ClientSession, frame: Buffer): Promise<void> | undefined {
    const { endpoint } = this;
    const from = endpoint.clock.monotonic();
    const reader = new Reader(frame);
    const xid = reader.int32();
    const type = reader.int32();
    const send = (reply: Reply): void => {
      this.write(encodeReply(xid, reply.zxid ?? endpoint.coordination.image().offset, reply));
      endpoint.served(endpoint.clock.monotonic() - from);
    };
    const context: RequestContext = { endpoint, session, watcher: this };
    if (type === OpCode.ping || type === OpCode.auth) {
      send({ error: ZooKeeperCode.OK });
      return undefined;
    }
    if (type === OpCode.closeSession) {
      this.closing = true;
      return closeSession(context).then((reply) => {
        send(reply);
        this.state = this.state === 'open' ? 'ending' : this.state;
        this.stream.end();
      });
    }
    const refused = (error: unknown): void => {
      if (!(error instanceof ZooKeeperError)) throw error;
      send({ error: error.code });
    };
    try {
      const reply = answerRequest(context, type, reader);
      if (!(reply instanceof Promise)) {
        send(reply);
        return undefined;
      }
      return reply.then(send, refused);
    } catch (error) {
      refused(error);
      return undefined;
    }
  }

  private async handshake(frame: Buffer): Promise<void> {
    const { endpoint } = this;
    const request = readConnectRequest(new Reader(frame));
    if (request.lastZxidSeen > endpoint.coordination.image().offset) {
      // It has seen what this node has not: it must not go back in time.
      await endpoint.applied(request.lastZxidSeen);
    }
    if (!endpoint.writable) {
      if (request.readOnly !== true) throw new ProtocolError('there is no quorum, and the client wants one');
      this.beginLocally(request);
      return;
    }
    const holder = randomInt64(endpoint);
    const resumes = request.sessionId !== 0n;
    const answer = await endpoint.coordination.channel.send(
      coordinationSession,
      0,
      {
        action: resumes ? SessionAction.resume : SessionAction.open,
        nodeId: endpoint.nodeId,
        holder,
        sessionId: request.sessionId,
        password: request.password,
        timeoutMs: request.timeoutMs,
      },
      { timeoutMs: QUORUM_TIMEOUT_MS },
    );
    const { errorCode, errorMessage, sessionId, password, timeoutMs, zxid } = answer;
    if (errorCode !== ErrorCode.NONE) throw new ProtocolError(`no session: ${errorMessage ?? errorCode}`);
    const readOnly = request.readOnly === undefined ? undefined : false;
    if (sessionId === 0n) {
      this.write(encodeConnectResponse({ timeoutMs: 0, sessionId: 0n, password: NO_PASSWORD, readOnly }));
      this.state = 'ending';
      this.stream.end();
      return;
    }
    await endpoint.applied(zxid);
    this.begin({ id: sessionId, holder, timeoutMs, local: false, host: hostOf(this.remote), nextRequest: randomInt64(endpoint) });
    this.write(encodeConnectResponse({ timeoutMs, sessionId, password: password ?? NO_PASSWORD, readOnly }));
  }

  /** A session that ends with the connection, for a client that is content to read what may be old. */
  private beginLocally(request: ConnectRequest): void {
    const timeoutMs = Math.min(Math.max(request.timeoutMs, MIN_SESSION_TIMEOUT_MS), MAX_SESSION_TIMEOUT_MS);
    const id = (BigInt(this.endpoint.nodeId) << 56n) | (1n << 54n) | BigInt(this.id);
    this.begin({ id, holder: 0n, timeoutMs, local: true, host: hostOf(this.remote), nextRequest: 0n });
    this.write(encodeConnectResponse({ timeoutMs, sessionId: id, password: NO_PASSWORD, readOnly: true }));
  }

  private begin(session: ClientSession): void {
    if (this.state !== 'open') return;
    this.session = session;
    if (!session.local) this.endpoint.heard(session.id);
  }

  private write(chunks: Uint8Array[]): void {
    if (this.state !== 'open') return;
    this.sent++;
    if (!this.stream.write(chunks)) this.blocked = true;
  }

  private checkReading(): void {
    if (this.state !== 'open') return;
    const full = this.queue.length >= MAX_QUEUED_FRAMES || this.queuedBytes >= MAX_QUEUED_BYTES;
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
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.options.closed(this);
  }
}

function randomInt64({ random }: Endpoint): bigint {
  return Buffer.from(random.bytes(8)).readBigInt64BE(0);
}

function hostOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(':'));
}
