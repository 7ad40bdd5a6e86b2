/**
 * All replicas of this broker: holds them, and applies the metadata image, which determines leaders and followers. Requests go to its parts,
 * each of which owns the requests of its kind that wait: `appends`, `fetches` and `deletions`. A partition decides its own high watermark and
 * ISR proposals, and its log does the input and output.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Disk, DiskVolume } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import { setRunningTimer } from '../lib/running-time.ts';
import { parsePartitionDirectory } from '../log/partition-directory.ts';
import type { Log } from '../log/log.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { configKey, TOPIC_RESOURCE, type ImageChange, type MetadataImage, type PartitionImage } from '../quorum/image.ts';
import { IsrManager, type IsrManagerOptions } from './isr-manager.ts';
import type { PartitionLookup } from './partition-reads.ts';
import { Partition, type PartitionEnvironment, type PartitionListener } from './partition.ts';
import { RecordDeletions } from './record-deletions.ts';
import { ReplicaAppends } from './replica-appends.ts';
import { ReplicaFetcherManager } from './replica-fetcher-manager.ts';
import type { Peer, ReplicaFetcherSettings } from './replica-fetcher.ts';
import { ReplicaFetches } from './replica-fetches.ts';
import { ReplicationThrottle, type ThrottledReplicas } from './replication-throttle.ts';

export interface ReplicaManagerSettings extends ReplicaFetcherSettings {
  readonly replicaLagTimeMaxMs: number;
}

/** The logs: the part of `LogManager` that this needs, which also writes their checkpoints. */
export interface PartitionLogs {
  /** The partition's log, created if absent. Throws KAFKA_STORAGE_ERROR, or INCONSISTENT_TOPIC_ID when it belongs to another topic of that name. */
  create(topic: string, partition: number, topicId: string): Log;
  /** Renames the directory of a log that could not be opened. */
  setAside?(topic: string, partition: number): void;
  /** Why a log could not be opened, by the name of its directory. */
  readonly failures?: ReadonlyMap<string, Error>;
  /** Removes the log, if it exists, and its files. */
  delete(topic: string, partition: number): void;
  logs(): Iterable<{ topic: string; partition: number; log: Log }>;
  /** Reloads the configuration of a topic and applies it to its logs. */
  updateConfig(topic: string): void;
  /** Why the directory takes no writes; undefined while its disk works. */
  readonly storageError?: KafkaError | undefined;
}

export interface ReplicaManagerOptions {
  brokerId: number;
  logs: PartitionLogs;
  /** The directory of the logs, as DescribeLogDirs returns it. */
  logDirectory: string;
  disk: Pick<Disk, 'admit' | 'volume'>;
  clock: Clock;
  logger: Logger;
  events: EventSink;
  settings: ReplicaManagerSettings;
  /** The newest metadata that this node has applied. */
  image(): MetadataImage;
  /** min.insync.replicas of a topic by `image()`. */
  minInsyncReplicas(topic: string): number;
  /** The rate limits of replicas that catch up; see `ReplicationThrottle`. */
  replicationRates(): { leader: number; follower: number };
  throttledReplicas(topic: string): ThrottledReplicas;
  /** `replica.selector.class` is the rack-aware one. */
  selectsClosest: boolean;
  /** See `PartitionLookup.mayBeReplaced`. */
  mayBeReplaced?(): boolean;
  /** See `PartitionLookup.mayRepair`. */
  mayRepair?(partition: Partition): boolean;
  /** Sends AlterPartition to the active controller. */
  alterPartition: IsrManagerOptions['send'];
  /** A new connection to another broker; undefined while the image has no address of it. */
  connect(broker: number): Peer | undefined;
  /** Maximum number of waiting requests, of either kind. */
  maxWaitingRequests?: number;
}

export class ReplicaManager implements PartitionLookup {
  private readonly options: ReplicaManagerOptions;
  private readonly topics = new Map<string, Map<number, Partition>>();
  /** Partitions of this broker whose log could not be opened. */
  private readonly offline = new Map<string, Set<number>>();
  private readonly minInsyncReplicas = new Map<string, number>();
  private readonly env: PartitionEnvironment;
  private readonly isr: IsrManager;
  private readonly fetchers: ReplicaFetcherManager;
  readonly throttle: ReplicationThrottle;
  /** Appends of clients and coordinators. */
  readonly appends: ReplicaAppends;
  /** Fetches of consumers and of other brokers. */
  readonly fetches: ReplicaFetches;
  /** DeleteRecords requests. */
  readonly deletions: RecordDeletions;
  private isrTimer: Timer | undefined;
  private stopped = false;

