/**
 * One replica of one partition on this broker: its role (leader, follower, neither), the log ends of all replicas, and the high
 * watermark.
 *
 * The high watermark is the least log end offset over the *maximal* ISR (KIP-497): the committed ISR and those that a pending
 * proposal would add, and does not move while the ISR is smaller than min.insync.replicas (KIP-966). So whatever ISR the
 * controller uses for an election, each of its members holds every committed record.
 *
 * State changes here, synchronously, and nowhere else; the log does the input and output. Waiting requests (`replica-appends.ts`,
 * `replica-fetches.ts`) are notified through `PartitionListener`.
 */
import { assert } from '../lib/assert.ts';
import { runningTime } from '../lib/running-time.ts';
import type { AppendResult, Log } from '../log/log.ts';
import type { AppendOrigin } from '../log/producer-state.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { PartitionImage } from '../quorum/image.ts';
import { FollowerState } from './partition-follower.ts';
import { PartitionIsr, type IsrEnvironment, type IsrLeader } from './partition-isr.ts';

export type PartitionRole = 'leader' | 'follower' | 'none';

/** Options that all partitions of a broker share. */
export interface PartitionEnvironment extends IsrEnvironment {
  readonly listener: PartitionListener;
  minInsyncReplicas(topic: string): number;
}

/** Called only when the partition's state is consistent. */
export interface PartitionListener {
  /** Records were appended to the log. */
  appended(partition: Partition): void;
  /** The high watermark, and possibly the last stable offset, has increased. */
  committed(partition: Partition): void;
  /** A follower has increased its log start offset. */
  followerStarted(partition: Partition): void;
  /** Role, leader epoch or ISR changed: all waiting requests are checked again. */
  stateChanged(partition: Partition): void;
}

export class Partition {
  readonly topic: string;
  readonly topicId: string;
  readonly index: number;
  readonly log: Log;
  private readonly env: PartitionEnvironment;
  private state: PartitionImage;
  private currentRole: PartitionRole = 'none';
  private readonly followers = new Map<number, FollowerState>();
  /** Log end offset when this broker became leader in the current epoch. */
  private epochStart: bigint | undefined;
  /** Monotonic ms. */
  private termStart = 0;
  private readonly proposals: PartitionIsr;
  private closed = false;
  private appended = 0;
  /** Counts states in which this broker was, or may have been, out of the ISR: a missed change may have been one. */
  isrGaps = 0;

  constructor(state: PartitionImage, log: Log, env: PartitionEnvironment) {
    this.topic = state.topic;
    this.topicId = state.topicId;
    this.index = state.partition;
    this.log = log;
    this.env = env;
    this.state = state;
    this.proposals = new PartitionIsr(this.asLeader(), env);
  }

  /** A snapshot of this partition. */
  private asLeader(): IsrLeader {
    const state = (): PartitionImage => this.state;
    const epochStart = (): bigint | undefined => this.epochStart;
    return {
      log: this.log,
      followers: this.followers,
      get state() {
        return state();
      },
      get epochStart() {
        return epochStart();
      },
      accept: (next) => this.apply(next),
      abandoned: () => this.advanceHighWatermark(),
    };
  }

  get role(): PartitionRole {
    return this.currentRole;
  }
  get leader(): number {
    return this.state.leader;
  }
  get leaderEpoch(): number {
    return this.state.leaderEpoch;
  }
  get partitionEpoch(): number {
    return this.state.partitionEpoch;
  }
  /** The committed ISR. */
  get isr(): readonly number[] {
    return this.state.isr;
  }
  get replicas(): readonly number[] {
    return this.state.replicas;
  }
  /** Eligible leader replicas (KIP-966): outside the ISR, with every committed record. */
  get elr(): readonly number[] {
    return this.state.elr;
  }
  /** The committed ISR and what a pending proposal adds. */
  get maximalIsr(): readonly number[] {
    return this.proposals.maximal;
  }
  /** Log end offset at the start of this broker's leadership; undefined while it does not lead. */
  get leaderEpochStartOffset(): bigint | undefined {
    return this.epochStart;
  }
  /** Monotonic ms at which this broker became leader in place of another; undefined while it does not lead, or has led since the first epoch. */
  get tookOverAt(): number | undefined {
    return this.currentRole === 'leader' && this.state.leaderEpoch > 0 ? this.termStart : undefined;
  }
  /** `topic-partition`, for messages. */
  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  /** min.insync.replicas, or the number of replicas where that is less: such a partition could otherwise never be written. */
  get minInsyncReplicas(): number {
    return Math.min(this.env.minInsyncReplicas(this.topic), this.state.replicas.length);
  }

