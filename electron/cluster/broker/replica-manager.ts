/**
 * All replicas on this broker. It turns what the metadata log says into leaders and followers, appends and reads on behalf of
 * requests, lets them wait, and keeps high watermarks over restarts.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Log } from '../log/log.ts';
import type { AppendOrigin } from '../log/producer-state.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { configKey, TOPIC_RESOURCE, type ImageChange, type MetadataImage, type PartitionImage } from '../quorum/image.ts';
import { IsrManager, type IsrManagerOptions } from './isr-manager.ts';
import { recordsLength, type FetchEntry, type FetchResult } from './fetch-session.ts';
import { Partition, type PartitionEnvironment, type PartitionListener } from './partition.ts';
import { Purgatory } from './purgatory.ts';
import { ReplicaFetcherManager, type Peer, type ReplicaFetcherSettings } from './replica-fetcher.ts';
import { RecordDeletions } from './replica-manager-delete.ts';
import { DelayedFetch, missingPartitionError, readEntries, type FetchParameters, type PartitionLookup } from './replica-manager-fetch.ts';
import { RefusedSequences } from './refused-sequences.ts';
import { ReplicationThrottle, type ThrottledReplicas } from './replication-throttle.ts';
import { appendFailure, DelayedProduce, type AppendEntry, type AppendResult } from './replica-manager-produce.ts';

export interface ReplicaManagerSettings extends ReplicaFetcherSettings {
  readonly replicaLagTimeMaxMs: number;
}

/** Where the logs are: what this needs of `LogManager`, which also writes their checkpoints. */
export interface PartitionLogs {
  /** The partition's log, made if there is none. Throws KAFKA_STORAGE_ERROR, or INCONSISTENT_TOPIC_ID when the log there belongs to another topic of that name. */
  create(topic: string, partition: number, topicId: string): Log;
  /** Forgets the log, if there is one, and removes its files. */
  delete(topic: string, partition: number): void;
  logs(): Iterable<{ topic: string; partition: number; log: Log }>;
  /** Asks for a topic's settings anew and gives them to its logs. */
  updateConfig(topic: string): void;
  /** Why the directory takes no writes; undefined while its disk works. */
  readonly storageError?: KafkaError | undefined;
}

export interface ReplicaManagerOptions {
  brokerId: number;
  logs: PartitionLogs;
  /** The directory that holds the logs, as DescribeLogDirs shows it. */
  logDirectory: string;
  disk: Pick<Disk, 'admit'>;
  clock: Clock;
  logger: Logger;
  events: EventSink;
  settings: ReplicaManagerSettings;
  /** The newest metadata that this node has applied. */
  image(): MetadataImage;
  /** min.insync.replicas of a topic by `image()`. */
  minInsyncReplicas(topic: string): number;
  /** What replicas that catch up may take; see `ReplicationThrottle`. */
  replicationRates(): { leader: number; follower: number };
  throttledReplicas(topic: string): ThrottledReplicas;
  /** `replica.selector.class` is the rack-aware one. */
  selectsClosest: boolean;
  /** Sends AlterPartition to the active controller. */
  alterPartition: IsrManagerOptions['send'];
  /** A new connection to another broker; undefined while the image has no address of it. */
  connect(broker: number): Peer | undefined;
  /** Requests that wait, of either kind. */
  maxWaitingRequests?: number;
}

export interface AppendParameters {
  requiredAcks: number;
  timeoutMs: number;
  origin: AppendOrigin;
}

export class ReplicaManager implements PartitionLookup {
  private readonly options: ReplicaManagerOptions;
  private readonly topics = new Map<string, Map<number, Partition>>();
  /** Partitions of ours whose log could not be opened. */
  private readonly offline = new Map<string, Set<number>>();
  private readonly minInsyncReplicas = new Map<string, number>();
  private readonly env: PartitionEnvironment;
  private readonly isr: IsrManager;
  private readonly fetchers: ReplicaFetcherManager;
  readonly throttle: ReplicationThrottle;
  /** Requests to delete records. */
  readonly deletions: RecordDeletions;
  private readonly produces: Purgatory<Partition>;
  private readonly consumerFetches: Purgatory<Partition>;
  private readonly replicaFetches: Purgatory<Partition>;
  /** Partitions that a request under way has appended to; whoever waits for them is woken at its end. */
  private readonly grown = new Set<Partition>();
  private readonly refusedSequences: RefusedSequences;
  private isrTimer: Timer | undefined;
  private stopped = false;

