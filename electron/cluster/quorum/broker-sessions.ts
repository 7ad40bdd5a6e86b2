/** Broker sessions as the active controller sees them. They are not replicated: a new controller gives every broker a full session timeout. */
export interface BrokerSession {
  /** Running time, ms. */
  lastHeartbeatAt: number;
  /** False until the first heartbeat to this controller: it has assumed the session of a broker that was registered before. */
  confirmed: boolean;
  /** Offset up to which the broker reports to have read the metadata; −1: unknown. */
  metadataOffset: bigint;
  /** Offset of the decision that began the controlled shutdown. */
  shutdownOffset: bigint | undefined;
}

export class BrokerSessions {
  private readonly sessions = new Map<number, BrokerSession>();
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  reset(brokers: Iterable<number>, now: number): void {
    this.sessions.clear();
    for (const id of brokers) this.sessions.set(id, { ...fresh(now), confirmed: false });
  }

  /** The broker registered: its session begins now. */
  open(id: number, now: number): void {
    this.sessions.set(id, fresh(now));
  }

  recordHeartbeat(id: number, metadataOffset: bigint, now: number): BrokerSession {
    const session = this.sessions.get(id) ?? fresh(now);
    session.confirmed = true;
    session.lastHeartbeatAt = now;
    session.metadataOffset = metadataOffset;
    this.sessions.set(id, session);
    return session;
  }

  /** A heartbeat arrived and has yet to be decided. It extends an open session only. */
  extend(id: number, now: number): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    session.confirmed = true;
    session.lastHeartbeatAt = now;
  }

  close(id: number): void {
    this.sessions.delete(id);
  }

  timeSinceHeartbeat(id: number, now: number): number {
    const session = this.sessions.get(id);
    return session === undefined ? Infinity : Math.max(0, now - session.lastHeartbeatAt);
  }

  isValid(id: number, now: number): boolean {
    return this.timeSinceHeartbeat(id, now) < this.timeoutMs;
  }

  /** Whether this controller itself received a heartbeat of the broker within the session timeout. */
  isAlive(id: number, now: number): boolean {
    return this.sessions.get(id)?.confirmed === true && this.isValid(id, now);
  }

  metadataOffset(id: number): bigint {
    return this.sessions.get(id)?.metadataOffset ?? -1n;
  }

  /** Milliseconds since the last heartbeat, by broker. */
  ages(now: number): Map<number, number> {
    return new Map([...this.sessions].map(([id, session]) => [id, Math.max(0, now - session.lastHeartbeatAt)]));
  }
}

function fresh(now: number): BrokerSession {
  return { lastHeartbeatAt: now, confirmed: true, metadataOffset: -1n, shutdownOffset: undefined };
}
