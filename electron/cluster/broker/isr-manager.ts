/**
 * Sends ISR changes of this broker's leaders to the controller (KIP-497): at most one proposal per partition, at most
 * one request in flight, and the next one holds all proposals made meanwhile. The partition decides about the outcome of a
 * proposal; this class only sends it, and retries while the controller is unreachable.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { alterPartition } from '../protocol/apis/alter-partition.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { RequestIn, ResponseOf } from '../protocol/schema.ts';

/** One proposal of a partition, valid for the partition epoch in which it was made. */
export interface IsrProposal {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly leaderRecoveryState: number;
  /** The whole new ISR; broker epoch −1 where the leader does not know it (KIP-903). */
  readonly isr: readonly { readonly brokerId: number; readonly brokerEpoch: bigint }[];
}

export type IsrAnswer =
  | {
      readonly errorCode: 0;
      readonly isr: readonly number[];
      readonly leader: number;
      readonly leaderEpoch: number;
      readonly partitionEpoch: number;
    }
  | { readonly errorCode: number; readonly isr?: undefined };

export interface IsrSubscriber {
  /** False when the partition has changed; the proposal is then dropped. */
  isPending(proposal: IsrProposal): boolean;
  /** The controller's result for this partition. */
  answered(proposal: IsrProposal, answer: IsrAnswer): void;
}

export interface IsrManagerOptions {
  brokerId: number;
  /** This broker's epoch in the newest image; −1 while it is not registered. */
  brokerEpoch(): bigint;
  /** Sends AlterPartition to the active controller; rejects when it cannot be reached in time. */
  send(request: RequestIn<typeof alterPartition>): Promise<ResponseOf<typeof alterPartition>>;
  clock: Clock;
  logger: Logger;
  retryBackoffMs?: number;
}

interface Pending {
  readonly proposal: IsrProposal;
  readonly subscriber: IsrSubscriber;
}

export class IsrManager {
  private readonly options: IsrManagerOptions;
  private readonly pending = new Map<string, Pending>();
  private inFlight = false;
  private retryTimer: Timer | null = null;
  private scheduled = false;
  private closed = false;

  constructor(options: IsrManagerOptions) {
    this.options = options;
  }

  /** Partitions whose proposal has no response. */
  get size(): number {
    return this.pending.size;
  }

  /** Proposes a change; it replaces an earlier proposal of the partition without a response. */
  submit(proposal: IsrProposal, subscriber: IsrSubscriber): void {
    if (this.closed) return;
    this.pending.set(key(proposal), { proposal, subscriber });
    this.schedule();
  }

  close(): void {
    this.closed = true;
    this.retryTimer?.cancel();
    this.retryTimer = null;
    this.pending.clear();
  }

  /** Sends at the end of the current turn, so that one request holds all proposals of the turn. */
  private schedule(): void {
    if (this.scheduled || this.inFlight || this.retryTimer !== null || this.closed) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.inFlight || this.closed) return;
    for (const [id, { proposal, subscriber }] of this.pending) if (!subscriber.isPending(proposal)) this.pending.delete(id);
    if (this.pending.size === 0) return;
    const brokerEpoch = this.options.brokerEpoch();
    if (brokerEpoch < 0n) {
      this.retryLater();
      return;
    }
    const sent = [...this.pending.values()];
    this.inFlight = true;
    this.options.send(this.request(sent, brokerEpoch)).then(
      (response) => {
        this.inFlight = false;
        if (!this.closed) this.handle(sent, response);
      },
      (error: unknown) => {
        this.inFlight = false;
        if (this.closed) return;
        this.options.logger.debug('the controller did not answer AlterPartition', { error: String(error), partitions: sent.length });
        this.retryLater();
      },
    );
  }

  private request(sent: readonly Pending[], brokerEpoch: bigint): RequestIn<typeof alterPartition> {
    const byTopic = new Map<string, IsrProposal[]>();
    for (const { proposal } of sent) {
      const list = byTopic.get(proposal.topicId);
      if (list === undefined) byTopic.set(proposal.topicId, [proposal]);
      else list.push(proposal);
    }
    return {
      brokerId: this.options.brokerId,
      brokerEpoch,
      topics: [...byTopic].map(([topicId, proposals]) => ({
        topicId,
        partitions: proposals.map((proposal) => ({
          partitionIndex: proposal.partition,
          leaderEpoch: proposal.leaderEpoch,
          newIsr: proposal.isr.map((member) => member.brokerId),
          newIsrWithEpochs: proposal.isr,
          leaderRecoveryState: proposal.leaderRecoveryState,
          partitionEpoch: proposal.partitionEpoch,
        })),
      })),
    };
  }

  private handle(sent: readonly Pending[], response: ResponseOf<typeof alterPartition>): void {
    if (response.errorCode !== ErrorCode.NONE) {
      // STALE_BROKER_EPOCH passes once this broker's new registration is in its image; NOT_CONTROLLER once one is found.
      this.options.logger.debug('the controller refused AlterPartition', { error: errorName(response.errorCode) });
      this.retryLater();
      return;
    }
    const answers = new Map<string, IsrAnswer>();
    for (const topic of response.topics) {
      for (const p of topic.partitions) {
        const answer: IsrAnswer =
          p.errorCode === ErrorCode.NONE
            ? { errorCode: 0, isr: p.isr, leader: p.leaderId, leaderEpoch: p.leaderEpoch, partitionEpoch: p.partitionEpoch }
            : { errorCode: p.errorCode };
        answers.set(`${topic.topicId}-${p.partitionIndex}`, answer);
      }
    }
    let again = false;
    for (const { proposal, subscriber } of sent) {
      const id = key(proposal);
      const answer = answers.get(id);
      if (answer === undefined || RETRIED.has(answer.errorCode)) {
        again = true;
        continue;
      }
      if (this.pending.get(id)?.proposal === proposal) this.pending.delete(id);
      subscriber.answered(proposal, answer);
    }
    if (again) this.retryLater();
    else this.schedule();
  }

  private retryLater(): void {
    if (this.retryTimer !== null || this.closed) return;
    this.retryTimer = this.options.clock.setTimer(this.options.retryBackoffMs ?? 50, () => {
      this.retryTimer = null;
      this.flush();
    });
  }
}

/** Partition errors that do not decide about the proposal. */
const RETRIED: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.NOT_CONTROLLER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.STALE_BROKER_EPOCH,
]);

function key(proposal: IsrProposal): string {
  return `${proposal.topicId}-${proposal.partition}`;
}