  constructor(options: ReplicaManagerOptions) {
    this.options = options;
    const { clock, logger, brokerId } = options;
    const maxOperations = options.maxWaitingRequests ?? 10_000;
    this.refusedSequences = new RefusedSequences(options.clock);
    this.produces = new Purgatory({ clock, maxOperations, ordered: true });
    this.consumerFetches = new Purgatory({ clock, maxOperations, ordered: false });
    this.replicaFetches = new Purgatory({ clock, maxOperations, ordered: false });
    this.deletions = new RecordDeletions(this, { clock, maxOperations });
    const brokerEpoch = (): bigint => options.image().brokers.get(brokerId)?.epoch ?? -1n;
    this.isr = new IsrManager({ brokerId, brokerEpoch, send: options.alterPartition, clock, logger });
    const listener: PartitionListener = {
      appended: (partition) => this.grown.add(partition),
      committed: (partition) => {
        this.produces.wake(partition);
        this.consumerFetches.wake(partition);
        if (options.selectsClosest) this.replicaFetches.wakeAll(partition);
      },
      followerStarted: (partition) => this.deletions.wake(partition),
      stateChanged: (partition) => {
        this.produces.wakeAll(partition);
        this.consumerFetches.wakeAll(partition);
        this.replicaFetches.wakeAll(partition);
        this.deletions.wake(partition);
      },
    };
    this.env = {
      brokerId,
      clock,
      logger,
      events: options.events,
      isr: this.isr,
      listener,
      image: () => options.image(),
      replicaLagTimeMaxMs: () => options.settings.replicaLagTimeMaxMs,
      minInsyncReplicas: (topic) => this.minInsyncReplicasOf(topic),
    };
    this.throttle = new ReplicationThrottle({
      clock,
      brokerId,
      rates: () => options.replicationRates(),
      replicas: (topic) => options.throttledReplicas(topic),
    });
    this.fetchers = new ReplicaFetcherManager({
      brokerId,
      brokerEpoch,
      connect: (leader) => options.connect(leader),
      clock,
      disk: options.disk,
      logger,
      settings: options.settings,
      throttle: this.throttle,
    });
  }

  /** Starts to look after ISRs. */
  start(): void {
    this.scheduleIsrCheck();
  }

  /** Fetches no more: there is nowhere to write to. */
  stopFollowing(): void {
    this.fetchers.close();
  }

