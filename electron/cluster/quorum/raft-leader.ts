/**
 * State of a leader in its epoch: the flushed log end of each voter and observer, and the pending appends and fetches. No timers and no
 * messages; `raft-leading.ts` drives it.
 */
import { KafkaError } from '../protocol/kafka-error.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { QuorumReplicaState } from './raft-types.ts';

/** Changed by `LeaderState` alone. */
export type ReplicaProgress = Readonly<Progress>;

interface Progress {
  readonly id: number;
  /** The replica has flushed everything below it; −1 until it fetches in this epoch. */
  endOffset: bigint;
  /** Running time, ms; initially the start of the epoch. */
  fetchedAt: number;
  /** Wall-clock ms, for DescribeQuorum; −1 never. */
  lastFetchTimestamp: number;
  lastCaughtUpTimestamp: number;
  /** The leader's log end at the replica's last fetch: reaching it later means that the replica was caught up at that time. */
  leaderEndAtFetch: bigint;
  /** It has answered BeginQuorumEpoch or fetched, so it has the leader and epoch. */
  knowsLeader: boolean;
  /** Its last fetch states whether it may count towards a majority; see `raft-rejoining.ts`. */
  counts: boolean;
}

export interface PendingAppend {
  readonly lastOffset: bigint;
  resolve(): void;
  reject(error: unknown): void;
}

/** A fetch held until there are new records; `answer` runs once. */
export interface PendingFetch {
  readonly fetchOffset: bigint;
  readonly highWatermark: bigint;
  answer(): void;
}

/** An observer that has not fetched for so long is removed, as in Apache Kafka. */
const OBSERVER_SESSION_MS = 300_000;
/** Exceeds the number of nodes of a cluster. */
const MAX_OBSERVERS = 100;

