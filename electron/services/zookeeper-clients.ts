/**
 * The app's own ZooKeeper clients: `own`, whose session the user opens and which creates nodes and can stop sending, and `watcher`, which
 * holds the watches. They are real clients of the brokers' ZooKeeper endpoints, and use nothing of the lab.
 */
import { AdminError } from '../admin/errors.ts';
import { ZooKeeperSession } from '../admin/zookeeper-session.ts';
import type { ZooKeeperAddress } from '../admin/zookeeper-wire.ts';
import { EMBEDDED_ID } from './connections.ts';
import type { EventBus } from './event-bus.ts';
import type {
  ZooKeeperClients,
  ZooKeeperClientRole,
  ZooKeeperClientSession,
  ZooKeeperClientStep,
  FiredWatch,
  WatchKind,
} from '#shared/models/zookeeper-clients';

const KEPT = 50;
/** Requested for the watcher's session, which is not meant to expire. */
const WATCHER_TIMEOUT_MS = 10_000;
/** Changes within this time are published together: a step of a session changes its state as well. */
const PUBLISH_DELAY_MS = 50;

interface Held {
  askedTimeoutMs: number;
  session: ZooKeeperSession;
}

export class ZooKeeperClientsService {
  private readonly servers: () => Promise<readonly ZooKeeperAddress[]>;
  private readonly events: EventBus;
  private readonly held = new Map<ZooKeeperClientRole, Held>();
  private readonly opening = new Map<ZooKeeperClientRole, Promise<ZooKeeperSession>>();
  private readonly fired: FiredWatch[] = [];
  private readonly steps: ZooKeeperClientStep[] = [];
  private ids = 0;
  private publishing: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(servers: () => Promise<readonly ZooKeeperAddress[]>, events: EventBus) {
    this.servers = servers;
    this.events = events;
  }

  clients(): ZooKeeperClients {
    const watcher = this.held.get('watcher')?.session;
    return {
      own: this.describe('own'),
      watcher: this.describe('watcher'),
      watches: [...(watcher?.watches ?? [])],
      fired: [...this.fired],
      steps: [...this.steps],
    };
  }

  /** Closes the open session of this role first: the user has one session at a time. */
  async open(timeoutMs: number): Promise<ZooKeeperClients> {
    if (this.opening.has('own')) throw new AdminError({ code: 'BUSY', message: 'A session is being opened already.' });
    await this.held.get('own')?.session.close();
    await this.begin('own', timeoutMs);
    return this.clients();
  }

  async create(path: string, data: string, ephemeral: boolean): Promise<ZooKeeperClients> {
    await this.own().create(path, data, ephemeral);
    return this.clients();
  }

  async set(path: string, data: string): Promise<ZooKeeperClients> {
    await this.own().set(path, data);
    return this.clients();
  }

  async delete(path: string): Promise<ZooKeeperClients> {
    await this.own().delete(path);
    return this.clients();
  }

  /** Opens the watcher's session if it has none. */
  async watch(path: string, kind: WatchKind): Promise<ZooKeeperClients> {
    const known = this.held.get('watcher')?.session;
    const session = known === undefined || known.over ? await this.begin('watcher', WATCHER_TIMEOUT_MS) : known;
    await session.watch(path, kind);
    return this.clients();
  }

  silence(): ZooKeeperClients {
    this.own().silence();
    return this.clients();
  }

  speak(): ZooKeeperClients {
    this.own().speak();
    return this.clients();
  }

  async closeSession(role: ZooKeeperClientRole): Promise<ZooKeeperClients> {
    await this.held.get(role)?.session.close();
    return this.clients();
  }

  /** Closes both connections at once without closing the sessions, which expire on the servers. */
  close(): void {
    this.ended = true;
    clearTimeout(this.publishing);
    for (const { session } of this.held.values()) session.drop();
  }

  private begin(role: ZooKeeperClientRole, timeoutMs: number): Promise<ZooKeeperSession> {
    const under = this.opening.get(role);
    if (under !== undefined) return under;
    const opening = ZooKeeperSession.open({
      servers: this.servers,
      timeoutMs,
      changed: () => this.publishSoon(),
      step: (what, detail) => keep(this.steps, { id: ++this.ids, at: Date.now(), role, what, detail }),
      fired: (event) => {
        const fired: FiredWatch = { id: ++this.ids, ...event };
        keep(this.fired, fired);
        if (!this.ended) this.events.publish('zookeeper/watchFired', fired, { connectionId: EMBEDDED_ID });
      },
    })
      .then((session) => {
        // `close` was called while the session was being opened, and does not know it.
        if (this.ended) session.drop();
        this.held.set(role, { askedTimeoutMs: timeoutMs, session });
        this.publishSoon();
        return session;
      })
      .finally(() => this.opening.delete(role));
    this.opening.set(role, opening);
    return opening;
  }

  private own(): ZooKeeperSession {
    const session = this.held.get('own')?.session;
    if (session === undefined)
      throw new AdminError({ code: 'NOT_CONNECTED', message: 'No ZooKeeper session is open.', advice: 'Open a session first.' });
    return session;
  }

  private describe(role: ZooKeeperClientRole): ZooKeeperClientSession | null {
    const held = this.held.get(role);
    if (held === undefined) return null;
    const { session, askedTimeoutMs } = held;
    const { state, since, sessionId, granted: timeoutMs, broker, lastSentAt, resumed, problem } = session;
    return {
      role,
      state,
      since,
      sessionId,
      askedTimeoutMs,
      timeoutMs,
      broker,
      lastSentAt,
      ephemerals: [...session.ephemerals],
      resumed,
      problem,
    };
  }

  private publishSoon(): void {
    if (this.ended) return;
    this.publishing ??= setTimeout(() => {
      this.publishing = undefined;
      this.events.publish('zookeeper/clientsChanged', this.clients(), { connectionId: EMBEDDED_ID });
    }, PUBLISH_DELAY_MS);
    this.publishing.unref();
  }
}

function keep<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > KEPT) list.shift();
}
