/**
 * One replica of one partition on this broker: what it is (leader, follower, neither), who holds how much of it, and up to
 * where it is committed.
 *
 * The high watermark is the least log end offset over the *maximal* ISR (KIP-497): the committed ISR and those that a pending
 * proposal would add, and does not move while the ISR is smaller than min.insync.replicas (KIP-966). So whatever ISR the
 * controller knows of when it elects, each of its members holds every committed record.
 *
 * State changes here, synchronously, and nowhere else. What waits for it (`replica-manager.ts`) hears by `PartitionListener`.
 */
import type { Clock } from '../lib/clock.ts';
import { assert } from '../lib/assert.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Log } from '../log/log.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { MetadataImage, PartitionImage } from '../quorum/image.ts';
import type { IsrAnswer, IsrManager, IsrProposal, IsrSubscriber } from './isr-manager.ts';
import { FollowerState } from './partition-follower.ts';

export type PartitionRole = 'leader' | 'follower' | 'none';

/** What all partitions of a broker share. */
export interface PartitionEnvironment {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly isr: IsrManager;
  readonly listener: PartitionListener;
  image(): MetadataImage;
  replicaLagTimeMaxMs(): number;
  minInsyncReplicas(topic: string): number;
}

/** Called in the middle of nothing: the partition's state is whole when these run. */
export interface PartitionListener {
  /** The log grew. */
  appended(partition: Partition): void;
  /** The high watermark (and with it, maybe, the last stable offset) moved up. */
  committed(partition: Partition): void;
  /** A follower has let go of records at its log's start. */
  followerStarted(partition: Partition): void;
  /** Role, leader epoch or ISR changed: everything that waits has to look again. */
  stateChanged(partition: Partition): void;
}

interface PendingIsr {
  readonly proposal: IsrProposal;
  readonly isr: readonly number[];
  readonly kind: 'expand' | 'shrink';
  readonly reason: string;
}

export class Partition implements IsrSubscriber {
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
  private pending: PendingIsr | undefined;
  private closed = false;
  private appended = 0;