export class LeaderState {
  readonly epoch: number;
  readonly epochStartOffset: bigint;
  readonly grantingVoters: readonly number[];
  /** The other voters. */
  readonly followers: ReadonlyMap<number, ReplicaProgress>;
  private readonly progress: ReadonlyMap<number, Progress>;
  private readonly observers = new Map<number, Progress>();
  /** `voter:directory` for which this leader was re-elected in this epoch. */
  private renewedFor: string | undefined;
  /** Voters with a BeginQuorumEpoch in flight. */
  private readonly beginning = new Set<number>();
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
    this.followers = this.progress = new Map(options.followers.map((id) => [id, newProgress(id, options.monotonic)]));
  }

  /** The voter or observer of that id, created at first use; undefined when there are too many observers. */
  replica(id: number, monotonic: number): ReplicaProgress | undefined {
    const known = this.progressOf(id);
    if (known !== undefined || this.observers.size >= MAX_OBSERVERS) return known;
    const observer = newProgress(id, monotonic);
    this.observers.set(id, observer);
    return observer;
  }

  /** The node was unregistered; it is added again when it fetches. */
  forgetObserver(id: number): void {
    this.observers.delete(id);
  }

  forgetObservers(monotonic: number): void {
    for (const observer of this.observers.values()) {
      if (monotonic - observer.fetchedAt > OBSERVER_SESSION_MS) this.observers.delete(observer.id);
    }
  }

  private progressOf(id: number): Progress | undefined {
    return this.progress.get(id) ?? this.observers.get(id);
  }

  /** A BeginQuorumEpoch is to be sent; false while one is in flight. */
  startBegin(id: number): boolean {
    if (this.beginning.has(id)) return false;
    this.beginning.add(id);
    return true;
  }

  /** The voter has answered it, or cannot be reached. */
  endBegin(id: number): void {
    this.beginning.delete(id);
  }

  /** This leader was re-elected for that `voter:directory`. */
  recordRenewal(of: string): void {
    this.renewedFor = of;
  }

  isRenewedFor(of: string): boolean {
    return this.renewedFor === of;
  }

  /** The replica is in contact, at an unknown offset. */
  recordContact({ id, counts: before }: ReplicaProgress, monotonic: number, counts = before): void {
    const replica = this.progressOf(id);
    if (replica === undefined) return;
    replica.fetchedAt = monotonic;
    replica.knowsLeader = true;
    replica.counts = counts;
  }

  /** A fetch acknowledges that the replica has flushed everything below `fetchOffset`, and whether that `counts`. */
  recordFetch(
    { id }: ReplicaProgress,
    { fetchOffset, counts }: { fetchOffset: bigint; counts: boolean },
    leaderEnd: bigint,
    now: { monotonic: number; wall: number },
  ): void {
    const replica = this.progressOf(id);
    if (replica === undefined) return;
    if (fetchOffset >= leaderEnd) replica.lastCaughtUpTimestamp = now.wall;
    else if (replica.leaderEndAtFetch >= 0n && fetchOffset >= replica.leaderEndAtFetch)
      replica.lastCaughtUpTimestamp = replica.lastFetchTimestamp;
    replica.leaderEndAtFetch = leaderEnd;
    replica.lastFetchTimestamp = now.wall;
    replica.fetchedAt = now.monotonic;
    replica.endOffset = fetchOffset;
    replica.knowsLeader = true;
    replica.counts = counts;
  }

  /**
   * The offset that a majority has flushed, or undefined while that does not reach past this epoch's own LeaderChange:
   * records of older epochs are never committed by counting (Raft §5.4.2).
   */
  majorityOffset(ownFlushed: bigint): bigint | undefined {
    const held = [...this.followers.values()].map((voter) => (voter.counts ? voter.endOffset : -1n));
    const offsets = [ownFlushed, ...held].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
    const majority = offsets[Math.floor(offsets.length / 2)] as bigint;
    return majority > this.epochStartOffset ? majority : undefined;
  }

  /** Whether a majority, the leader included and `without` excluded, has been in contact since `since` (running time). */
  hasMajorityContactSince(since: number, without = -1): boolean {
    let fetched = 1;
    for (const voter of this.followers.values()) if (voter.fetchedAt >= since && voter.counts && voter.id !== without) fetched++;
    return fetched > (this.followers.size + 1) / 2;
  }

  /** Followers, the longest log first: the preferred order of candidates. Those that do not count are excluded. */
  successors(): number[] {
    return [...this.followers.values()]
      .sort((a, b) => Number(b.counts) - Number(a.counts) || (a.endOffset < b.endOffset ? 1 : a.endOffset > b.endOffset ? -1 : a.id - b.id))
      .map((voter) => voter.id);
  }

  /** Progress of the other voters, or of the observers, by id. */
  describe(which: 'voters' | 'observers'): QuorumReplicaState[] {
    const replicas = which === 'voters' ? this.followers : this.observers;
    return [...replicas.values()]
      .map((replica) => ({
        replicaId: replica.id,
        logEndOffset: replica.endOffset,
        lastFetchTimestamp: BigInt(Math.trunc(replica.lastFetchTimestamp)),
        lastCaughtUpTimestamp: BigInt(Math.trunc(replica.lastCaughtUpTimestamp)),
      }))
      .sort((a, b) => a.replicaId - b.replicaId);
  }

  get appendsPending(): number {
    return this.pendingAppends.length;
  }

  addAppend(pending: PendingAppend): void {
    this.pendingAppends.push(pending);
  }

  /** Resolves the appends below the high watermark. */
  completeAppends(highWatermark: bigint): void {
    let done = 0;
    for (const pending of this.pendingAppends) {
      if (pending.lastOffset >= highWatermark) break;
      done++;
    }
    for (const pending of this.pendingAppends.splice(0, done)) pending.resolve();
  }

  /** One fetch per replica is held; an older one (its connection was lost) is answered at once. */
  addFetch(replicaId: number, pending: PendingFetch): void {
    const older = this.pendingFetches.get(replicaId);
    this.pendingFetches.set(replicaId, pending);
    older?.answer();
  }

  removeFetch(replicaId: number, pending: PendingFetch): void {
    if (this.pendingFetches.get(replicaId) === pending) this.pendingFetches.delete(replicaId);
  }

  /** Answers the fetches for which there are new records. */
  completeFetches(endOffset: bigint, highWatermark: bigint): void {
    for (const pending of [...this.pendingFetches.values()]) {
      if (pending.fetchOffset < endOffset || pending.highWatermark < highWatermark) pending.answer();
    }
  }

  /** The leader's epoch has ended: held fetches are answered, and uncommitted appends are rejected, since their fate is unknown. */
  close(reason: string): void {
    for (const pending of [...this.pendingFetches.values()]) pending.answer();
    const error = new KafkaError(
      ErrorCode.NOT_CONTROLLER,
      `This node stopped leading the quorum before the change was committed (${reason}).`,
    );
    for (const pending of this.pendingAppends.splice(0)) pending.reject(error);
  }
}

/** No contact in this epoch yet; its time to fetch runs from now on. */
function newProgress(id: number, monotonic: number): Progress {
  return {
    id,
    endOffset: -1n,
    fetchedAt: monotonic,
    lastFetchTimestamp: -1,
    lastCaughtUpTimestamp: -1,
    leaderEndAtFetch: -1n,
    knowsLeader: false,
    counts: true,
  };
}