  /** Answers all that waits, stops to follow. Logs stay open: they are the log manager's. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.isrTimer?.cancel();
    this.fetchers.close();
    this.isr.close();
    for (const partition of this.partitions()) partition.close();
    this.produces.close();
    this.deletions.close();
    this.consumerFetches.close();
    this.replicaFetches.close();
  }

  // --- lookup -----------------------------------------------------------------------------------------------------

  /** The directory that holds the logs. */
  get logDirectory(): string {
    return this.options.logDirectory;
  }
  get selectsClosest(): boolean {
    return this.options.selectsClosest;
  }
  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.get(index);
  }
  *partitions(): Generator<Partition, void, undefined> {
    for (const topic of this.topics.values()) yield* topic.values();
  }
  image(): MetadataImage {
    return this.options.image();
  }
  /** Why the directory takes no writes; undefined while its disk works. */
  get storageError(): KafkaError | undefined {
    return this.options.logs.storageError;
  }
  offlineError(topic: string, index: number): number {
    return this.offline.get(topic)?.has(index) === true ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE;
  }
  /** Requests that wait: for tests and metrics. */
  get waiting(): { produces: number; fetches: number; replicaFetches: number } {
    return { produces: this.produces.size, fetches: this.consumerFetches.size, replicaFetches: this.replicaFetches.size };
  }

  private minInsyncReplicasOf(topic: string): number {
    let known = this.minInsyncReplicas.get(topic);
    if (known === undefined) this.minInsyncReplicas.set(topic, (known = this.options.minInsyncReplicas(topic)));
    return known;
  }

  // --- metadata ---------------------------------------------------------------------------------------------------

  /** Makes the replicas here what the newest image says. `options.image()` gives `change.after` already. */
  applyChange(change: ImageChange): void {
    if (this.stopped) return;
    this.applyConfigs(change);
    for (const topic of change.deletedTopics) {
      for (const { partition } of topic.partitions) this.drop(topic.name, topic.id, partition);
      this.minInsyncReplicas.delete(topic.name);
      this.offline.delete(topic.name);
    }
    for (const broker of change.brokers) {
      // The same process at the same address keeps its connection; a new epoch is a new process.
      if (change.before.brokers.get(broker)?.epoch !== change.after.brokers.get(broker)?.epoch) this.fetchers.reconnect(broker);
    }
    for (const state of change.partitions) this.applyPartition(state);
    this.fetchers.prune();
  }

  /**
   * Deletes logs on disk that the image gives to nobody here: their topic was deleted, or their replica moved, while this broker
   * was down. To be called once, when the image has caught up with the quorum after a start.
   */
  deleteStrays(): void {
    const { brokerId, logs, logger } = this.options;
    const image = this.options.image();
    for (const { topic, partition, log } of [...logs.logs()]) {
      // A log without an id was made by a broker that stopped before it could write one; it holds nothing.
      const state = log.topicId === undefined ? undefined : image.topicsById.get(log.topicId)?.partitions[partition];
      if (state?.replicas.includes(brokerId) === true) continue;
      logger.info('deleting a log that no longer belongs here', { topic, partition });
      logs.delete(topic, partition);
    }
  }

  private applyConfigs(change: ImageChange): void {
    if (change.configs.length === 0) return;
    // A broker-wide setting may give any topic its default.
    const topicPrefix = configKey(TOPIC_RESOURCE, '');
    const everything = change.configs.some((key) => !key.startsWith(topicPrefix));
    const { logs } = this.options;
    const names = everything
      ? new Set([...logs.logs()].map(({ topic }) => topic))
      : change.configs.map((key) => key.slice(topicPrefix.length));
    this.throttle.settingsChanged(everything ? undefined : names);
    for (const name of names) {
      this.minInsyncReplicas.delete(name);
      logs.updateConfig(name);
    }
    // What waits for the high watermark may wait for less now.
    for (const name of names) for (const partition of this.topics.get(name)?.values() ?? []) partition.settingsChanged();
  }

  private applyPartition(state: PartitionImage): void {
    const { brokerId, logger } = this.options;
    if (!state.replicas.includes(brokerId)) {
      this.drop(state.topic, state.topicId, state.partition);
      return;
    }
    let partition = this.partition(state.topic, state.partition);
    try {
      partition ??= this.create(state);
    } catch (error) {
      // The others go on: one bad directory is not the whole broker.
      logger.error('a replica cannot be opened', { topic: state.topic, partition: state.partition, error: String(error) });
      let offline = this.offline.get(state.topic);
      if (offline === undefined) this.offline.set(state.topic, (offline = new Set()));
      offline.add(state.partition);
      return;
    }
    const followedBefore = partition.role === 'follower' ? partition.leaderEpoch : undefined;
    partition.apply(state);
    if (partition.role !== 'follower') this.fetchers.unfollow(partition);
    else if (followedBefore !== partition.leaderEpoch) this.fetchers.follow(partition);
    this.flushGrown();
  }

  private create(state: PartitionImage): Partition {
    const log = this.openLog(state);
    const partition = new Partition(state, log, this.env);
    let topic = this.topics.get(state.topic);
    if (topic === undefined) this.topics.set(state.topic, (topic = new Map<number, Partition>()));
    topic.set(state.partition, partition);
    this.offline.get(state.topic)?.delete(state.partition);
    return partition;
  }

  private openLog({ topic, partition, topicId }: PartitionImage): Log {
    const { logs, logger } = this.options;
    try {
      return logs.create(topic, partition, topicId);
    } catch (error) {
      if (!(error instanceof KafkaError) || error.code !== ErrorCode.INCONSISTENT_TOPIC_ID) throw error;
      // The topic was deleted and made anew while this broker was away; the metadata log is right.
      logger.info('deleting the log of an earlier topic of that name', { topic, partition });
      logs.delete(topic, partition);
      return logs.create(topic, partition, topicId);
    }
  }

  /** Stops the replica, if there is one of that very topic, and deletes its log. */
  private drop(topic: string, topicId: string, index: number): void {
    const partition = this.partition(topic, index);
    if (partition === undefined || partition.topicId !== topicId) return;
    this.fetchers.unfollow(partition);
    const partitions = this.topics.get(topic);
    partitions?.delete(index);
    if (partitions?.size === 0) this.topics.delete(topic);
    partition.close();
    this.options.logs.delete(topic, index);
  }

  // --- requests ---------------------------------------------------------------------------------------------------

  /** Undefined when writing may go on at once; else resolves when a slow disk has caught up. */
  admit(bytes: number): Promise<void> | undefined {
    return this.options.disk.admit(bytes);
  }

  /**
   * Appends to partitions that this broker leads. With acks −1 the answer comes when everything is committed or the time is up,
   * else at once. Errors are per entry; nothing is thrown.
   */
  append(params: AppendParameters, entries: readonly AppendEntry[]): readonly AppendResult[] | Promise<readonly AppendResult[]> {
    const results = entries.map((entry) => this.appendOne(params, entry));
    let waiting: AppendResult[] | undefined;
    let keys: Partition[] | undefined;
    this.flushGrown();
    if (params.requiredAcks !== -1) return results;
    for (const result of results) {
      const { partition } = result;
      if (result.errorCode !== ErrorCode.NONE || partition === undefined) continue;
      if (partition.log.highWatermark >= result.nextOffset && partition.leaderEpoch === result.leaderEpoch) continue;
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
    const partition = topic === undefined ? undefined : this.partition(topic, entry.partition);
    try {
      if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_ID);
      if (partition === undefined) throw new KafkaError(missingPartitionError(this, topic, entry.partition));
      if (topicId !== undefined && topicId !== partition.topicId) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_ID);
      partition.requireLeader(-1);
      if (records === null || records.length === 0) throw new KafkaError(ErrorCode.INVALID_RECORD, 'A produce request without records.');
      const result = this.appendTo(partition, records, params);
      this.refusedSequences.appended(partition.name, records);
      return result;
    } catch (error) {
      const refusal = this.explained(error, `${topic ?? topicId ?? ''}-${entry.partition}`, records);
      if (!(refusal instanceof KafkaError)) {
        this.options.logger.error('an append failed', { topic, partition: entry.partition, error: String(error) });
      }
      return appendFailure(refusal, topic, partition);
    }
  }

  /** The refusal as the producer is to hear it. */
  private explained(error: unknown, partition: string, records: Buffer | null): unknown {
    if (!(error instanceof KafkaError)) return error;
    const code = this.refusedSequences.refused(partition, records, error.code);
    if (error.code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      // What came and what was due is all that helps to find out, later, which of the two sides was wrong.
      this.options.logger.info('a batch was refused', { partition, why: error.message, answered: errorName(code) });
    }
    return code === error.code ? error : new KafkaError(code, `A batch before this one was refused for that reason: ${error.message}.`);
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

  /** Reads; waits for `minBytes` at most `maxWaitMs`. Errors are per entry. Results stand in the order of entries. */
  fetch(params: FetchParameters, entries: readonly FetchEntry[]): FetchResult[] | Promise<FetchResult[]> {
    const first = readEntries(this, params, entries, true);
    if (params.maxWaitMs <= 0 || entries.length === 0 || first.urgent || first.bytes >= params.minBytes) {
      this.noteSent(params, first.results);
      return first.results;
    }
    return new Promise((resolve) => {
      const operation = new DelayedFetch(this, params, entries, first.bytes, (results) => {
        this.noteSent(params, results);
        resolve(results);
      });
      const purgatory = params.replicaId >= 0 ? this.replicaFetches : this.consumerFetches;
      purgatory.watch(operation, operation.partitions, params.maxWaitMs);
    });
  }

  private noteSent({ replicaId }: FetchParameters, results: readonly FetchResult[]): void {
    if (replicaId < 0) return;
    for (const { entry, response } of results) {
      const bytes = recordsLength(response);
      const partition = bytes === 0 || entry.topic === undefined ? undefined : this.partition(entry.topic, entry.partition);
      if (partition !== undefined) this.throttle.sent(partition, replicaId, bytes);
    }
  }

  private flushGrown(): void {
    if (this.grown.size === 0) return;
    for (const partition of this.grown) this.replicaFetches.wake(partition);
    this.grown.clear();
  }

  // --- from time to time ------------------------------------------------------------------------------------------

  private scheduleIsrCheck(): void {
    if (this.stopped) return;
    this.isrTimer = this.options.clock.setTimer(Math.max(1, this.options.settings.replicaLagTimeMaxMs / 2), () => {
      for (const partition of this.partitions()) partition.maybeShrink();
      this.scheduleIsrCheck();
    });
  }
}
