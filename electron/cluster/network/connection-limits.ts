/**
 * Limits on the open connections of a node, over all its listeners: `max.connections`, `max.connections.per.ip` with its overrides, and its
 * share of the process's descriptors. The settings do not count connections of the quorum: a limit that separates the voters could never be
 * raised again. At the limit a new connection replaces one that has sent no request yet, or is idle; where there is none
 * it is refused. Connections of other nodes are never closed.
 */
import type { Clock } from '../lib/clock.ts';

/** A client may be between two heartbeats, so a connection is idle only after so many ms. */
const IDLE_MS = 60_000;
/** How long a new connection may take for its first request, in ms. */
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
  readonly maxConnections: number;
  readonly maxPerIp: number;
  /** max.connections.per.ip.overrides: limits of single addresses. */
  readonly perIp?: ReadonlyMap<string, number>;
}

export class ConnectionLimits {
  private readonly clock: Clock;
  /** Read at each new connection: all of them are dynamic. */
  private readonly settings: () => ConnectionLimit;
  private readonly shareOfDescriptors: number;
  /** In the order in which they were opened; whether the settings count the connection. */
  private readonly connections = new Map<LimitedConnection, boolean>();
  /** Of those that the settings count. */
  private readonly perHost = new Map<string, number>();
  private counted = 0;

  constructor(clock: Clock, settings: () => ConnectionLimit, shareOfDescriptors = Number.POSITIVE_INFINITY) {
    this.clock = clock;
    this.settings = settings;
    this.shareOfDescriptors = shareOfDescriptors;
  }

  get size(): number {
    return this.connections.size;
  }

  /**
   * Undefined where one more connection from `clientHost` may be opened, else why not. May close another one for it. `counted`: the settings
   * count it.
   */
  refusal(clientHost: string, counted = true): string | undefined {
    const { maxConnections, maxPerIp, perIp } = this.settings();
    if (counted) {
      const own = perIp?.get(addressOf(clientHost));
      if ((this.perHost.get(clientHost) ?? 0) >= (own ?? maxPerIp)) {
        return own === undefined
          ? `max.connections.per.ip=${maxPerIp}`
          : `max.connections.per.ip.overrides=${addressOf(clientHost)}:${own}`;
      }
    }
    const full = counted && this.counted >= maxConnections;
    if (!full && this.connections.size < this.shareOfDescriptors) return undefined;
    const limit = full ? `max.connections=${maxConnections}` : `${this.shareOfDescriptors} connections, its share of the descriptors`;
    const victim = this.leastUsed(full);
    if (victim === undefined) return !full && this.connections.size < this.shareOfDescriptors + PEER_RESERVE ? undefined : limit;
    this.remove(victim);
    victim.refuse(`closed for a new connection: the node has ${limit}`);
    return undefined;
  }

  add(connection: LimitedConnection, counted = true): void {
    this.connections.set(connection, counted);
    if (!counted) return;
    this.counted++;
    this.perHost.set(connection.clientHost, (this.perHost.get(connection.clientHost) ?? 0) + 1);
  }

  /**
   * To be called when the settings have changed: closes connections above a lowered max.connections, least recently used first. The limits
   * of addresses apply to new connections, as in Apache Kafka. Connections with an unanswered request, and those of other nodes, stay.
   */
  enforce(): void {
    const { maxConnections } = this.settings();
    if (this.counted <= maxConnections) return;
    const idle = [...this.connections].flatMap(([one, counted]) => (counted && !one.active && !one.fromPeer ? [one] : []));
    idle.sort((a, b) => a.lastActiveAt - b.lastActiveAt);
    for (const one of idle.slice(0, this.counted - maxConnections)) {
      this.remove(one);
      one.refuse(`the node now has max.connections=${maxConnections}`);
    }
  }

  /** To be called at a connection's first bytes: a client must not use the descriptors that are reserved for other nodes. */
  settle(connection: LimitedConnection): void {
    if (connection.fromPeer || this.connections.size <= this.shareOfDescriptors) return;
    connection.refuse(`the node has ${this.shareOfDescriptors} connections, its share of the descriptors`);
  }

  remove(connection: LimitedConnection): void {
    const counted = this.connections.get(connection);
    this.connections.delete(connection);
    if (counted !== true) return;
    this.counted--;
    const left = (this.perHost.get(connection.clientHost) ?? 1) - 1;
    if (left > 0) this.perHost.set(connection.clientHost, left);
    else this.perHost.delete(connection.clientHost);
  }

  /** The oldest that has sent no request, else the one that is idle for longest. */
  private leastUsed(countedOnly: boolean): LimitedConnection | undefined {
    const now = this.clock.monotonic();
    let idle: LimitedConnection | undefined;
    for (const [one, counted] of this.connections) {
      if (one.active || one.fromPeer || (countedOnly && !counted)) continue;
      // The map is in the order in which they were opened.
      if (!one.used && now - one.lastActiveAt >= SETTLE_MS) return one;
      if (now - one.lastActiveAt >= IDLE_MS && (idle === undefined || one.lastActiveAt < idle.lastActiveAt)) idle = one;
    }
    return idle;
  }
}

/** `clientHost` has the slash of Java before it. */
function addressOf(clientHost: string): string {
  return clientHost.startsWith('/') ? clientHost.slice(1) : clientHost;
}
