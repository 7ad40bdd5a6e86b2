/** Who is alive, as far as this controller has heard. Sessions are not replicated: a new controller gives everybody a full one. */
export interface BrokerSession {
  /** Running time of the last heartbeat. */
  heardAt: number;
  /** False while the session is only what a new controller gives on trust. */
  heard: boolean;
  /** Offset up to which the broker has said to have read the metadata; −1 while it has not said. */
  metadataOffset: bigint;
  /** Offset of the decision that began its controlled shutdown. */
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
    for (const id of brokers) this.sessions.set(id, { ...fresh(now), heard: false });
  }

  /** The broker registered: a session that begins now. */
  open(id: number, now: number): void {
    this.sessions.set(id, fresh(now));
  }

  heard(id: number, metadataOffset: bigint, now: number): BrokerSession {
    const session = this.sessions.get(id) ?? fresh(now);
    session.heard = true;
    session.heardAt = now;
    session.metadataOffset = metadataOffset;
    this.sessions.set(id, session);
    return session;
  }

  /** A heartbeat arrived that is yet to be decided; only a session that is open is kept by it. */
  arrived(id: number, now: number): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    session.heard = true;
    session.heardAt = now;
  }

  close(id: number): void {
    this.sessions.delete(id);
  }

  silentFor(id: number, now: number): number {
    const session = this.sessions.get(id);
    return session === undefined ? Infinity : Math.max(0, now - session.heardAt);
  }

  isValid(id: number, now: number): boolean {
    return this.silentFor(id, now) < this.timeoutMs;
  }

  /** Whether this controller has itself heard of the broker, within the session timeout. */
  isAlive(id: number, now: number): boolean {
    return this.sessions.get(id)?.heard === true && this.isValid(id, now);
  }

  metadataOffset(id: number): bigint {
    return this.sessions.get(id)?.metadataOffset ?? -1n;
  }

  /** Ms since the last heartbeat by broker. */
  ages(now: number): Map<number, number> {
    return new Map([...this.sessions].map(([id, session]) => [id, Math.max(0, now - session.heardAt)]));
  }
}

function fresh(now: number): BrokerSession {
  return { heardAt: now, heard: true, metadataOffset: -1n, shutdownOffset: undefined };
}