  constructor(state: PartitionImage, log: Log, env: PartitionEnvironment) {
    this.topic = state.topic;
    this.topicId = state.topicId;
    this.index = state.partition;
    this.log = log;
    this.env = env;
    this.state = state;
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
  /** The committed ISR and what a pending proposal adds. */
  get maximalIsr(): readonly number[] {
    return this.pending?.kind === 'expand' ? this.pending.isr : this.state.isr;
  }
  /** Log end offset at the start of this broker's leadership; undefined while it does not lead. */
  get leaderEpochStartOffset(): bigint | undefined {
    return this.epochStart;
  }
  /** `topic-partition`, for people. */
  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  /** min.insync.replicas, or the number of replicas where that is less: else such a partition could never be written. */
  get minInsyncReplicas(): number {
    return Math.min(this.env.minInsyncReplicas(this.topic), this.state.replicas.length);
  }

  /** Takes over what the metadata log says; older states than the current one are passed over. */
  apply(next: PartitionImage): void {
    if (this.closed || (this.currentRole !== 'none' && next.partitionEpoch < this.state.partitionEpoch)) return;
    const { brokerId } = this.env;
    const role: PartitionRole =
      next.leader === brokerId ? 'leader' : next.leader >= 0 && next.replicas.includes(brokerId) ? 'follower' : 'none';
    const newTerm = role !== this.currentRole || next.leaderEpoch !== this.state.leaderEpoch;
    const isrBefore = this.state.isr;
    this.state = next;
    this.currentRole = role;
    if (newTerm) {
      this.pending = undefined;
      this.followers.clear();
      this.epochStart = undefined;
    }
    if (role === 'leader') {
      if (newTerm) this.startTerm();
      this.syncFollowers();
      this.settlePending(isrBefore);
      this.advanceHighWatermark();
    }
    this.env.listener.stateChanged(this);
  }

  /** min.insync.replicas may have changed: what was held back by it is held back no more, or the other way round. */
  settingsChanged(): void {
    if (this.currentRole !== 'leader') return;
    this.advanceHighWatermark();
    this.env.listener.stateChanged(this);
  }

  /** Takes the replica out of service: whoever waits is answered with NOT_LEADER_OR_FOLLOWER. */
  close(): void {
    this.closed = true;
    this.currentRole = 'none';
    this.pending = undefined;
    this.followers.clear();
    this.epochStart = undefined;
    this.env.listener.stateChanged(this);
  }

  private startTerm(): void {
    this.epochStart = this.log.logEndOffset;
    this.log.maybeAssignEpochStart(this.state.leaderEpoch, this.epochStart);
  }

  private syncFollowers(): void {
    const { replicas, isr } = this.state;
    const now = this.env.clock.monotonic();
    for (const id of this.followers.keys()) if (!replicas.includes(id)) this.followers.delete(id);
    for (const id of replicas) {
      if (id === this.env.brokerId || this.followers.has(id)) continue;
      // A member of the ISR gets a whole lag time to turn up; another has caught up never.
      this.followers.set(id, new FollowerState(id, isr.includes(id) ? now : Number.NEGATIVE_INFINITY));
    }
  }

  // --- epochs -----------------------------------------------------------------------------------------------------

  /** NONE, or how the epoch that a request names differs from this replica's; −1 names none. */
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

  /** Called by whoever appended so much to the leader's log. */
  leaderAppended(bytes: number): void {
    this.appended += bytes;
    this.advanceHighWatermark();
    this.env.listener.appended(this);
  }

  /**
   * A follower's fetch says how far it has come. NONE, UNKNOWN_LEADER_EPOCH when it is no replica (its metadata is newer or
   * older than ours), or NOT_LEADER_OR_FOLLOWER when an earlier life of that broker sent it.
   */
  followerFetched(brokerId: number, brokerEpoch: bigint, fetchOffset: bigint, logStartOffset: bigint): number {
    const follower = this.followers.get(brokerId);
    if (follower === undefined) return ErrorCode.UNKNOWN_LEADER_EPOCH;
    if (brokerEpoch !== -1n && brokerEpoch < follower.brokerEpoch) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const before = follower.logEndOffset;
    const startBefore = follower.logStartOffset;
    follower.fetched(fetchOffset, logStartOffset, this.log.logEndOffset, brokerEpoch, this.env.clock.monotonic());
    if (!this.state.isr.includes(brokerId)) this.maybeExpand(follower);
    if (before !== fetchOffset) this.advanceHighWatermark();
    if (startBefore !== logStartOffset) this.env.listener.followerStarted(this);
    return ErrorCode.NONE;
  }

  /** What the leader knows of a follower; undefined when it is none. */
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
   * Whether the records below `requiredOffset` are committed: undefined while they wait, else NONE, or why this broker cannot tell any
   * more. An ISR that has become too small is waited out, up to the request's own timeout: the records are in the log and will most
   * likely be committed, and an idempotent producer that is told otherwise may begin a new epoch and send them once more.
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
    const now = this.env.clock.monotonic();
    const maxLag = this.env.replicaLagTimeMaxMs();
    for (const follower of this.followers.values()) {
      if (follower.logEndOffset >= next) continue;
      // One that has caught up and is about to join is waited for too, so that it does join.
      if (maximal.includes(follower.brokerId) || (follower.isCaughtUp(end, now, maxLag) && this.mayJoinIsr(follower))) {
        next = follower.logEndOffset;
      }
    }
    if (next <= this.log.highWatermark) return;
    this.log.updateHighWatermark(next);
    this.env.listener.committed(this);
  }

  // --- ISR --------------------------------------------------------------------------------------------------------

  private mayJoinIsr(follower: FollowerState): boolean {
    const broker = this.env.image().brokers.get(follower.brokerId);
    if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false;
    return follower.brokerEpoch === -1n || follower.brokerEpoch === broker.epoch;
  }

  private maybeExpand(follower: FollowerState): void {
    if (this.pending !== undefined || this.epochStart === undefined) return;
    // Above the high watermark it may still lack what an earlier leader of this epoch's log wrote: it has to pass the epoch's start too.
    if (follower.logEndOffset < this.log.highWatermark || follower.logEndOffset < this.epochStart) return;
    if (!this.mayJoinIsr(follower)) return;
    this.propose('expand', [...this.state.isr, follower.brokerId], `broker ${follower.brokerId} has caught up`);
  }

  /** Proposes to drop members of the ISR that did not keep up for replica.lag.time.max.ms. Called from time to time. */
  maybeShrink(): void {
    if (this.currentRole !== 'leader') return;
    // A replica that was waited for, to join, may have been waited for long enough; nothing else may happen to tell.
    this.advanceHighWatermark();
    if (this.pending !== undefined) return;
    const { isr } = this.state;
    const now = this.env.clock.monotonic();
    const maxLag = this.env.replicaLagTimeMaxMs();
    const end = this.log.logEndOffset;
    const reasons: string[] = [];
    const remaining = isr.filter((id) => {
      const follower = this.followers.get(id);
      if (follower === undefined || follower.isCaughtUp(end, now, maxLag)) return true;
      reasons.push(lagReason(follower, now, maxLag));
      return false;
    });
    if (remaining.length < isr.length) this.propose('shrink', remaining, reasons.join(', '));
  }

