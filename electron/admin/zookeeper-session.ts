/**
 * A ZooKeeper session, as ZooKeeper's own client holds one: pings every third of its timeout, gives a server up that is not heard for two
 * thirds of it, and goes on with another under the same id, telling it which watches to set anew. Only a server can say that it is over.
 */
import { AdminError } from './errors.ts';
import { ZooKeeperConnection } from './zookeeper-connection.ts';
import {
  EPHEMERAL,
  EventType,
  hexId,
  Op,
  refuse,
  writeOpenAcl,
  writeText,
  writeTexts,
  ZkError,
  type ZooKeeperAddress,
} from './zookeeper-wire.ts';
import type { CoordinationStep, FiredWatch, WatchKind } from '#shared/models/coordination';

/** A server that is alive answers a handshake within an election's time; one that is not must not cost the session its timeout. */
const CONNECT_TIMEOUT_MS = 4_000;
const LOOKS_A_PING = 4;
const LEAST_CONNECT_MS = 1_000;
const RETRY_MS = 250;
/** For the first server to give a session, and for a request while there is none. */
const PATIENCE_MS = 10_000;
const MAX_WATCHES = 20;
const MAX_DEPTH = 8;

export type SessionState = 'connecting' | 'connected' | 'silent' | 'expired' | 'closed';

export interface SessionOptions {
  /** Asked before each round of attempts: those to be tried first come first. */
  servers: () => Promise<readonly ZooKeeperAddress[]>;
  /** The server may grant another. */
  timeoutMs: number;
  /** Its state, or something else of what it tells, is different now. */
  changed: () => void;
  step: (what: CoordinationStep['what'], detail: string) => void;
  fired: (event: Omit<FiredWatch, 'id'>) => void;
}

interface HeldWatch {
  path: string;
  kind: WatchKind;
  since: number;
  existed: boolean;
}

export class ZooKeeperSession {
  state: SessionState = 'connecting';
  since = Date.now();
  granted: number | null = null;
  resumed = 0;
  problem: string | null = null;
  readonly ephemerals = new Set<string>();
  private readonly options: SessionOptions;
  private readonly held = new Map<string, HeldWatch>();
  private id = 0n;
  private password: Uint8Array = new Uint8Array(16);
  private lastZxid = 0n;
  private connection: ZooKeeperConnection | undefined;
  private heardAt = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Tried last: the others come first. */
  private lastServer: number | undefined;
  private waitingForServer: (() => void)[] = [];

  private constructor(options: SessionOptions) {
    this.options = options;
  }