  /** Applies a state from the metadata log; older states than the current one are ignored. */
  apply(next: PartitionImage): void {
    if (this.closed || (this.currentRole !== 'none' && next.partitionEpoch < this.state.partitionEpoch)) return;
    const { brokerId } = this.env;
    const role: PartitionRole =
      next.leader === brokerId ? 'leader' : next.leader >= 0 && next.replicas.includes(brokerId) ? 'follower' : 'none';
    const newTerm = role !== this.currentRole || next.leaderEpoch !== this.state.leaderEpoch;
    const isrBefore = this.state.isr;
    if (!next.isr.includes(brokerId) || next.partitionEpoch > this.state.partitionEpoch + 1) this.isrGaps++;
    this.state = next;
    this.currentRole = role;
    if (newTerm) {
      this.proposals.reset();
      this.followers.clear();
      this.epochStart = undefined;
    }
    if (role === 'leader') {
      if (newTerm) this.startTerm();
      this.syncFollowers();
      this.proposals.settle(isrBefore);
      this.advanceHighWatermark();
    }
    this.env.listener.stateChanged(this);
  }

  /** min.insync.replicas may have changed, and with it whether the high watermark may move. */
  settingsChanged(): void {
    if (this.currentRole !== 'leader') return;
    this.advanceHighWatermark();
    this.env.listener.stateChanged(this);
  }

  /** Takes the replica out of service: waiting requests are answered with NOT_LEADER_OR_FOLLOWER. */
  close(): void {
    this.closed = true;
    this.currentRole = 'none';
    this.proposals.reset();
    this.followers.clear();
    this.epochStart = undefined;
    this.env.listener.stateChanged(this);
  }

  private startTerm(): void {
    this.termStart = this.env.clock.monotonic();
    this.epochStart = this.log.logEndOffset;
    this.log.maybeAssignEpochStart(this.state.leaderEpoch, this.epochStart);
  }

  private syncFollowers(): void {
    const { replicas, isr } = this.state;
    const now = runningTime(this.env.clock);
    for (const id of this.followers.keys()) if (!replicas.includes(id)) this.followers.delete(id);
    for (const id of replicas) {
      if (id === this.env.brokerId || this.followers.has(id)) continue;
      // A member of the ISR gets a whole replica.lag.time.max.ms for its first fetch; other followers have not caught up.
      this.followers.set(id, new FollowerState(id, isr.includes(id) ? now : Number.NEGATIVE_INFINITY));
    }
  }

  // --- epochs -----------------------------------------------------------------------------------------------------

  /** NONE, or how the leader epoch of a request differs from this replica's; −1: the request has none. */
  checkLeaderEpoch(named: number): number {
    if (named === -1 || named === this.state.leaderEpoch) return ErrorCode.NONE;
    return named < this.state.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
  }

