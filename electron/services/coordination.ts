/**
 * The app's own ZooKeeper clients, for a person to hold a session with the coordination service: `own`, which makes nodes and may go
 * silent, and `watcher`, which holds the watches meanwhile. They are real clients of the brokers' endpoints and know nothing of the lab.
 */
import { AdminError } from '../admin/errors.ts';
import { ZooKeeperSession } from '../admin/zookeeper-session.ts';
import type { ZooKeeperAddress } from '../admin/zookeeper-wire.ts';
import { EMBEDDED_ID } from './connections.ts';
import type { EventBus } from './event-bus.ts';
import type {
  CoordinationClients,
  CoordinationRole,
  CoordinationSession,
  CoordinationStep,
  FiredWatch,
  WatchKind,
} from '#shared/models/coordination';

const KEPT = 50;
/** What the watcher asks for; nobody is to see it expire. */
const WATCHER_TIMEOUT_MS = 10_000;
/** Changes told together: a session's step and its state come at once. */
const TELL_MS = 50;

interface Held {
  askedTimeoutMs: number;
  session: ZooKeeperSession;
}

export class CoordinationService {
  private readonly servers: () => Promise<readonly ZooKeeperAddress[]>;
  private readonly events: EventBus;
  private readonly held = new Map<CoordinationRole, Held>();
  private readonly opening = new Map<CoordinationRole, Promise<ZooKeeperSession>>();
  private readonly fired: FiredWatch[] = [];
  private readonly steps: CoordinationStep[] = [];
  private ids = 0;
  private telling: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(servers: () => Promise<readonly ZooKeeperAddress[]>, events: EventBus) {
    this.servers = servers;
    this.events = events;
  }

  clients(): CoordinationClients {
    const watcher = this.held.get('watcher')?.session;
    return {
      own: this.told('own'),
      watcher: this.told('watcher'),
      watches: [...(watcher?.watches ?? [])],
      fired: [...this.fired],
      steps: [...this.steps],
    };
  }

  /** One that lives is closed first: there is one of a person's own at a time. */
  async open(timeoutMs: number): Promise<CoordinationClients> {
    if (this.opening.has('own')) throw new AdminError({ code: 'BUSY', message: 'A session is being opened already.' });
    await this.held.get('own')?.session.close();
    await this.begin('own', timeoutMs);
    return this.clients();
  }

  async create(path: string, data: string, ephemeral: boolean): Promise<CoordinationClients> {
    await this.own().create(path, data, ephemeral);
    return this.clients();
  }

  async set(path: string, data: string): Promise<CoordinationClients> {
    await this.own().set(path, data);
    return this.clients();
  }

  async delete(path: string): Promise<CoordinationClients> {
    await this.own().delete(path);
    return this.clients();
  }

  /** Opens the watcher's session when there is none. */
  async watch(path: string, kind: WatchKind): Promise<CoordinationClients> {
    const known = this.held.get('watcher')?.session;
    const session = known === undefined || known.over ? await this.begin('watcher', WATCHER_TIMEOUT_MS) : known;
    await session.watch(path, kind);
    return this.clients();
  }

  silence(): CoordinationClients {
    this.own().silence();
    return this.clients();
  }

  speak(): CoordinationClients {
    this.own().speak();
    return this.clients();
  }

  async closeSession(role: CoordinationRole): Promise<CoordinationClients> {
    await this.held.get(role)?.session.close();
    return this.clients();
  }

  /** Ends both at once; the servers let them expire. */
  close(): void {
    this.ended = true;
    clearTimeout(this.telling);
    for (const { session } of this.held.values()) session.drop();
  }

  private begin(role: CoordinationRole, timeoutMs: number): Promise<ZooKeeperSession> {
    const under = this.opening.get(role);
    if (under !== undefined) return under;
    const opening = ZooKeeperSession.open({
      servers: this.servers,
      timeoutMs,
      changed: () => this.tellSoon(),
      step: (what, detail) => keep(this.steps, { id: ++this.ids, at: Date.now(), role, what, detail }),
      fired: (event) => {
        const told: FiredWatch = { id: ++this.ids, ...event };
        keep(this.fired, told);
        if (!this.ended) this.events.publish('coordination/watchFired', told, { connectionId: EMBEDDED_ID });
      },
    })
      .then((session) => {
        // The app has ended meanwhile: nobody would ever close it.
        if (this.ended) session.drop();
        this.held.set(role, { askedTimeoutMs: timeoutMs, session });
        this.tellSoon();
        return session;
      })
      .finally(() => this.opening.delete(role));
    this.opening.set(role, opening);
    return opening;
  }

  private own(): ZooKeeperSession {
    const session = this.held.get('own')?.session;
    if (session === undefined)
      throw new AdminError({ code: 'NOT_CONNECTED', message: 'There is no session of yours.', advice: 'Open one first.' });
    return session;
  }

  private told(role: CoordinationRole): CoordinationSession | null {
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

  private tellSoon(): void {
    if (this.ended) return;
    this.telling ??= setTimeout(() => {
      this.telling = undefined;
      this.events.publish('coordination/clientsChanged', this.clients(), { connectionId: EMBEDDED_ID });
    }, TELL_MS);
    this.telling.unref();
  }
}

function keep<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > KEPT) list.shift();
}