  /** Resolves when a server has given a session; rejects with `AdminError` when none does in time. */
  static async open(options: SessionOptions): Promise<ZooKeeperSession> {
    const session = new ZooKeeperSession(options);
    session.look();
    if (!(await session.hasServer())) {
      const { problem } = session;
      session.finish('closed', null);
      throw new AdminError({
        code: 'BROKER_UNREACHABLE',
        message: `No broker’s ZooKeeper endpoint gave a session within ${PATIENCE_MS / 1000} s${problem === null ? '' : `: ${problem}`}.`,
        advice: 'A session needs a majority of the voters: start brokers that are down, or heal the links between them.',
      });
    }
    return session;
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

  get watches(): readonly HeldWatch[] {
    return [...this.held.values()];
  }

  get over(): boolean {
    return this.state === 'expired' || this.state === 'closed';
  }

  // ── what it does ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Persistent parents that are missing are made first. */
  async create(path: string, data: string, ephemeral: boolean): Promise<void> {
    await this.parents(path);
    await this.make(path, data, ephemeral);
    if (ephemeral) this.ephemerals.add(path);
    this.options.step('created', ephemeral ? `${path}, ephemeral` : path);
    this.options.changed();
  }

  async set(path: string, data: string): Promise<void> {
    const { error } = await this.ask(Op.setData, path, (connection, type) =>
      connection.call(type, path, (writer) => {
        writeText(writer, path);
        writer.bytes(Buffer.from(data));
        writer.int32(-1);
      }),
    );
    refuse(error, path);
    this.options.step('changed', path);
    this.options.changed();
  }

  async delete(path: string): Promise<void> {
    const { error } = await this.ask(Op.delete, path, (connection, type) =>
      connection.call(type, path, (writer) => {
        writeText(writer, path);
        writer.int32(-1);
      }),
    );
    refuse(error, path);
    this.ephemerals.delete(path);
    this.options.step('deleted', path);
    this.options.changed();
  }

  /** Resolves to whether the node is there. A watch on the data of one that is not waits for its making. */
  async watch(path: string, kind: WatchKind): Promise<boolean> {
    if (!this.held.has(`${kind}:${path}`) && this.held.size >= MAX_WATCHES) {
      const message = `${MAX_WATCHES} watches are set already.`;
      throw new AdminError({ code: 'INVALID_PAYLOAD', message, advice: 'Each ends when it fires; or close the watching session.' });
    }
    const asked = async (type: number): Promise<number> => {
      const answer = await this.ask(type, path, (connection) =>
        connection.call(type, path, (writer) => {
          writeText(writer, path);
          writer.bool(true);
        }),
      );
      return answer.error;
    };
    // `exists` sets a watch either way, and is told of changes of the data too.
    const error = await asked(kind === 'node' ? Op.exists : Op.getChildren);
    if (error !== 0 && !(kind === 'node' && error === ZkError.noNode)) refuse(error, path);
    this.held.set(`${kind}:${path}`, { path, kind, since: Date.now(), existed: error === 0 });
    this.options.changed();
    return error === 0;
  }

  /** From now on it says nothing and hears nothing, as a process that stands still. */
  silence(): void {
    if (this.state !== 'connected') throw this.notConnected();
    clearTimeout(this.timer);
    this.connection?.hold();
    this.options.step('silent', `connected to broker ${this.broker}`);
    this.turn('silent', null);
  }

  /** It gets on; what happened meanwhile it finds out from the server. */
  speak(): void {
    const { connection } = this;
    if (this.state !== 'silent' || connection === undefined) throw this.notConnected();
    this.options.step('spoke', `to broker ${connection.server.id}`);
    this.turn('connected', null);
    this.heardAt = performance.now();
    if (!connection.open) {
      this.lost('the connection was closed meanwhile');
      return;
    }
    connection.release();
    connection.ping();
    this.beat();
  }

  /** Ends the session in order, its ephemeral nodes with it; one that cannot be told is left to expire. */
  async close(): Promise<void> {
    if (this.over) return;
    const { connection, state } = this;
    if (state === 'connected' && connection !== undefined) {
      clearTimeout(this.timer);
      const told = connection.call(Op.closeSession, '/').then(
        () => true,
        // It ends by itself then, as the step says.
        () => false,
      );
      const late = new Promise<boolean>((resolve) => setTimeout(resolve, CONNECT_TIMEOUT_MS, false).unref());
      if (await Promise.race([told, late])) {
        this.options.step('closed', 'in order, at once');
        this.finish('closed', null);
        return;
      }
    }
    this.options.step('closed', 'without a word to the server, which lets it expire');
    this.finish('closed', null);
  }

  /** At once, without a word. */
  drop(): void {
    if (!this.over) this.finish('closed', null);
  }

  // ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private async parents(path: string): Promise<void> {
    const names = path.split('/').slice(1, -1);
    if (names.length > MAX_DEPTH) throw new AdminError({ code: 'INVALID_PAYLOAD', message: `${path} lies too deep.`, field: 'path' });
    let parent = '';
    for (const name of names) {
      parent += `/${name}`;
      try {
        await this.make(parent, '', false);
      } catch (error) {
        if (!(error instanceof AdminError && error.app.code === 'NODE_EXISTS')) throw error;
      }
    }
  }

  private async make(path: string, data: string, ephemeral: boolean): Promise<void> {
    const { error } = await this.ask(Op.create, path, (connection, type) =>
      connection.call(type, path, (writer) => {
        writeText(writer, path);
        writer.bytes(Buffer.from(data));
        writeOpenAcl(writer);
        writer.int32(ephemeral ? EPHEMERAL : 0);
      }),
    );
    refuse(error, path);
  }

  private async ask<T>(type: number, path: string, send: (connection: ZooKeeperConnection, type: number) => Promise<T>): Promise<T> {
    if (this.state === 'connecting') await this.hasServer();
    const { connection } = this;
    if (this.state !== 'connected' || connection === undefined) throw this.notConnected(path);
    return send(connection, type);
  }

  private notConnected(subject?: string): AdminError {
    const app = {
      connecting: { message: 'The session has no server now.', advice: 'It looks for one; a majority of the voters is needed.' },
      connected: { message: 'The session is not silent.', advice: 'Let it go silent first.' },
      silent: { message: 'The session is silent.', advice: 'Let it speak again, or open another one once it has expired.' },
      expired: { message: 'The session has expired.', advice: 'Open another one.' },
      closed: { message: 'There is no session.', advice: 'Open one.' },
    }[this.state];
    return new AdminError({ code: 'NOT_CONNECTED', ...app, ...(subject === undefined ? {} : { subject }) });
  }

  // ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False when it has none after a while, or never will again. */
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

  /** Goes round the servers until one takes it, says that it is over, or it is closed. Never rejects. */
  private async tryServers(): Promise<void> {
    const servers = await this.options.servers();
    const others = servers.filter(({ id }) => id !== this.lastServer);
    const again = servers.filter(({ id }) => id === this.lastServer);
    if (servers.length === 0) this.problem = 'no broker runs';
    for (const server of [...others, ...again]) {
      if (this.state !== 'connecting') return;
      this.lastServer = server.id;
      const share = (this.granted ?? this.options.timeoutMs) / servers.length;
      if (await this.tryServer(server, Math.min(CONNECT_TIMEOUT_MS, Math.max(LEAST_CONNECT_MS, share)))) return;
    }
  }

