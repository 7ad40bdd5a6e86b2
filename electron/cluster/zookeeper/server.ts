/**
 * The ZooKeeper endpoint of a node: a listener, its connections, their watches, and the reports of active sessions to the controller.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { NetworkError, type Address, type Listener, type Network, type Stream } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';
import type { ConnectionLimits } from '../network/connection-limits.ts';
import { clientHost } from '../network/connection.ts';
import { RequestMemory } from '../network/request-memory.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { coordinationTouch } from '../quorum/zookeeper-state/apis.ts';
import { MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS } from '../quorum/zookeeper-state/sessions.ts';
import { MAX_DATA_BYTES } from '../quorum/zookeeper-state/transaction.ts';
import type { ZooKeeperChange } from '../quorum/zookeeper-state/view.ts';
import { znodeChanges } from './changes.ts';
import { ZooKeeperConnection } from './connection.ts';
import { QUORUM_TIMEOUT_MS, type Coordination, type Endpoint } from './endpoint.ts';
import { answerWord, type ServerFacts } from './four-letter-words.ts';
import { SessionRequests } from './session-requests.ts';
import type { SessionConnection } from './session.ts';
import { Watches } from './watches.ts';

export interface ZooKeeperServerOptions {
  readonly nodeId: number;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Port 0: any free port. */
  readonly address: Address;
  readonly coordination: Coordination;
  /** Number of voters of the metadata quorum; a single one is `standalone`. */
  readonly voters: number;
  readonly maxConnections?: number;
  /** Shared with the node's other listeners. */
  readonly limits?: ConnectionLimits;
  /** For client requests, shared with the node's other listeners; its own if absent. */
  readonly memory?: RequestMemory;
}

/** Version of the protocol, from which clients derive a server's features: those of ZooKeeper 3.8. */
const VERSION = "3.8.0-brokerdesk, built on the cluster's own metadata log";
const SWEEP_MS = 500;
/** Maximum time of an election before clients are disconnected, or restricted to reads. */
const LEADERLESS_MS = 4_000;
const HANDSHAKE_MS = 15_000;
const REPORT_TIMEOUT_MS = 2_000;
/** Maximum delay between a client's request and the report of its session; unreported requests are lost when this node fails. */
const REPORT_MS = 100;
const STOP_GRACE_MS = 100;

