/**
 * Appends of clients and coordinators to the replicas that this broker leads, and those that wait until their records are committed. Decides
 * what is refused and with which error; the partition writes to its log, and reports when the high watermark has passed the records.
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { appendFailure, failAppended, type AppendEntry, type AppendParameters, type AppendResult } from './append-results.ts';
import { DelayedProduce } from './delayed-produce.ts';
import { missingPartitionError, type PartitionLookup } from './partition-reads.ts';
import type { Partition } from './partition.ts';
import { Purgatory } from './purgatory.ts';
import { RefusedSequences } from './refused-sequences.ts';
import type { ReplicaFetches } from './replica-fetches.ts';
import { isInternalTopic } from './topic-rules.ts';

/** Errors after which an idempotent producer stops, or begins a new epoch. */
const FINAL: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]);

export interface ReplicaAppendsOptions {
  readonly lookup: PartitionLookup;
  /** The waiting fetches of the followers of what is appended. */
  readonly fetches: Pick<ReplicaFetches, 'wakeOnceFor'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Maximum number of waiting requests. */
  readonly maxOperations: number;
}

export class ReplicaAppends {
  private readonly lookup: PartitionLookup;
  private readonly fetches: ReplicaAppendsOptions['fetches'];
  private readonly logger: Logger;
  private readonly uncommitted: Purgatory<Partition>;
  private readonly refusedSequences: RefusedSequences;

  constructor({ lookup, fetches, clock, logger, maxOperations }: ReplicaAppendsOptions) {
    this.lookup = lookup;
    this.fetches = fetches;
    this.logger = logger;
    this.refusedSequences = new RefusedSequences(clock);
    this.uncommitted = new Purgatory({ clock, maxOperations, ordered: true });
  }

  /** Number of requests that wait until their records are committed. */
  get waiting(): number {
    return this.uncommitted.size;
  }

  /** The high watermark of the partition has increased. */
  onCommitted(partition: Partition): void {
    this.uncommitted.wake(partition);
  }

  /** Role, leader epoch or ISR of the partition has changed. */
  onStateChanged(partition: Partition): void {
    this.uncommitted.wakeAll(partition);
  }

  /** Answers all waiting requests, as if they had timed out. */
  close(): void {
    this.uncommitted.close();
  }

  /**
   * Appends to partitions that this broker leads. With acks −1 the result comes when everything is committed or the timeout has passed,
   * else at once. Errors are per entry; nothing is thrown.
   */
  append(params: AppendParameters, entries: readonly AppendEntry[]): readonly AppendResult[] | Promise<readonly AppendResult[]> {
    const results = this.fetches.wakeOnceFor(entries, (entry) => this.appendEntry(params, entry));
    return this.awaitCommits(params, results);
  }

  /** Waits as `append` does, for all `results` of a request as one operation: the purgatory counts requests, not partitions. */
  awaitCommits(params: AppendParameters, results: readonly AppendResult[]): readonly AppendResult[] | Promise<readonly AppendResult[]> {
    if (params.requiredAcks !== -1) return results;
    let waiting: AppendResult[] | undefined;
    let keys: Partition[] | undefined;
    for (const result of results) {
      const { partition } = result;
      if (result.errorCode !== ErrorCode.NONE || partition === undefined) continue;
      // The leadership may have changed since the append, and no wake follows for that.
      const outcome = partition.commitOutcome(result.nextOffset, result.leaderEpoch);
      if (outcome === ErrorCode.NONE) continue;
      if (outcome !== undefined) {
        failAppended(result, outcome);
        continue;
      }
      (waiting ??= []).push(result);
      (keys ??= []).push(partition);
    }
    if (waiting === undefined || keys === undefined) return results;
    const pending = waiting;
    const partitions = keys;
    return new Promise((resolve) => {
      this.uncommitted.watch(new DelayedProduce(results, pending, resolve), partitions, params.timeoutMs);
    });
  }

