/**
 * Keeps a ZooKeeper session, as ZooKeeper's own client does: without a response for two thirds of the session timeout it drops the server and
 * resumes the session at another one. Only a server can report that the session has expired.
 */
import type { Writer } from '../cluster/protocol/writer.ts';
import { AdminError } from './errors.ts';
import { ZooKeeperConnection } from './zookeeper-connection.ts';
import { hexId, Op, type ZooKeeperAddress } from './zookeeper-wire.ts';
import type { ZooKeeperClientState, ZooKeeperClientStep } from '#shared/models/zookeeper-clients';
import { messageOf } from '#shared/errors';

/** A live server answers a handshake within the time of an election; any other must not use up the session timeout. */
const CONNECT_TIMEOUT_MS = 4_000;
/**
 * Pings in a session's timeout. A server that fails may not have reported the last one to the controller: the time left when the client drops
 * the server must suffice to find another one.
 */
const PINGS = 6;
const LEAST_CONNECT_MS = 1_000;
const RETRY_MS = 250;
/** Wait for the first session, and for a request without a server. */
const PATIENCE_MS = 10_000;

export interface KeeperOptions {
  /** Called before each round of attempts; returns the preferred servers first. */
  servers: () => Promise<readonly ZooKeeperAddress[]>;
  /** The server may grant another. */
  timeoutMs: number;
  /** The state or another reported value has changed. */
  changed: () => void;
  step: (what: ZooKeeperClientStep['what'], detail: string) => void;
  /** A server has accepted the session. `lastZxid` is the newest change that the client has received. */
  connected: (connection: ZooKeeperConnection, lastZxid: bigint) => void;
  /** A watch event, with the server's number of its type. */
  watch: (type: number, path: string, broker: number) => void;
  /** The session has expired, as `broker` reported, or was closed here (null). Called before `changed`. */
  over: (broker: number | null) => void;
}

export class SessionKeeper {
  state: ZooKeeperClientState = 'connecting';
  /** Wall-clock ms of the last change of state. */
  since = Date.now();
  /** The timeout in ms that the server granted; null before. */
  granted: number | null = null;
  /** Number of reconnections under the same session id, to any server. */
  resumed = 0;
  /** Why the session has no server, or has ended; null: no reason to show. */
  problem: string | null = null;
  private readonly options: KeeperOptions;
  private id = 0n;
  private password: Uint8Array = new Uint8Array(16);
  private lastZxid = 0n;
  private connection: ZooKeeperConnection | undefined;
  private lastReceivedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Tried last. */
  private lastServer: number | undefined;
  private waitingForServer: (() => void)[] = [];

  constructor(options: KeeperOptions) {
    this.options = options;
  }

  get sessionId(): string | null {
    return this.id === 0n ? null : hexId(this.id);
  }

  get broker(): number | null {
    return this.connection?.server.id ?? null;
  }

  get lastSentAt(): number | null {
    return this.connection?.lastSentAt ?? null;
  }

  get isOver(): boolean {
    return this.state === 'expired' || this.state === 'closed';
  }

  /** Resolves when a server has given a session; rejects with `AdminError` when none does in time. */
  async begin(): Promise<void> {
    this.look();
    if (await this.hasServer()) return;
    const { problem } = this;
    this.finish('closed', null);
    throw new AdminError({
      code: 'BROKER_UNREACHABLE',
      message: `No broker’s ZooKeeper endpoint gave a session within ${PATIENCE_MS / 1000} s${problem === null ? '' : `: ${problem}`}.`,
      advice: 'A session needs a majority of the voters: start brokers that are down, or heal the links between them.',
    });
  }

  /**
   * Resolves to the server's error code, 0 for none; waits a while without a server. Rejects with `AdminError` when no server is found, or when
   * the connection is lost before the response: the outcome of the request is then unknown.
   */
  async call(type: number, path: string, write: (writer: Writer) => void): Promise<number> {
    if (this.state === 'connecting') await this.hasServer();
    const { connection } = this;
    if (this.state !== 'connected' || connection === undefined) throw this.notConnected(path);
    const { error } = await connection.call(type, path, write);
    return error;
  }

