/** A leader's state of one follower, all of it from the fetches of that follower. */
export class FollowerState {
  readonly brokerId: number;
  /** −1 until it fetched from this leader. */
  logEndOffset = -1n;
  logStartOffset = -1n;
  /** Broker epoch of its last fetch (KIP-903); −1 when the fetch had none. */
  brokerEpoch = -1n;
  /** Running time of its last fetch; −1 for none. */
  lastFetchAt = -1;
  /** The leader's log end offset at that fetch. */
  private leaderEndAtLastFetch = 0n;
  /** Running time at which it was last known to hold all records of the leader. */
  lastCaughtUpAt: number;

  constructor(brokerId: number, lastCaughtUpAt: number) {
    this.brokerId = brokerId;
    this.lastCaughtUpAt = lastCaughtUpAt;
  }

  /** A fetch at `fetchOffset` means that the follower holds everything below. */
  fetched(fetchOffset: bigint, logStartOffset: bigint, leaderEndOffset: bigint, brokerEpoch: bigint, now: number): void {
    // A follower that fetches at the log end of its previous fetch had caught up by then, even if the leader has appended since.
    if (fetchOffset >= leaderEndOffset) this.lastCaughtUpAt = Math.max(this.lastCaughtUpAt, now);
    else if (this.lastFetchAt >= 0 && fetchOffset >= this.leaderEndAtLastFetch) {
      this.lastCaughtUpAt = Math.max(this.lastCaughtUpAt, this.lastFetchAt);
    }
    this.logEndOffset = fetchOffset;
    this.logStartOffset = logStartOffset;
    this.brokerEpoch = brokerEpoch;
    this.lastFetchAt = now;
    this.leaderEndAtLastFetch = leaderEndOffset;
  }

  isCaughtUp(leaderEndOffset: bigint, now: number, maxLagMs: number): boolean {
    return this.logEndOffset === leaderEndOffset || now - this.lastCaughtUpAt <= maxLagMs;
  }
}