  /** Appends one entry of a request that is appended over several turns; `awaitCommits` completes the request. Nothing is thrown. */
  appendEntry(params: AppendParameters, entry: AppendEntry): AppendResult {
    const { topic, topicId, records } = entry;
    const partition = topic === undefined ? undefined : this.lookup.partition(topic, entry.partition);
    try {
      if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_ID);
      if (isInternalTopic(topic) && params.internalTopicsAllowed !== true && this.lookup.image().topics.has(topic)) {
        throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic ${topic} is internal: only brokers write to it.`);
      }
      if (partition === undefined) throw new KafkaError(missingPartitionError(this.lookup, topic, entry.partition));
      if (topicId !== undefined && topicId !== partition.topicId) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_ID);
      partition.requireLeader(-1);
      if (entry.refused !== undefined) throw entry.refused;
      if (records === null || records.length === 0) throw new KafkaError(ErrorCode.INVALID_RECORD, 'The produce request has no records.');
      const refused = this.refusedSequences.behind(
        partition.name,
        records,
        (producerId) => partition.log.knowsProducer(producerId),
        partition.tookOverAt,
      );
      if (refused !== undefined) {
        return appendFailure(new KafkaError(refused, 'A batch before this one was refused, or has not come here yet.'), topic, partition);
      }
      const result = this.appendTo(partition, records, params);
      this.refusedSequences.appended(partition.name, records);
      return result;
    } catch (error) {
      const refusal = this.explained(
        error,
        partition?.name ?? `${topic ?? topicId ?? ''}-${entry.partition}`,
        records,
        partition?.tookOverAt,
      );
      if (!(refusal instanceof KafkaError)) {
        this.logger.error('append failed', { topic, partition: entry.partition, error: String(error) });
      }
      return appendFailure(refusal, topic, partition);
    }
  }

  /** The error code that the producer gets. */
  private explained(error: unknown, partition: string, records: Buffer | null, tookOverAt: number | undefined): unknown {
    if (!(error instanceof KafkaError)) return error;
    const refused = this.refusedSequences.refused(partition, records, error.code, tookOverAt);
    const code = FINAL.has(refused) && this.lookup.mayBeReplaced() ? ErrorCode.NOT_LEADER_OR_FOLLOWER : refused;
    if (error.code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      // The received and the expected sequence are needed to find out later which side was wrong.
      this.logger.info('batch refused', { partition, why: error.message, answered: errorName(code) });
    }
    if (code === error.code) return error;
    if (code !== refused) return new KafkaError(code, `Another broker may lead this partition by now. Here: ${error.message}.`);
    return new KafkaError(code, `A batch before this one was refused for that reason: ${error.message}.`);
  }

  /** Appends to the leader's log; throws `KafkaError` when nothing was written. */
  private appendTo(partition: Partition, records: Buffer, params: AppendParameters): AppendResult {
    if (params.requiredAcks === -1 && partition.underMinIsr) {
      throw new KafkaError(
        ErrorCode.NOT_ENOUGH_REPLICAS,
        `${partition.isr.length} in sync where min.insync.replicas asks for ${partition.minInsyncReplicas}.`,
      );
    }
    const info = partition.appendAsLeader(records, params);
    return {
      topic: partition.topic,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      baseOffset: info.firstOffset,
      nextOffset: info.lastOffset + 1n,
      logAppendTimeMs: BigInt(info.logAppendTimeMs),
      logStartOffset: partition.log.logStartOffset,
      recordErrors: [],
      partition,
      leaderEpoch: partition.leaderEpoch,
    };
  }

  /**
   * Appends one batch as leader in `leaderEpoch`, for a coordinator; throws `KafkaError` when nothing was written. `committed`
   * resolves to NONE or an error code.
   */
  appendAs(
    partition: Partition,
    leaderEpoch: number,
    records: Buffer,
    params: AppendParameters,
  ): { result: AppendResult; committed: Promise<number> } {
    partition.requireLeader(leaderEpoch);
    const result = this.appendTo(partition, records, params);
    const outcome = partition.commitOutcome(result.nextOffset, result.leaderEpoch);
    if (outcome !== undefined) return { result, committed: Promise.resolve(outcome) };
    const committed = new Promise<number>((resolve) => {
      this.uncommitted.watch(new DelayedProduce([result], [result], () => resolve(result.errorCode)), [partition], params.timeoutMs);
    });
    return { result, committed };
  }
}