  constructor(options: ReplicaManagerOptions) {
    this.options = options;
    const { clock, logger, brokerId } = options;
    const waiting = { clock, maxOperations: options.maxWaitingRequests ?? 10_000 };
    this.fetches = new ReplicaFetches({ lookup: this, ...waiting });
    this.appends = new ReplicaAppends({ lookup: this, fetches: this.fetches, logger, ...waiting });
    this.deletions = new RecordDeletions(this, waiting);
    const brokerEpoch = (): bigint => options.image().brokers.get(brokerId)?.epoch ?? -1n;
    this.isr = new IsrManager({ brokerId, brokerEpoch, send: options.alterPartition, clock, logger });
    this.env = {
      brokerId,
      clock,
      logger,
      events: options.events,
      isr: this.isr,
      listener: this.listener(),
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

  /** Starts the periodic ISR checks. */
  start(): void {
    this.scheduleIsrCheck();
  }

  /** Stops fetching: the disk has failed. */
  stopFollowing(): void {
    this.fetchers.close();
  }

  /** Answers all waiting requests, stops to follow. Logs stay open: they belong to the log manager. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.isrTimer?.cancel();
    this.fetchers.close();
    this.isr.close();
    for (const partition of this.partitions()) partition.close();
    this.appends.close();
    this.fetches.close();
    this.deletions.close();
  }

  /** Wakes the requests that wait for a partition. */
  private listener(): PartitionListener {
    const { appends, fetches, deletions } = this;
    return {
      appended: (partition) => fetches.onAppended(partition),
      committed: (partition) => {
        appends.onCommitted(partition);
        fetches.onCommitted(partition);
      },
      followerStarted: (partition) => deletions.wake(partition),
      stateChanged: (partition) => {
        appends.onStateChanged(partition);
        fetches.onStateChanged(partition);
        deletions.wake(partition);
      },
    };
  }

  // --- lookup -----------------------------------------------------------------------------------------------------

  /** The directory that holds the logs. */
  get logDirectory(): string {
    return this.options.logDirectory;
  }
  mayBeReplaced(): boolean {
    return this.options.mayBeReplaced?.() ?? false;
  }
  mayRepair(partition: Partition): boolean {
    return this.options.mayRepair?.(partition) ?? false;
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
  /** Number of waiting requests, for status and tests. */
  get waiting(): { produces: number; fetches: number; replicaFetches: number } {
    return { produces: this.appends.waiting, ...this.fetches.waiting };
  }

  private minInsyncReplicasOf(topic: string): number {
    let known = this.minInsyncReplicas.get(topic);
    if (known === undefined) this.minInsyncReplicas.set(topic, (known = this.options.minInsyncReplicas(topic)));
    return known;
  }

  // --- metadata ---------------------------------------------------------------------------------------------------

  /** Applies the newest image to the replicas. `options.image()` already returns `change.after`. */
  applyChange(change: ImageChange): void {
    if (this.stopped) return;
    this.applyConfigs(change);
    this.fetchers.change(() => {
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
    });
  }

  /**
   * Deletes stray logs, of replicas that the image does not assign to this broker: their topic was deleted, or their replica moved, while it
   * was down. Stray logs that could not be opened are renamed. To be called once, when the image has caught up with the quorum after a start.
   */
  deleteStrays(): void {
    const { brokerId, logs, logger } = this.options;
    const image = this.options.image();
    for (const { topic, partition, log } of [...logs.logs()]) {
      // A log without an id was made by a broker that stopped before it could write one; it holds nothing.
      const state = log.topicId === undefined ? undefined : image.topicsById.get(log.topicId)?.partitions[partition];
      if (state?.replicas.includes(brokerId) === true) continue;
      logger.info('deleting stray log', { topic, partition });
      logs.delete(topic, partition);
    }
    for (const key of [...(logs.failures?.keys() ?? [])]) {
      const unopened = parsePartitionDirectory(key);
      if (unopened === undefined) continue;
      const { topic, partition } = unopened;
      if (image.topics.get(topic)?.partitions[partition]?.replicas.includes(brokerId) === true) continue;
      this.releaseUnopened(topic, partition);
    }
  }

  private applyConfigs(change: ImageChange): void {
    if (change.configs.length === 0) return;
    // A broker-wide default may apply to any topic.
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
    // Requests that wait for the high watermark may be complete now.
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
      // The other partitions continue: one failed directory must not stop the broker.
      logger.error('replica cannot be opened', { topic: state.topic, partition: state.partition, error: String(error) });
      let offline = this.offline.get(state.topic);
      if (offline === undefined) this.offline.set(state.topic, (offline = new Set()));
      offline.add(state.partition);
      return;
    }
    const followedBefore = partition.role === 'follower' ? partition.leaderEpoch : undefined;
    const ledBefore = partition.role === 'leader' ? new Set(partition.replicas) : undefined;
    partition.apply(state);
    if (partition.role === 'leader') {
      const added = state.replicas.filter((id) => id !== brokerId && ledBefore?.has(id) !== true);
      this.fetches.followersAdded(partition, added);
    }
    if (partition.role !== 'follower') this.fetchers.unfollow(partition);
    else if (followedBefore !== partition.leaderEpoch) this.fetchers.follow(partition);
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

  private openLog({ topic, partition, topicId, leader, replicas }: PartitionImage): Log {
    const { logs, logger, brokerId } = this.options;
    try {
      return logs.create(topic, partition, topicId);
    } catch (error) {
      if (!(error instanceof KafkaError) || error.code !== ErrorCode.INCONSISTENT_TOPIC_ID) {
        // Another replica leads, so it holds the committed records, and sends them again.
        const elsewhere = replicas.length > 1 && leader >= 0 && leader !== brokerId;
        if (!elsewhere || logs.storageError !== undefined || logs.setAside === undefined) throw error;
        logs.setAside(topic, partition);
        return logs.create(topic, partition, topicId);
      }
      // The topic was deleted and re-created while this broker was down; the metadata log decides.
      logger.info('deleting the log of an earlier topic of that name', { topic, partition });
      logs.delete(topic, partition);
      return logs.create(topic, partition, topicId);
    }
  }

  /** Stops the replica, if there is one of that very topic, and deletes its log. */
  private drop(topic: string, topicId: string, index: number): void {
    const partition = this.partition(topic, index);
    if (partition === undefined) {
      this.releaseUnopened(topic, index);
      return;
    }
    if (partition.topicId !== topicId) return;
    this.fetchers.unfollow(partition);
    const partitions = this.topics.get(topic);
    partitions?.delete(index);
    if (partitions?.size === 0) this.topics.delete(topic);
    partition.close();
    this.options.logs.delete(topic, index);
  }

  /**
   * Renames the directory of a log that could not be opened, so that a later partition of that name does not use it. It is kept, not deleted:
   * its topic id may be what could not be read.
   */
  private releaseUnopened(topic: string, index: number): void {
    const { logs, logger } = this.options;
    this.offline.get(topic)?.delete(index);
    if (logs.storageError !== undefined) return;
    try {
      logs.setAside?.(topic, index);
    } catch (error) {
      // The other partitions of the change must still be applied.
      logger.error('directory of a log that cannot be opened was not renamed', { topic, partition: index, error: String(error) });
    }
  }

  // --- disk -----------------------------------------------------------------------------------------------------

  /** Undefined when a write may proceed at once; else resolves when a slow disk has caught up. */
  admit(bytes: number): Promise<void> | undefined {
    return this.options.disk.admit(bytes);
  }

  /** The volume of the log directory; undefined where its size is not known. */
  volume(): DiskVolume | undefined {
    return this.options.disk.volume?.(this.options.logDirectory);
  }

  // --- from time to time ------------------------------------------------------------------------------------------

  private scheduleIsrCheck(): void {
    if (this.stopped) return;
    this.isrTimer = setRunningTimer(this.options.clock, Math.max(1, this.options.settings.replicaLagTimeMaxMs / 2), () => {
      for (const partition of this.partitions()) partition.maybeShrink();
      this.scheduleIsrCheck();
    });
  }
}
