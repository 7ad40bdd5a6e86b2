/**
 * What a leader knows in its epoch: how far each voter's durable log has come, which appends and which fetches wait.
 * No timers and no messages in here; `raft.ts` drives it.
 */
import { KafkaError } from '../protocol/kafka-error.ts';
import { ErrorCode } from '../protocol/error-codes.ts';

export interface VoterProgress {
  readonly id: number;
  /** The voter has, flushed, everything below it; −1 while it has not fetched in this epoch. */
  endOffset: bigint;
  /** Monotonic ms; the start of the epoch until it fetches, which gives it time to. */
  fetchedAt: number;
  /** Wall-clock ms, for DescribeQuorum; −1 never. */
  lastFetchTimestamp: number;
  lastCaughtUpTimestamp: number;
  /** The leader's log end when the voter fetched last: reaching it later means it was caught up then. */
  leaderEndAtFetch: bigint;
  /** It has answered BeginQuorumEpoch or fetched, so it knows the leader. */
  knowsLeader: boolean;
}

export interface PendingAppend {
  readonly lastOffset: bigint;
  resolve(): void;
  reject(error: unknown): void;
}

/** A fetch held until there is something new; `answer` runs once. */
export interface PendingFetch {
  readonly fetchOffset: bigint;
  readonly highWatermark: bigint;
  answer(): void;
}

export class LeaderState {
  readonly epoch: number;
  readonly epochStartOffset: bigint;
  readonly grantingVoters: readonly number[];
  readonly followers: ReadonlyMap<number, VoterProgress>;
  private readonly pendingAppends: PendingAppend[] = [];
  private readonly pendingFetches = new Map<number, PendingFetch>();

  constructor(options: {
    epoch: number;
    epochStartOffset: bigint;
    followers: readonly number[];
    grantingVoters: readonly number[];
    monotonic: number;
  }) {
    this.epoch = options.epoch;
    this.epochStartOffset = options.epochStartOffset;
    this.grantingVoters = options.grantingVoters;
    this.followers = new Map(
      options.followers.map((id) => [
        id,
        {
          id,
          endOffset: -1n,
          fetchedAt: options.monotonic,
          lastFetchTimestamp: -1,
          lastCaughtUpTimestamp: -1,
          leaderEndAtFetch: -1n,
          knowsLeader: false,
        },
      ]),
    );
  }

  /** A fetch says that the voter has flushed everything below `fetchOffset`. */
  recordFetch(voter: VoterProgress, fetchOffset: bigint, leaderEnd: bigint, now: { monotonic: number; wall: number }): void {
    if (fetchOffset >= leaderEnd) voter.lastCaughtUpTimestamp = now.wall;
    else if (voter.leaderEndAtFetch >= 0n && fetchOffset >= voter.leaderEndAtFetch) voter.lastCaughtUpTimestamp = voter.lastFetchTimestamp;
    voter.leaderEndAtFetch = leaderEnd;
    voter.lastFetchTimestamp = now.wall;
    voter.fetchedAt = now.monotonic;
    voter.endOffset = fetchOffset;
    voter.knowsLeader = true;
  }

  /**
   * The offset that a majority has flushed, or undefined while that does not reach past this epoch's own LeaderChange:
   * records of older epochs are never committed by counting (Raft §5.4.2).
   */
  majorityOffset(ownFlushed: bigint): bigint | undefined {
    const offsets = [ownFlushed, ...[...this.followers.values()].map((voter) => voter.endOffset)].sort((a, b) =>
      a < b ? 1 : a > b ? -1 : 0,
    );
    const majority = offsets[Math.floor(offsets.length / 2)] as bigint;
    return majority > this.epochStartOffset ? majority : undefined;
  }

  /** Whether a majority, the leader included, has been heard of since `since` (monotonic ms). */
  heardMajoritySince(since: number): boolean {
    let heard = 1;
    for (const voter of this.followers.values()) if (voter.fetchedAt >= since) heard++;
    return heard > (this.followers.size + 1) / 2;
  }

  /** Followers, the one with the longest log first: who should lead next. */
  successors(): number[] {
    return [...this.followers.values()]
      .sort((a, b) => (a.endOffset < b.endOffset ? 1 : a.endOffset > b.endOffset ? -1 : a.id - b.id))
      .map((voter) => voter.id);
  }

  get appendsPending(): number {
    return this.pendingAppends.length;
  }

  addAppend(pending: PendingAppend): void {
    this.pendingAppends.push(pending);
  }

  /** Resolves the appends that are now below the high watermark. */
  completeAppends(highWatermark: bigint): void {
    let done = 0;
    for (const pending of this.pendingAppends) {
      if (pending.lastOffset >= highWatermark) break;
      done++;
    }
    for (const pending of this.pendingAppends.splice(0, done)) pending.resolve();
  }

  /** One fetch per voter waits; an older one (its connection was lost) is answered at once. */
  addFetch(replicaId: number, pending: PendingFetch): void {
    const older = this.pendingFetches.get(replicaId);
    this.pendingFetches.set(replicaId, pending);
    older?.answer();
  }

  removeFetch(replicaId: number, pending: PendingFetch): void {
    if (this.pendingFetches.get(replicaId) === pending) this.pendingFetches.delete(replicaId);
  }

  /** Answers the fetches that something is new for. */
  completeFetches(endOffset: bigint, highWatermark: bigint): void {
    for (const pending of [...this.pendingFetches.values()]) {
      if (pending.fetchOffset < endOffset || pending.highWatermark < highWatermark) pending.answer();
    }
  }

  /** The epoch is over for this leader: fetches are told, and what was not committed has an unknown end. */
  close(reason: string): void {
    for (const pending of [...this.pendingFetches.values()]) pending.answer();
    const error = new KafkaError(
      ErrorCode.NOT_CONTROLLER,
      `This node stopped leading the quorum before the change was committed (${reason}).`,
    );
    for (const pending of this.pendingAppends.splice(0)) pending.reject(error);
  }
}