  private propose(kind: PendingIsr['kind'], isr: readonly number[], reason: string): void {
    const { brokers } = this.env.image();
    const proposal: IsrProposal = {
      topicId: this.topicId,
      partition: this.index,
      leaderEpoch: this.state.leaderEpoch,
      partitionEpoch: this.state.partitionEpoch,
      // A leader holds all that there is, however it was elected.
      leaderRecoveryState: 0,
      isr: isr.map((brokerId) => ({
        brokerId,
        brokerEpoch:
          brokerId === this.env.brokerId ? (brokers.get(brokerId)?.epoch ?? -1n) : (this.followers.get(brokerId)?.brokerEpoch ?? -1n),
      })),
    };
    this.pending = { proposal, isr, kind, reason };
    this.env.isr.submit(proposal, this);
  }

  isPending(proposal: IsrProposal): boolean {
    return this.pending?.proposal === proposal;
  }

  answered(proposal: IsrProposal, answer: IsrAnswer): void {
    if (!this.isPending(proposal)) return;
    if (answer.isr !== undefined) {
      if (answer.partitionEpoch < this.state.partitionEpoch || answer.leaderEpoch !== this.state.leaderEpoch) return;
      // A smaller ISR counts when it is read from the metadata log, behind any change of min.insync.replicas that was there before it:
      // the controller has already taken those who left for eligible by the new one.
      if (answer.isr.length < this.state.isr.length) return;
      this.apply({ ...this.state, isr: answer.isr, partitionEpoch: answer.partitionEpoch });
      return;
    }
    this.env.logger.debug('the controller refused an ISR change', { partition: this.name, error: errorName(answer.errorCode) });
    // These say that nothing was changed and nothing is coming. With the others a newer state is on its way, and until it is here
    // the controller may count the proposed members: the proposal stays.
    if (ABANDONED.has(answer.errorCode)) {
      this.pending = undefined;
      this.advanceHighWatermark();
    }
  }

  /** A newer partition epoch settles the proposal that was made in an older one, whatever became of it. */
  private settlePending(isrBefore: readonly number[]): void {
    const { pending, state } = this;
    if (pending === undefined || state.partitionEpoch <= pending.proposal.partitionEpoch) return;
    this.pending = undefined;
    if (!sameMembers(state.isr, pending.isr) || sameMembers(isrBefore, state.isr)) return;
    this.env.events({
      type: pending.kind === 'expand' ? 'partition/isrExpanded' : 'partition/isrShrunk',
      at: this.env.clock.now(),
      broker: this.env.brokerId,
      topic: this.topic,
      partitions: [this.index],
      reason: pending.reason,
      details: { isr: [...state.isr], before: [...isrBefore] },
    });
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

  /** Called by whoever appended so much to the follower's log. */
  followerAppended(bytes: number): void {
    this.appended += bytes;
  }

  /** Cuts the log at `offset`, where it parts from the leader's. */
  truncate(offset: bigint, reason: string): void {
    assert(this.currentRole === 'follower', `${this.name}: only a follower is truncated`);
    const end = this.log.logEndOffset;
    this.log.truncateTo(offset);
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

  /** Throws NOT_LEADER_OR_FOLLOWER unless this broker leads in the named epoch (FENCED_ and UNKNOWN_LEADER_EPOCH otherwise). */
  requireLeader(namedEpoch: number): void {
    const code = this.checkLeader(namedEpoch);
    if (code !== ErrorCode.NONE) throw new KafkaError(code);
  }

  /** Throws unless the named epoch is this replica's, whoever leads. */
  requireEpoch(namedEpoch: number): void {
    const code = this.closed ? ErrorCode.NOT_LEADER_OR_FOLLOWER : this.checkLeaderEpoch(namedEpoch);
    if (code !== ErrorCode.NONE) throw new KafkaError(code);
  }
}

const ABANDONED: ReadonlySet<number> = new Set([ErrorCode.INELIGIBLE_REPLICA, ErrorCode.OPERATION_NOT_ATTEMPTED]);

function lagReason(follower: FollowerState, now: number, maxLagMs: number): string {
  const { brokerId, lastFetchAt } = follower;
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  if (lastFetchAt < 0) return `broker ${brokerId} has not fetched from this leader`;
  if (now - lastFetchAt > maxLagMs / 2) return `broker ${brokerId} did not fetch for ${seconds(now - lastFetchAt)} s`;
  return `broker ${brokerId} did not catch up for ${seconds(now - follower.lastCaughtUpAt)} s`;
}

function sameMembers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