interface Waiter {
  readonly zxid: bigint;
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ZooKeeperServer implements Endpoint {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly coordination: Coordination;
  readonly watches = new Watches();
  readonly sessionRequests: SessionRequests;
  private readonly options: ZooKeeperServerOptions;
  private readonly memory: RequestMemory;
  private readonly connections = new Set<ZooKeeperConnection>();
  /** The newest connection of each session of the quorum. */
  private readonly bySession = new Map<bigint, SessionConnection>();
  private readonly touchedSessions = new Set<bigint>();
  /** By zxid. */
  private waiters: Waiter[] = [];
  private listener: Listener | undefined;
  private sweepTimer: Timer | undefined;
  private reportTimer: Timer | undefined;
  private removeListener: (() => void) | undefined;
  private connectionIds = 0;
  private reporting = false;
  private stopped = false;
  /** Monotonic ms at which there last was an active controller. */
  private ledAt: number;
  private readonly startedAt: number;
  private readonly counts = { requests: 0, totalMs: 0, minMs: 0, maxMs: 0, received: 0, sent: 0 };

  constructor(options: ZooKeeperServerOptions) {
    this.options = options;
    this.nodeId = options.nodeId;
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger.child({ part: 'zookeeper' });
    this.coordination = options.coordination;
    this.memory = options.memory ?? new RequestMemory({ clock: options.clock, maxFrameBytes: MAX_DATA_BYTES });
    this.sessionRequests = new SessionRequests(options.nodeId, options.coordination);
    this.startedAt = this.ledAt = options.clock.monotonic();
  }

  /** Starts to listen; resolves to the port. Rejects with `NetworkError` EADDRINUSE when the port is in use. */
  async start(): Promise<number> {
    this.removeListener = this.coordination.onZooKeeperChange((change) => this.onChange(change));
    const listener = await this.options.network.listen(this.options.address, (stream) => this.accept(stream));
    if (this.stopped) {
      listener.close();
      throw new NetworkError('ECANCELED', 'the server was stopped while it started');
    }
    this.listener = listener;
    this.scheduleSweep();
    return listener.port;
  }

  /** Sessions remain: their clients reconnect to another node. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.listener?.close();
    this.sweepTimer?.cancel();
    this.reportTimer?.cancel();
    this.removeListener?.();
    for (const waiter of this.waiters.splice(0)) waiter.reject(new Error('the node is stopping'));
    if (this.connections.size === 0) return;
    for (const connection of [...this.connections]) connection.destroy('the node is stopping');
    await new Promise<void>((resolve) => this.clock.setTimer(STOP_GRACE_MS, resolve));
  }

  get writable(): boolean {
    return this.coordination.leaderId >= 0 || this.clock.monotonic() - this.ledAt < LEADERLESS_MS;
  }

  applied(zxid: bigint): Promise<void> {
    if (this.coordination.zookeeperView().image.offset >= zxid) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { zxid, until: this.clock.monotonic() + QUORUM_TIMEOUT_MS, resolve, reject };
      // In the order of zxids, in which nearly all of them arrive.
      const before = this.waiters.findLastIndex((other) => other.zxid <= zxid);
      this.waiters.splice(before + 1, 0, waiter);
    });
  }

  attach(connection: SessionConnection, sessionId: bigint): void {
    const known = this.coordination.zookeeperView().zookeeper.sessions.get(sessionId);
    if (known === undefined) connection.sessionEnded();
    else if (known.holder !== connection.session?.holder) connection.destroy('the session moved to another connection');
    else this.bySession.set(sessionId, connection);
  }

  touchSession(sessionId: bigint): void {
    this.touchedSessions.add(sessionId);
    if (this.stopped) return;
    this.reportTimer ??= this.clock.setTimer(REPORT_MS, () => {
      this.reportTimer = undefined;
      void this.report();
    });
  }

  served(latencyMs: number): void {
    const { counts } = this;
    counts.minMs = counts.requests === 0 ? latencyMs : Math.min(counts.minMs, latencyMs);
    counts.maxMs = Math.max(counts.maxMs, latencyMs);
    counts.totalMs += latencyMs;
    counts.requests++;
  }

  word(word: string): string {
    return answerWord(word, this, this.facts());
  }

  private facts(): ServerFacts {
    const { address, voters } = this.options;
    const { counts } = this;
    const connections = [...this.connections];
    const sum = (of: 'received' | 'sent' | 'waiting'): number => connections.reduce((total, one) => total + one[of], 0);
    const leads = this.coordination.leaderId === this.nodeId;
    return {
      version: VERSION,
      host: address.host,
      port: this.listener?.port ?? address.port,
      mode: !this.writable ? 'read-only' : voters === 1 ? 'standalone' : leads ? 'leader' : 'follower',
      minLatencyMs: counts.minMs,
      averageLatencyMs: counts.requests === 0 ? 0 : counts.totalMs / counts.requests,
      maxLatencyMs: counts.maxMs,
      received: counts.received + sum('received'),
      sent: counts.sent + sum('sent'),
      outstanding: sum('waiting'),
      uptimeMs: this.clock.monotonic() - this.startedAt,
      minSessionTimeoutMs: MIN_SESSION_TIMEOUT_MS,
      maxSessionTimeoutMs: MAX_SESSION_TIMEOUT_MS,
      connections: connections.map(({ remote, session, received, sent, waiting }) => ({
        remote,
        sessionId: session?.id ?? 0n,
        timeoutMs: session?.timeoutMs ?? 0,
        received,
        sent,
        waiting,
      })),
    };
  }

  private accept(stream: Stream): void {
    const { limits } = this.options;
    const refused = limits?.refusal(clientHost(stream.remote));
    if (refused !== undefined) this.logger.warn('ZooKeeper connection refused', { client: stream.remote, reason: refused });
    if (this.stopped || refused !== undefined || this.connections.size >= (this.options.maxConnections ?? 10_000)) {
      stream.handlers = { data: () => undefined, drain: () => undefined, close: () => undefined };
      stream.destroy();
      return;
    }
    const connection = new ZooKeeperConnection({
      id: ++this.connectionIds,
      stream,
      endpoint: this,
      memory: this.memory,
      closed: (gone) => {
        limits?.remove(gone);
        this.connections.delete(gone);
        const id = gone.session?.id;
        if (id !== undefined && this.bySession.get(id) === gone) this.bySession.delete(id);
        this.watches.forget(gone);
        this.counts.received += gone.received;
        this.counts.sent += gone.sent;
      },
    });
    this.connections.add(connection);
    limits?.add(connection);
  }

  /** Watches first: the waiting client must receive the event before its own response. */
  private onChange(change: ZooKeeperChange): void {
    this.watches.fire(znodeChanges(change));
    const { after, metadata, sessions } = change;
    // Only sessions that changed: with thousands open, a check of each connection for each change would block the node.
    for (const id of sessions) {
      const connection = this.bySession.get(id);
      const known = after.sessions.get(id);
      // A session that its own client has closed is about to be answered; it ends by itself.
      if (known === undefined) connection?.sessionEnded();
      else if (connection !== undefined && known.holder !== connection.session?.holder) {
        connection.destroy('the session moved to another connection');
      }
    }
    let due = 0;
    for (const { zxid } of this.waiters) {
      if (zxid > metadata.after.offset) break;
      due++;
    }
    if (due > 0) for (const waiter of this.waiters.splice(0, due)) waiter.resolve();
  }

  private scheduleSweep(): void {
    this.sweepTimer = setRunningTimer(this.clock, SWEEP_MS, () => {
      this.sweep();
      if (!this.stopped) this.scheduleSweep();
    });
  }

  private sweep(): void {
    const now = this.clock.monotonic();
    const running = runningTime(this.clock);
    const led = this.coordination.leaderId >= 0;
    if (led) this.ledAt = now;
    const { writable } = this;
    for (const connection of [...this.connections]) {
      const { session } = connection;
      connection.countWork();
      if (session === undefined) {
        if (running - connection.openedAt > HANDSHAKE_MS) connection.destroy('no handshake');
      } else if (running - connection.lastReceivedAt > session.timeoutMs) connection.destroy('no request within the session timeout');
      else if (!writable && !session.local) connection.destroy('there is no quorum');
      // A read-only client looks for a node with a quorum when there is one again.
      else if (led && session.local) connection.destroy('there is a quorum again');
    }
    const late = this.waiters.filter((waiter) => waiter.until <= now);
    if (late.length > 0) {
      this.waiters = this.waiters.filter((waiter) => waiter.until > now);
      for (const waiter of late) waiter.reject(new Error(`the metadata did not reach ${waiter.zxid} in time`));
    }
    void this.report();
  }

  /** Reports active sessions to the controller; after a failure they are part of the next report. Never rejects. */
  private async report(): Promise<void> {
    if (this.reporting || this.touchedSessions.size === 0) return;
    this.reporting = true;
    const sessionIds = [...this.touchedSessions];
    this.touchedSessions.clear();
    try {
      const answer = await this.coordination.channel.send(coordinationTouch, 0, { sessionIds }, { timeoutMs: REPORT_TIMEOUT_MS });
      if (answer.errorCode !== ErrorCode.NONE) throw new Error(answer.errorMessage ?? `error ${answer.errorCode}`);
    } catch (error) {
      this.logger.debug('Could not report active sessions to the controller', { error });
      const known = this.coordination.zookeeperView().zookeeper.sessions;
      for (const id of sessionIds) if (known.has(id)) this.touchedSessions.add(id);
    } finally {
      this.reporting = false;
    }
  }
}