  /** NONE when this broker leads the partition in the epoch named. */
  checkLeader(namedEpoch: number): number {
    if (this.closed) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const fenced = this.checkLeaderEpoch(namedEpoch);
    if (fenced !== ErrorCode.NONE) return fenced;
    return this.currentRole === 'leader' ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  /** NONE when this broker leads or follows in the epoch named. */
  checkReplica(namedEpoch: number): number {
    if (this.closed) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const fenced = this.checkLeaderEpoch(namedEpoch);
    if (fenced !== ErrorCode.NONE) return fenced;
    return this.currentRole === 'none' ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.NONE;
  }

  // --- the leader's side ------------------------------------------------------------------------------------------

  /** Whether acks=all is refused before anything is written. */
  get underMinIsr(): boolean {
    return this.state.isr.length < this.minInsyncReplicas;
  }

  /** Bytes appended since this broker started; only ever grows. */
  get bytesAppended(): number {
    return this.appended;
  }

  /** Appends in this broker's leader epoch. Throws as `Log.appendAsLeader`; nothing was written then. */
  appendAsLeader(records: Buffer, options: { origin: AppendOrigin }): AppendResult {
    const result = this.log.appendAsLeader(records, this.state.leaderEpoch, options);
    this.appended += records.length;
    this.advanceHighWatermark();
    this.env.listener.appended(this);
    return result;
  }

  /**
   * A follower's fetch reports its log end. Returns NONE, UNKNOWN_LEADER_EPOCH when the broker is no replica (its metadata is newer or
   * older), or NOT_LEADER_OR_FOLLOWER when an earlier run of that broker sent it.
   */
  followerFetched(brokerId: number, brokerEpoch: bigint, fetchOffset: bigint, logStartOffset: bigint): number {
    const follower = this.followers.get(brokerId);
    if (follower === undefined) return ErrorCode.UNKNOWN_LEADER_EPOCH;
    if (brokerEpoch !== -1n && brokerEpoch < follower.brokerEpoch) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const before = follower.logEndOffset;
    const startBefore = follower.logStartOffset;
    follower.fetched(fetchOffset, logStartOffset, this.log.logEndOffset, brokerEpoch, runningTime(this.env.clock));
    this.proposals.maybeExpand(follower);
    if (before !== fetchOffset) this.advanceHighWatermark();
    if (startBefore !== logStartOffset) this.env.listener.followerStarted(this);
    return ErrorCode.NONE;
  }

  /** The leader's state of a follower; undefined when the broker is none. */
  follower(brokerId: number): FollowerState | undefined {
    return this.followers.get(brokerId);
  }

  /** The least log start offset over all live replicas: where DeleteRecords counts as done. */
  get lowWatermark(): bigint {
    let low = this.log.logStartOffset;
    const { brokers } = this.env.image();
    for (const follower of this.followers.values()) {
      if (brokers.get(follower.brokerId)?.fenced === false && follower.logStartOffset < low) low = follower.logStartOffset;
    }
    return low;
  }

  /**
   * Whether the records below `requiredOffset` are committed: undefined while they wait, else NONE, or why this broker cannot know any
   * more. An ISR that has become too small is waited out, up to the timeout of the request: the records are in the log and will most
   * likely be committed, and an idempotent producer that gets an error may begin a new epoch and send them again.
   */
  commitOutcome(requiredOffset: bigint, leaderEpoch: number): number | undefined {
    if (this.closed || this.currentRole !== 'leader' || this.state.leaderEpoch !== leaderEpoch) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    if (this.log.highWatermark >= requiredOffset) return ErrorCode.NONE;
    return undefined;
  }

  private advanceHighWatermark(): void {
    if (this.currentRole !== 'leader' || this.underMinIsr) return;
    const end = this.log.logEndOffset;
    const maximal = this.maximalIsr;
    let next = end;
    const now = runningTime(this.env.clock);
    const maxLag = this.env.replicaLagTimeMaxMs();
    for (const follower of this.followers.values()) {
      if (follower.logEndOffset >= next) continue;
      // The write also waits for a replica that has caught up and is about to join, so that it does join.
      if (maximal.includes(follower.brokerId) || (follower.isCaughtUp(end, now, maxLag) && this.proposals.mayJoin(follower))) {
        next = follower.logEndOffset;
      }
    }
    if (next <= this.log.highWatermark) return;
    this.log.updateHighWatermark(next);
    this.env.listener.committed(this);
  }

  /** Called periodically: removes followers that have not caught up in time. */
  maybeShrink(): void {
    if (this.currentRole !== 'leader') return;
    // A joining replica may have exceeded its time, and no other event would notify of that.
    this.advanceHighWatermark();
    this.proposals.maybeShrink();
  }

  /** Asks the controller to elect a follower instead of this leader. False: this broker does not lead, or an ISR change is pending. */
  handOver(successor: number, reason: string): boolean {
    return this.currentRole === 'leader' && this.proposals.handOver(successor, reason);
  }

  // --- the follower's side ----------------------------------------------------------------------------------------

  /** The follower's high watermark: the leader's, as far as its own log goes. Never goes back. */
  followerLearnedHighWatermark(leaderHighWatermark: bigint): void {
    const end = this.log.logEndOffset;
    const next = leaderHighWatermark < end ? leaderHighWatermark : end;
    if (next <= this.log.highWatermark) return;
    this.log.updateHighWatermark(next);
    this.env.listener.committed(this);
  }

  /** Appends what the leader of the current epoch sent; undefined where that holds no whole batch. Throws as `Log.appendAsFollower`. */
  appendAsFollower(records: Buffer): AppendResult | undefined {
    const result = this.log.appendAsFollower(records, this.state.leaderEpoch);
    if (result !== undefined) this.appended += result.sizeBytes;
    return result;
  }

  /**
   * Truncates the log at `offset`, where it diverges from the leader's. Records below that are missing in a closed segment are fetched again,
   * but not by a replica that is in the ISR or eligible: elected while its log ends before them, it would make the others truncate committed
   * records. Such a replica keeps its log end, and a repair restores the records.
   */
  truncate(offset: bigint, reason: string): void {
    assert(this.currentRole === 'follower', `${this.name}: only a follower is truncated`);
    const end = this.log.logEndOffset;
    const { isr, elr } = this.state;
    this.log.truncateTo(offset, { keepsMissing: [...isr, ...elr].includes(this.env.brokerId) });
    if (offset >= end) return;
    this.env.events({
      type: 'partition/truncated',
      at: this.env.clock.now(),
      broker: this.env.brokerId,
      topic: this.topic,
      partitions: [this.index],
      reason,
      details: { from: end.toString(), to: offset.toString() },
    });
  }

  /** Throws NOT_LEADER_OR_FOLLOWER unless this broker leads in the given epoch (FENCED_ and UNKNOWN_LEADER_EPOCH otherwise). */
  requireLeader(namedEpoch: number): void {
    const code = this.checkLeader(namedEpoch);
    if (code !== ErrorCode.NONE) throw new KafkaError(code);
  }

  /** Throws unless the given epoch is this replica's, whatever its role. */
  requireEpoch(namedEpoch: number): void {
    const code = this.closed ? ErrorCode.NOT_LEADER_OR_FOLLOWER : this.checkLeaderEpoch(namedEpoch);
    if (code !== ErrorCode.NONE) throw new KafkaError(code);
  }
}
