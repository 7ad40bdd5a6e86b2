/**
 * Requests of clients, coordinators and other brokers: they append to and read from the replicas here, and wait in purgatories until
 * their records are committed, or enough bytes can be read. Leadership is not decided here.
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { AppendOrigin } from '../log/producer-state.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { AwaitedFetches } from './awaited-fetches.ts';
import { recordsLength, type FetchEntry, type FetchResult } from './fetch-session.ts';
import type { Partition, PartitionListener } from './partition.ts';
import { Purgatory } from './purgatory.ts';
import { RefusedSequences } from './refused-sequences.ts';
import { RecordDeletions } from './replica-manager-delete.ts';
import { DelayedFetch, missingPartitionError, readEntries, type FetchParameters, type PartitionLookup } from './replica-manager-fetch.ts';
import { appendFailure, DelayedProduce, failAppended, type AppendEntry, type AppendResult } from './replica-manager-produce.ts';
import { isInternalTopic } from './topic-rules.ts';

export interface AppendParameters {
  requiredAcks: number;
  timeoutMs: number;
  origin: AppendOrigin;
  /** Whether a client may write to Kafka's internal topics. */
  internalTopicsAllowed?: boolean;
}

/** Errors after which an idempotent producer stops, or begins a new epoch. */
const FINAL: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]);

export interface ReplicaRequestsOptions {
  readonly lookup: PartitionLookup;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Maximum number of waiting requests, of each kind. */
  readonly maxWaiting: number;
}

export class ReplicaRequests {
  /** The listener of all partitions, which wakes waiting requests. */
  readonly listener: PartitionListener;
  /** Requests to delete records. */
  readonly deletions: RecordDeletions;
  private readonly lookup: PartitionLookup;
  private readonly logger: Logger;
  private readonly produces: Purgatory<Partition>;
  private readonly consumerFetches: Purgatory<Partition>;
  /** By partition, and by the broker that fetches. */
  private readonly replicaFetches: Purgatory<Partition | number>;
  private readonly awaitedFetches: AwaitedFetches;
  /** Partitions to which the current request has appended; their waiting requests are woken at its end. */
  private readonly grown = new Set<Partition>();
  private readonly refusedSequences: RefusedSequences;

  constructor({ lookup, clock, logger, maxWaiting: maxOperations }: ReplicaRequestsOptions) {
    this.lookup = lookup;
    this.logger = logger;
    this.refusedSequences = new RefusedSequences(clock);
    this.awaitedFetches = new AwaitedFetches(clock);
    this.produces = new Purgatory({ clock, maxOperations, ordered: true });
    this.consumerFetches = new Purgatory({ clock, maxOperations, ordered: false });
    this.replicaFetches = new Purgatory({ clock, maxOperations, ordered: false });
    this.deletions = new RecordDeletions(lookup, { clock, maxOperations });
    this.listener = {
      appended: (partition) => this.grown.add(partition),
      committed: (partition) => {
        this.produces.wake(partition);
        this.consumerFetches.wake(partition);
        if (lookup.selectsClosest) this.replicaFetches.wakeAll(partition);
      },
      followerStarted: (partition) => this.deletions.wake(partition),
      stateChanged: (partition) => {
        this.produces.wakeAll(partition);
        this.consumerFetches.wakeAll(partition);
        this.replicaFetches.wakeAll(partition);
        this.deletions.wake(partition);
      },
    };
  }

  /** Waiting requests: for tests and metrics. */
  get waiting(): { produces: number; fetches: number; replicaFetches: number } {
    return { produces: this.produces.size, fetches: this.consumerFetches.size, replicaFetches: this.replicaFetches.size };
  }

  /** Answers all waiting requests, as if they had timed out. */
  close(): void {
    this.produces.close();
    this.consumerFetches.close();
    this.replicaFetches.close();
    this.deletions.close();
  }

  /**
   * Appends to partitions that this broker leads. With acks −1 the result comes when everything is committed or the timeout has passed,
   * else at once. Errors are per entry; nothing is thrown.
   */
  append(params: AppendParameters, entries: readonly AppendEntry[]): readonly AppendResult[] | Promise<readonly AppendResult[]> {
    const results = entries.map((entry) => this.appendOne(params, entry));
    this.flushGrown();
    return this.awaitCommits(params, results);
  }

  /** Appends one entry of a request that is appended over several turns; `awaitCommits` completes the request. Nothing is thrown. */
  appendEntry(params: AppendParameters, entry: AppendEntry): AppendResult {
    const result = this.appendOne(params, entry);
    this.flushGrown();
    return result;
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
      this.produces.watch(new DelayedProduce(results, pending, resolve), partitions, params.timeoutMs);
    });
  }

  private appendOne(params: AppendParameters, entry: AppendEntry): AppendResult {
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
    const info = partition.log.appendAsLeader(records, partition.leaderEpoch, params);
    partition.leaderAppended(records.length);
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
    this.flushGrown();
    const outcome = partition.commitOutcome(result.nextOffset, result.leaderEpoch);
    if (outcome !== undefined) return { result, committed: Promise.resolve(outcome) };
    const committed = new Promise<number>((resolve) => {
      this.produces.watch(new DelayedProduce([result], [result], () => resolve(result.errorCode)), [partition], params.timeoutMs);
    });
    return { result, committed };
  }

  /** This broker leads the partition from now on, or with those followers from now on: a held fetch of theirs ends, so that the next names it. */
  followersAdded(partition: Partition, followers: readonly number[]): void {
    for (const follower of followers) {
      this.awaitedFetches.expect(partition, follower);
      this.replicaFetches.wake(follower);
    }
  }

  /** Reads; waits for `minBytes` at most `maxWaitMs`. Errors are per entry. Results are in the order of entries. */
  fetch(params: FetchParameters, entries: readonly FetchEntry[]): FetchResult[] | Promise<FetchResult[]> {
    const first = readEntries(this.lookup, params, entries, true);
    if (params.maxWaitMs <= 0 || entries.length === 0 || first.urgent || first.bytes >= params.minBytes) {
      this.noteSent(params, first.results);
      return first.results;
    }
    return new Promise((resolve) => {
      const operation = new DelayedFetch(this.lookup, params, entries, first.bytes, (results) => {
        this.noteSent(params, results);
        resolve(results);
      });
      const { replicaId, maxWaitMs } = params;
      if (replicaId < 0) {
        this.consumerFetches.watch(operation, operation.partitions, maxWaitMs);
        return;
      }
      const holdMs = this.awaitedFetches.holdMs(replicaId, maxWaitMs, () => operation.partitions);
      this.replicaFetches.watch(operation, [...operation.partitions, replicaId], holdMs);
    });
  }

  private noteSent({ replicaId, memory }: FetchParameters, results: readonly FetchResult[]): void {
    if (memory !== undefined) {
      let held = 0;
      for (const { response } of results) held += recordsLength(response);
      memory.holdAnswer(held);
    }
    if (replicaId < 0) return;
    for (const { entry, response } of results) {
      const bytes = recordsLength(response);
      const partition = bytes === 0 || entry.topic === undefined ? undefined : this.lookup.partition(entry.topic, entry.partition);
      if (partition !== undefined) this.lookup.throttle.sent(partition, replicaId, bytes);
    }
  }

  /** To be called at the end of a change that may have appended. */
  flushGrown(): void {
    if (this.grown.size === 0) return;
    for (const partition of this.grown) this.replicaFetches.wake(partition);
    this.grown.clear();
  }
}
