/**
 * How many connections a node has open, over all its listeners: `max.connections`, `max.connections.per.ip`, and its share of the
 * process's descriptors. Where it has all of them a new one takes the place of one that has sent no request yet, or is idle; where there is none
 * it is refused. Connections of other nodes are never given up.
 */
import type { Clock } from '../lib/clock.ts';

/** A connection with requests behind it may be between two heartbeats, so it is idle only after this. */
const IDLE_MS = 60_000;
/** So long a new connection has to send its first request. */
const SETTLE_MS = 1_000;
/** Connections above the share of descriptors until their first bytes show whether another node opened them. */
const PEER_RESERVE = 16;

export interface LimitedConnection {
  readonly clientHost: string;
  /** Monotonic milliseconds. */
  readonly lastActiveAt: number;
  /** It has a request that is not answered. */
  readonly active: boolean;
  /** It has sent at least one request. */
  readonly used: boolean;
  readonly fromPeer: boolean;
  /** Closes the connection; the reason is logged. */
  refuse(reason: string): void;
}

export interface ConnectionLimit {
  maxConnections: number;
  maxPerIp: number;
}

export class ConnectionLimits {
  private readonly clock: Clock;
  /** Read at each new connection: both settings are dynamic. */
  private readonly settings: () => ConnectionLimit;
  private readonly shareOfDescriptors: number;
  private readonly connections = new Set<LimitedConnection>();
  private readonly perHost = new Map<string, number>();

  constructor(clock: Clock, settings: () => ConnectionLimit, shareOfDescriptors = Number.POSITIVE_INFINITY) {
    this.clock = clock;
    this.settings = settings;
    this.shareOfDescriptors = shareOfDescriptors;
  }

  get size(): number {
    return this.connections.size;
  }

  /** Undefined where one more connection from `clientHost` may be opened, else why not. May close another one for it. */
  refusal(clientHost: string): string | undefined {
    const { maxConnections, maxPerIp } = this.settings();
    if ((this.perHost.get(clientHost) ?? 0) >= maxPerIp) return `max.connections.per.ip=${maxPerIp}`;
    if (this.connections.size < Math.min(maxConnections, this.shareOfDescriptors)) return undefined;
    const limit =
      maxConnections <= this.shareOfDescriptors
        ? `max.connections=${maxConnections}`
        : `${this.shareOfDescriptors} connections, its share of the descriptors`;
    const victim = this.leastUsed();
    if (victim === undefined) {
      return this.connections.size < Math.min(maxConnections, this.shareOfDescriptors + PEER_RESERVE) ? undefined : limit;
    }
    this.remove(victim);
    victim.refuse(`closed for a new connection: the node has ${limit}`);
    return undefined;
  }

  add(connection: LimitedConnection): void {
    this.connections.add(connection);
    this.perHost.set(connection.clientHost, (this.perHost.get(connection.clientHost) ?? 0) + 1);
  }

  /** To be called at a connection's first bytes: a client's may not stay in what is reserved for other nodes. */
  settle(connection: LimitedConnection): void {
    if (connection.fromPeer || this.connections.size <= this.shareOfDescriptors) return;
    connection.refuse(`the node has ${this.shareOfDescriptors} connections, its share of the descriptors`);
  }

  remove(connection: LimitedConnection): void {
    if (!this.connections.delete(connection)) return;
    const left = (this.perHost.get(connection.clientHost) ?? 1) - 1;
    if (left > 0) this.perHost.set(connection.clientHost, left);
    else this.perHost.delete(connection.clientHost);
  }

  /** The oldest that has sent no request, else the one that is idle for longest. */
  private leastUsed(): LimitedConnection | undefined {
    const now = this.clock.monotonic();
    let idle: LimitedConnection | undefined;
    for (const one of this.connections) {
      if (one.active || one.fromPeer) continue;
      // The set is in the order in which they were opened.
      if (!one.used && now - one.lastActiveAt >= SETTLE_MS) return one;
      if (now - one.lastActiveAt >= IDLE_MS && (idle === undefined || one.lastActiveAt < idle.lastActiveAt)) idle = one;
    }
    return idle;
  }
}