  /** From now on it neither sends nor reads, as a suspended process. */
  silence(): void {
    if (this.state !== 'connected') throw this.notConnected();
    clearTimeout(this.timer);
    this.connection?.hold();
    this.options.step('silent', `connected to broker ${this.broker}`);
    this.turn('silent', null);
  }

  /** Resumes; it learns from the server what has changed meanwhile. */
  speak(): void {
    const { connection } = this;
    if (this.state !== 'silent' || connection === undefined) throw this.notConnected();
    this.options.step('spoke', `to broker ${connection.server.id}`);
    this.turn('connected', null);
    this.lastReceivedAt = performance.now();
    if (!connection.open) {
      this.lost('the connection was closed meanwhile');
      return;
    }
    connection.release();
    connection.ping();
    this.beat();
  }

  /** Closes the session and deletes its ephemeral nodes; without a server it is left to expire. */
  async close(): Promise<void> {
    if (this.isOver) return;
    const { connection, state } = this;
    if (state === 'connected' && connection !== undefined) {
      clearTimeout(this.timer);
      const sent = connection.call(Op.closeSession, '/').then(
        () => true,
        // It expires by itself then, as the step says.
        () => false,
      );
      const late = new Promise<boolean>((resolve) => setTimeout(resolve, CONNECT_TIMEOUT_MS, false).unref());
      if (await Promise.race([sent, late])) {
        this.options.step('closed', 'in order, at once');
        this.finish('closed', null);
        return;
      }
    }
    this.options.step('closed', 'without the server, where it will expire');
    this.finish('closed', null);
  }

  /** Closes the connection without closeSession. */
  drop(): void {
    if (!this.isOver) this.finish('closed', null);
  }

  private notConnected(subject?: string): AdminError {
    const app = {
      connecting: { message: 'The session has no server now.', advice: 'It searches for one, which needs a majority of the voters.' },
      connected: { message: 'The session is not silent.', advice: 'Let it go silent first.' },
      silent: { message: 'The session is silent.', advice: 'Let it speak again, or open another one once it has expired.' },
      expired: { message: 'The session has expired.', advice: 'Open another one.' },
      closed: { message: 'There is no session.', advice: 'Open one.' },
    }[this.state];
    return new AdminError({ code: 'NOT_CONNECTED', ...app, ...(subject === undefined ? {} : { subject }) });
  }

  // ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False when the session gets no server in time, or has ended. */
  private hasServer(): Promise<boolean> {
    if (this.state !== 'connecting') return Promise.resolve(this.state === 'connected');
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
      this.waitingForServer.push(() => {
        clearTimeout(timer);
        resolve(this.state === 'connected');
      });
    });
  }

  private look(): void {
    this.tryServers()
      .catch((error: unknown) => {
        this.problem = messageOf(error);
      })
      .finally(() => {
        if (this.state !== 'connecting') return;
        this.timer = setTimeout(() => this.look(), RETRY_MS);
        this.timer.unref();
      });
  }

  /** Tries the servers in turn until one accepts the session or reports its expiry, or the session is closed. */
  private async tryServers(): Promise<void> {
    const servers = await this.options.servers();
    const others = servers.filter(({ id }) => id !== this.lastServer);
    const again = servers.filter(({ id }) => id === this.lastServer);
    if (servers.length === 0) this.problem = 'no broker is running';
    for (const server of [...others, ...again]) {
      if (this.state !== 'connecting') return;
      this.lastServer = server.id;
      const share = (this.granted ?? this.options.timeoutMs) / servers.length;
      if (await this.tryServer(server, Math.min(CONNECT_TIMEOUT_MS, Math.max(LEAST_CONNECT_MS, share)))) return;
    }
  }

  /** Whether no other server needs to be tried. */
  private async tryServer(server: ZooKeeperAddress, withinMs: number): Promise<boolean> {
    let current: ZooKeeperConnection | undefined;
    try {
      const answer = await ZooKeeperConnection.open(
        server,
        { lastZxid: this.lastZxid, timeoutMs: this.options.timeoutMs, sessionId: this.id, password: this.password, readOnly: false },
        {
          received: (zxid) => {
            this.lastReceivedAt = performance.now();
            if (zxid > this.lastZxid) this.lastZxid = zxid;
          },
          watch: (type, path) => this.options.watch(type, path, server.id),
          lost: (why) => {
            if (current !== undefined && current === this.connection) this.lost(why);
          },
        },
        withinMs,
      );
      current = answer.connection;
      if (this.state === 'connecting') this.answered(answer);
      else current.close();
      return true;
    } catch (error) {
      current?.close();
      this.problem = `broker ${server.id}: ${messageOf(error)}`;
      this.options.changed();
      return false;
    }
  }

  /** By a handshake: the session, or its expiry. Throws when a server refuses a new session. */
  private answered({ connection, timeoutMs, sessionId, password }: Awaited<ReturnType<typeof ZooKeeperConnection.open>>): void {
    const broker = connection.server.id;
    const resumes = this.id !== 0n;
    if (timeoutMs <= 0) {
      if (!resumes) throw new Error(`broker ${broker} gave no session`);
      connection.close();
      this.options.step('expired', `broker ${broker} said so when the client came back`);
      this.finish(
        'expired',
        `Broker ${broker} no longer has session ${this.sessionId ?? ''}: it received no ping within the session timeout.`,
        broker,
      );
      return;
    }
    this.id = sessionId;
    this.password = password;
    this.granted = timeoutMs;
    this.connection = connection;
    this.lastReceivedAt = performance.now();
    if (resumes) this.resumed += 1;
    this.options.step(resumes ? 'resumed' : 'opened', `at broker ${broker}`);
    this.turn('connected', null);
    this.options.connected(connection, this.lastZxid);
    this.beat();
  }

  private lost(why: string): void {
    // A silent client does not notice the loss before it resumes.
    if (this.state !== 'connected') return;
    clearTimeout(this.timer);
    const broker = this.broker;
    this.connection = undefined;
    this.options.step('lost', `broker ${broker ?? '?'}: ${why}`);
    this.turn('connecting', `broker ${broker ?? '?'}: ${why}`);
    this.look();
  }

  private beat(): void {
    const timeoutMs = this.granted ?? this.options.timeoutMs;
    const left = this.lastReceivedAt + (timeoutMs * 2) / 3 - performance.now();
    this.timer = setTimeout(
      () => {
        if (this.state !== 'connected') return;
        const quietMs = performance.now() - this.lastReceivedAt;
        if (quietMs >= (timeoutMs * 2) / 3) {
          this.connection?.end(`no response for ${(quietMs / 1000).toFixed(1)} s`);
          return;
        }
        this.connection?.ping();
        this.options.changed();
        this.beat();
      },
      // Rounded up: a timer that fires a little early would only set the next one.
      Math.min(timeoutMs / PINGS, Math.max(0, Math.ceil(left) + 1)),
    );
    this.timer.unref();
  }

  // ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private turn(state: ZooKeeperClientState, problem: string | null): void {
    this.state = state;
    this.since = Date.now();
    this.problem = problem;
    if (state !== 'connecting') for (const waiter of this.waitingForServer.splice(0)) waiter();
    this.options.changed();
  }

  private finish(state: 'expired' | 'closed', problem: string | null, broker: number | null = null): void {
    clearTimeout(this.timer);
    this.connection?.close();
    this.connection = undefined;
    this.options.over(broker);
    this.turn(state, problem);
  }
}