  private async tryServer(server: ZooKeeperAddress, withinMs: number): Promise<boolean> {
    const resumes = this.id !== 0n;
    let current: ZooKeeperConnection | undefined;
    try {
      const answer = await ZooKeeperConnection.open(
        server,
        { lastZxid: this.lastZxid, timeoutMs: this.options.timeoutMs, sessionId: this.id, password: this.password, readOnly: false },
        {
          heard: (zxid) => {
            this.heardAt = performance.now();
            if (zxid > this.lastZxid) this.lastZxid = zxid;
          },
          watch: (type, path) => this.onWatch(type, path, server.id),
          lost: (why) => {
            if (current !== undefined && current === this.connection) this.lost(why);
          },
        },
        withinMs,
      );
      current = answer.connection;
      if (this.state !== 'connecting') {
        current.close();
        return true;
      }
      if (answer.timeoutMs <= 0) {
        current.close();
        if (!resumes) throw new Error(`broker ${server.id} gave no session`);
        this.options.step('expired', `broker ${server.id} said so when the client came back`);
        this.finish('expired', `Broker ${server.id} does not know ${this.sessionId ?? ''} any more: it was not heard within its timeout.`);
        return true;
      }
      this.id = answer.sessionId;
      this.password = answer.password;
      this.granted = answer.timeoutMs;
      this.connection = current;
      this.heardAt = performance.now();
      if (resumes) this.resumed += 1;
      this.options.step(resumes ? 'resumed' : 'opened', `at broker ${server.id}`);
      this.turn('connected', null);
      this.setWatches();
      this.beat();
      return true;
    } catch (error) {
      current?.close();
      this.problem = `broker ${server.id}: ${error instanceof Error ? error.message : String(error)}`;
      this.options.changed();
      return false;
    }
  }

  private look(): void {
    this.tryServers()
      .catch((error: unknown) => {
        this.problem = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        if (this.state !== 'connecting') return;
        this.timer = setTimeout(() => this.look(), RETRY_MS);
        this.timer.unref();
      });
  }

  private lost(why: string): void {
    // One that is silent does not notice; it is told when it speaks.
    if (this.state !== 'connected') return;
    clearTimeout(this.timer);
    const broker = this.broker;
    this.connection = undefined;
    this.options.step('lost', `broker ${broker ?? '?'}: ${why}`);
    this.turn('connecting', `broker ${broker ?? '?'}: ${why}`);
    this.look();
  }

  /**
   * Pings once a third of the timeout, as ZooKeeper's client does. Looks more often than that: a server that falls silent right after an
   * answer would else be given up with the last look, when the session is over too.
   */
  private beat(look = 1): void {
    const timeoutMs = this.granted ?? this.options.timeoutMs;
    this.timer = setTimeout(
      () => {
        if (this.state !== 'connected') return;
        const quietMs = performance.now() - this.heardAt;
        if (quietMs >= (timeoutMs * 2) / 3) {
          this.connection?.end(`it was not heard for ${(quietMs / 1000).toFixed(1)} s`);
          return;
        }
        if (look % LOOKS_A_PING === 0) {
          this.connection?.ping();
          this.options.changed();
        }
        this.beat(look + 1);
      },
      timeoutMs / 3 / LOOKS_A_PING,
    );
    this.timer.unref();
  }

  // ── watches ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A watch is the server's and ends with the connection; the next one is told of it, and of what the client saw last. */
  private setWatches(): void {
    if (this.held.size === 0) return;
    const of = (kind: WatchKind, existed: boolean): string[] =>
      this.watches.filter((one) => one.kind === kind && one.existed === existed).map(({ path }) => path);
    this.connection?.setWatches((writer) => {
      writer.int64(this.lastZxid);
      writeTexts(writer, of('node', true));
      writeTexts(writer, of('node', false));
      writeTexts(writer, of('children', true));
    });
  }

  private onWatch(type: number, path: string, broker: number): void {
    const event = EVENTS[type];
    if (event === undefined) return;
    // The end of a node ends both; anything else the one it is about.
    const ended = this.watches.filter(
      (one) => one.path === path && (event === 'deleted' || (one.kind === 'children') === (event === 'childrenChanged')),
    );
    for (const one of ended) this.held.delete(`${one.kind}:${path}`);
    this.options.fired({ at: Date.now(), path, event, broker, setAt: Math.min(...ended.map(({ since }) => since), Date.now()) });
    this.options.changed();
  }

  // ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private turn(state: SessionState, problem: string | null): void {
    this.state = state;
    this.since = Date.now();
    this.problem = problem;
    if (state !== 'connecting') for (const waiter of this.waitingForServer.splice(0)) waiter();
    this.options.changed();
  }

  private finish(state: 'expired' | 'closed', problem: string | null): void {
    clearTimeout(this.timer);
    this.connection?.close();
    this.connection = undefined;
    this.held.clear();
    this.ephemerals.clear();
    this.turn(state, problem);
  }
}

const EVENTS: Readonly<Record<number, FiredWatch['event']>> = {
  [EventType.created]: 'created',
  [EventType.deleted]: 'deleted',
  [EventType.changed]: 'changed',
  [EventType.childrenChanged]: 'childrenChanged',
};
