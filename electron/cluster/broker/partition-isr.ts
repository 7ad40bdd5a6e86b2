/**
 * ISR changes of a leader: one proposal at a time, a compare-and-set on the partition epoch that the controller decides (KIP-497). An
 * undecided proposal counts for the high watermark as if it were in force (`maximalIsr`).
 */
import type { Clock } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import { runningTime } from '../lib/running-time.ts';
import type { Log } from '../log/log.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { MetadataImage, PartitionImage } from '../quorum/image.ts';
import type { IsrAnswer, IsrManager, IsrProposal, IsrSubscriber } from './isr-manager.ts';
import type { FollowerState } from './partition-follower.ts';

export interface IsrEnvironment {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly isr: IsrManager;
  image(): MetadataImage;
  replicaLagTimeMaxMs(): number;
}

/** The leader of the ISR. */
export interface IsrLeader {
  readonly log: Pick<Log, 'logEndOffset' | 'highWatermark'>;
  readonly followers: ReadonlyMap<number, FollowerState>;
  /** The newest state that is known to be committed. */
  readonly state: PartitionImage;
  /** Log end offset at the start of the leadership; undefined while this broker does not lead. */
  readonly epochStart: bigint | undefined;
  /** The controller has committed this state. */
  accept(state: PartitionImage): void;
  /** The proposal was refused and none of it can still be applied: the high watermark may move without it. */
  abandoned(): void;
}

interface PendingIsr {
  readonly proposal: IsrProposal;
  readonly isr: readonly number[];
  readonly kind: 'expand' | 'shrink' | 'handOver';
  readonly reason: string;
}

export class PartitionIsr implements IsrSubscriber {
  private readonly env: IsrEnvironment;
  private readonly leader: IsrLeader;
  private pending: PendingIsr | undefined;

  constructor(leader: IsrLeader, env: IsrEnvironment) {
    this.leader = leader;
    this.env = env;
  }

  /** The committed ISR and what a pending proposal adds. */
  get maximal(): readonly number[] {
    return this.pending?.kind === 'expand' ? this.pending.isr : this.leader.state.isr;
  }

  /** Drops the proposal: the leadership has ended, or a new one has begun. */
  reset(): void {
    this.pending = undefined;
  }

  /** Whether the controller would accept the replica: KIP-841 and KIP-903. */
  mayJoin(follower: FollowerState): boolean {
    const broker = this.env.image().brokers.get(follower.brokerId);
    if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false;
    return follower.brokerEpoch === -1n || follower.brokerEpoch === broker.epoch;
  }

  /** Proposes to add a follower that has caught up. */
  maybeExpand(follower: FollowerState): void {
    const { epochStart, log, state } = this.leader;
    if (this.pending !== undefined || epochStart === undefined || state.isr.includes(follower.brokerId)) return;
    // Above the high watermark it may still lack records that an earlier leader wrote: it has to pass the start of the epoch too.
    if (follower.logEndOffset < log.highWatermark || follower.logEndOffset < epochStart) return;
    if (!this.mayJoin(follower)) return;
    this.propose('expand', [...state.isr, follower.brokerId], `broker ${follower.brokerId} has caught up`);
  }

  /** Proposes to drop members of the ISR that did not keep up for replica.lag.time.max.ms. Called from time to time. */
  maybeShrink(): void {
    if (this.pending !== undefined) return;
    const { isr } = this.leader.state;
    const now = runningTime(this.env.clock);
    const maxLag = this.env.replicaLagTimeMaxMs();
    const end = this.leader.log.logEndOffset;
    const reasons: string[] = [];
    const remaining = isr.filter((id) => {
      const follower = this.leader.followers.get(id);
      if (follower === undefined || follower.isCaughtUp(end, now, maxLag)) return true;
      reasons.push(lagReason(follower, now, maxLag));
      return false;
    });
    if (remaining.length < isr.length) this.propose('shrink', remaining, reasons.join(', '));
  }

  /**
   * Proposes to hand the leadership over to a follower, with the other members of the ISR kept; the controller elects it if it is in the ISR
   * or eligible. False: a proposal is pending.
   */
  handOver(successor: number, reason: string): boolean {
    if (this.pending !== undefined) return false;
    const others = this.leader.state.isr.filter((id) => id !== successor && id !== this.env.brokerId);
    this.propose('handOver', [successor, ...others], reason);
    return true;
  }

  private propose(kind: PendingIsr['kind'], isr: readonly number[], reason: string): void {
    const { state, followers } = this.leader;
    const { brokers } = this.env.image();
    const proposal: IsrProposal = {
      topicId: state.topicId,
      partition: state.partition,
      leaderEpoch: state.leaderEpoch,
      partitionEpoch: state.partitionEpoch,
      // A leader holds all records, however it was elected.
      leaderRecoveryState: 0,
      isr: isr.map((brokerId) => ({
        brokerId,
        brokerEpoch: brokerId === this.env.brokerId ? (brokers.get(brokerId)?.epoch ?? -1n) : (followers.get(brokerId)?.brokerEpoch ?? -1n),
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
    const { state } = this.leader;
    if (answer.isr !== undefined) {
      if (answer.partitionEpoch < state.partitionEpoch || answer.leaderEpoch !== state.leaderEpoch) return;
      // A smaller ISR counts when it is read from the metadata log, behind any earlier change of min.insync.replicas:
      // the controller has already used the new value to decide which removed members are eligible.
      if (answer.isr.length < state.isr.length) return;
      this.leader.accept({ ...state, isr: answer.isr, partitionEpoch: answer.partitionEpoch });
      return;
    }
    this.env.logger.debug('the controller refused an ISR change', {
      partition: `${state.topic}-${state.partition}`,
      error: errorName(answer.errorCode),
    });
    // These errors mean that nothing was changed and nothing can still be applied. With the others a newer state will arrive, and until
    // then the controller may count the proposed members: the proposal stays.
    const refused = this.pending?.kind === 'handOver' && answer.errorCode === ErrorCode.INVALID_REQUEST;
    if (refused || ABANDONED.has(answer.errorCode)) {
      this.pending = undefined;
      this.leader.abandoned();
    }
  }

  /** A newer partition epoch ends the proposal that was made in an older one, whatever its outcome. */
  settle(isrBefore: readonly number[]): void {
    const { pending } = this;
    const { state } = this.leader;
    if (pending === undefined || state.partitionEpoch <= pending.proposal.partitionEpoch) return;
    this.pending = undefined;
    if (pending.kind === 'handOver' || !sameMembers(state.isr, pending.isr) || sameMembers(isrBefore, state.isr)) return;
    this.env.events({
      type: pending.kind === 'expand' ? 'partition/isrExpanded' : 'partition/isrShrunk',
      at: this.env.clock.now(),
      broker: this.env.brokerId,
      topic: state.topic,
      partitions: [state.partition],
      reason: pending.reason,
      details: { isr: [...state.isr], before: [...isrBefore] },
    });
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
