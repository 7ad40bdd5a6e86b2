/**
 * The broker half of a node: logs, replicas, group coordinator, handlers, and the broker's lifecycle. It owns no socket: requests come in
 * through `dispatch`, other brokers and the controller are reached through the given functions.
 *
 * More than 400 lines: half of it makes the parts and connects them, in the order in which they need each other. In several files that order,
 * and the callbacks that run before all parts exist, could no longer be read in one place.
 */
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import type { GroupCoordinatorStatus } from '../coordinator/group/status.ts';
import { createDispatch } from '../dispatch/api-registry.ts';
import type { Dispatch } from '../dispatch/request.ts';
import { localAddressOf } from '../lib/addresses.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Address } from '../lib/network.ts';
import type { NodeConfig } from '../lib/node-config.ts';
import type { Random } from '../lib/random.ts';
import { LogManager } from '../log/log-manager.ts';
import { allocateProducerIds } from '../protocol/apis/allocate-producer-ids.ts';
import { alterPartition } from '../protocol/apis/alter-partition.ts';
import { heartbeat } from '../protocol/apis/heartbeat.ts';
import type { KafkaError } from '../protocol/kafka-error.ts';
import { randomUuid } from '../protocol/uuid.ts';
import { replicationRates, topicSettings, type BrokerSettings, type TopicSettings } from '../quorum/config-definitions.ts';
import { diffImages } from '../quorum/image-diff.ts';
import { EMPTY_IMAGE, type BrokerListener, type ImageChange, type MetadataImage } from '../quorum/image.ts';
import { ALLOW_ALL, type Authorizer } from '../security/authorizer.ts';
import { brokerApis } from './api-registry.ts';
import { AutoTopics } from './auto-topics.ts';
import { BrokerLifecycle, type LifecycleState } from './broker-lifecycle.ts';
import { RACK_AWARE_SELECTOR } from './closest-replica.ts';
import type { BrokerContext, ControllerChannel, QuorumInfo } from './context.ts';
import { createCoordinatorStorage } from './coordinator-storage.ts';
import { Coordinators } from './coordinators.ts';
import { CorruptionReports } from './corruption-reports.ts';
import { guardGroups } from './guarded-groups.ts';
import { FetchSessionCache } from './fetch-session.ts';
import { SUPPORTED_FEATURES } from './features.ts';
import { CONSUMER_OFFSETS, type Coordinator, type CoordinatorEnvironment, type InternalTopic } from './internal-topics.ts';
import { ProducerIds } from './producer-ids.ts';
import type { Peer } from './replica-fetcher.ts';
import { MetadataConfirmation } from './metadata-confirmation.ts';
import { ReplicaManager } from './replica-manager.ts';
import { RunProof } from './run-proof.ts';
import { SegmentRepairs } from './segment-repairs.ts';
import { StallGuard } from './stall-guard.ts';
import { advertisedHost, CLIENT_LISTENER, keepEverything, logConfig, nodeProperties } from './settings.ts';

/** The interface of this node's voter (`quorum/`) that the broker needs. */
export interface MetadataSource extends QuorumInfo {
  /** The newest metadata that is committed and applied here. */
  image(): MetadataImage;
  /** Calls back after every change, in order, when `image()` already returns `change.after`. Returns a function that unsubscribes. */
  onImage(listener: (change: ImageChange) => void): () => void;
}

export interface BrokerOptions {
  readonly config: NodeConfig;
  /** Of `config`. */
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly quorum: MetadataSource;
  readonly controller: ControllerChannel;
  /** Of the requests at the client listener; `ALLOW_ALL` if absent. */
  readonly authorizer?: Authorizer;
  /** See `LogManagerOptions`. */
  readonly syncedAtClose?: number | undefined;
  /** See `LogManagerOptions.maxOpenFiles`. */
  readonly maxOpenFiles?: number | undefined;
  /** A new connection to another broker for a replica fetcher; it connects when first used. */
  connectReplica(address: Address): Peer;
  onState?(state: LifecycleState): void;
  /** The disk has failed, and the broker has handed over its leaderships as far as possible; it does nothing any more. */
  onFailure?(error: unknown): void;
}

export interface BrokerStatus {
  readonly state: LifecycleState;
  /** −1 before the first registration. */
  readonly brokerEpoch: bigint;
  readonly partitions: { readonly led: number; readonly followed: number; readonly unopened: number };
  readonly waiting: { readonly produces: number; readonly fetches: number; readonly replicaFetches: number };
  readonly groups: GroupCoordinatorStatus;
  /** Why the data directory takes no writes; null while its disk works. */
  readonly storageError: string | null;
}

/** Extra time for a response of the controller, in ms: an election may be running. */
const CONTROLLER_TIMEOUT_MS = 10_000;
/** How long a broker without a disk waits for other brokers to take over, in ms. */
const HAND_OVER_MS = 5_000;
/** Timeout for a part of a segment from another replica, in ms. */
const REPAIR_TIMEOUT_MS = 10_000;
/** An ISR change without a response is proposed again, with the state of that time, after so many ms; acknowledgements wait for it. */
const ALTER_PARTITION_TIMEOUT_MS = 2_000;

export class Broker {
  readonly settings: BrokerSettings;
  /** Answers one request of the client listener. */
  readonly dispatch: Dispatch;
  readonly lifecycle: BrokerLifecycle;
  private readonly options: BrokerOptions;
  private readonly logs: LogManager;
  private readonly corruption: CorruptionReports;
  private readonly replicas: ReplicaManager;
  private readonly repairs: SegmentRepairs;
  private readonly stalls: StallGuard;
  private readonly groups: GroupCoordinator;
  private readonly coordinators: Coordinators;
  private readonly autoTopics: AutoTopics;
  private readonly run: RunProof;
  /** Topics whose logs were opened before their configuration was known. */
  private readonly unsettled = new Set<string>();
  private unsubscribe: (() => void) | null = null;
  private strays = true;
  private started = false;
  /** The replicas follow the image. */
  private following = false;
  private stopped = false;

  /** Opens the logs, which takes long after an unclean stop. Throws KAFKA_STORAGE_ERROR where the directory cannot be used, INVALID_CONFIG. */
  constructor(options: BrokerOptions) {
    const logger = options.logger.child({ part: 'broker' });
    this.options = { ...options, logger };
    const { config, settings, clock, disk, random, events, quorum, controller } = options;
    const { nodeId, dataDirectory } = config;
    const properties = nodeProperties(config);
    this.settings = settings;

    const ofTopic = (topic: string): TopicSettings => topicSettings(quorum.image(), topic, properties, nodeId);
    this.run = new RunProof(disk, dataDirectory, logger);
    const openedAt = clock.monotonic();
    this.corruption = new CorruptionReports({ brokerId: nodeId, clock, events, image: () => quorum.image() });
    this.repairs = new SegmentRepairs({
      brokerId: nodeId,
      clock,
      disk,
      logger: logger.child({ part: 'repairs' }),
      events,
      timeoutMs: REPAIR_TIMEOUT_MS,
      image: () => quorum.image(),
      partition: (topic, index) => this.replicas.partition(topic, index),
      connect: (broker) => this.connect(broker),
      repaired: (topic, partition) => this.logs.repaired(topic, partition),
    });
    this.logs = this.run.open(() =>
      LogManager.open({
        disk,
        directory: dataDirectory,
        clock,
        logger: logger.child({ part: 'log' }),
        random,
        configFor: (topic) => {
          const config = logConfig(ofTopic(topic), settings);
          return quorum.image().topics.has(topic) ? config : keepEverything(config);
        },
        retentionIntervalMs: settings.logRetentionCheckIntervalMs,
        cleaner: settings.logCleanerEnable && { backoffMs: settings.logCleanerBackoffMs, maxKeyBytes: settings.logCleanerDedupeBufferSize },
        checkpointIntervalMs: settings.replicaHighWatermarkCheckpointIntervalMs,
        onCorruption: (topic, partition, corruption) => {
          this.corruption.report(topic, partition, corruption);
          if (corruption.foundBy === 'open' || corruption.foundBy === 'read') this.repairs.add(topic, partition);
        },
        syncedAtClose: options.syncedAtClose,
        maxOpenFiles: options.maxOpenFiles,
        storageFailed: (error) => this.onStorageFailed(error),
      }),
    );
    for (const { topic } of this.logs.logs()) this.unsettled.add(topic);
    this.reportRecovery(clock.monotonic() - openedAt);

    this.replicas = new ReplicaManager({
      brokerId: nodeId,
      logs: this.logs,
      logDirectory: dataDirectory,
      disk,
      clock,
      logger: logger.child({ part: 'replicas' }),
      events,
      settings,
      image: () => quorum.image(),
      minInsyncReplicas: (topic) => ofTopic(topic).minInsyncReplicas,
      replicationRates: () => replicationRates(quorum.image(), properties, nodeId),
      throttledReplicas: (topic) => {
        const { leaderReplicationThrottledReplicas: leader, followerReplicationThrottledReplicas: follower } = ofTopic(topic);
        return { leader, follower };
      },
      selectsClosest: settings.replicaSelectorClass === RACK_AWARE_SELECTOR,
      mayRepair: (partition) => this.repairs.mayRepair(partition),
      mayBeReplaced: () => this.mayBeReplaced(),
      alterPartition: (request) =>
        controller.send(alterPartition, alterPartition.maxVersion, request, { timeoutMs: ALTER_PARTITION_TIMEOUT_MS }),
      connect: (broker) => this.connect(broker),
    });
    const coordinatorEnvironment: CoordinatorEnvironment = {
      nodeId,
      clock,
      random,
      logger,
      events,
      settings,
      image: () => quorum.image(),
      requestsHeld: () => this.stalls.hold !== undefined,
    };
    const coordinatorOf = <C extends Coordinator>(internal: InternalTopic<C>): C => {
      const { name: topic } = internal;
      const commitTimeoutMs = internal.commitTimeoutMs(settings);
      const storage = createCoordinatorStorage({ replicas: this.replicas, clock, topic, commitTimeoutMs });
      return internal.createCoordinator(coordinatorEnvironment, storage);
    };
    this.groups = coordinatorOf(CONSUMER_OFFSETS);
    this.coordinators = new Coordinators(nodeId, new Map([[CONSUMER_OFFSETS.name, this.groups]]));
    const confirmation = new MetadataConfirmation({
      controller,
      timeoutMs: settings.brokerSessionHalfMs,
      image: () => quorum.image(),
    });
    this.stalls = new StallGuard({
      clock,
      logger,
      boundMs: settings.brokerSessionHalfMs,
      capMs: settings.brokerSessionTimeoutMs,
      confirm: () => confirmation.confirm(),
    });
    this.autoTopics = new AutoTopics({ controller, settings, nodes: config.voters.length, clock, logger, image: () => quorum.image() });
    this.lifecycle = new BrokerLifecycle({
      nodeId,
      clusterId: config.clusterId,
      incarnationId: randomUuid(random),
      previousBrokerEpoch: this.run.previousEpoch,
      listeners: [listenerOf(config)],
      rack: config.rack,
      directoryIds: [],
      features: SUPPORTED_FEATURES.map(({ name, minVersion, maxVersion }) => ({
        name,
        minSupportedVersion: minVersion,
        maxSupportedVersion: maxVersion,
      })),
      settings,
      controller,
      clock,
      random,
      logger: logger.child({ part: 'lifecycle' }),
      image: () => quorum.image(),
      ready: () => this.following,
      onState: (state) => this.onState(state),
    });

    const context: BrokerContext = {
      nodeId,
      clusterId: config.clusterId,
      settings,
      properties,
      clock,
      random,
      logger: logger.child({ part: 'requests' }),
      events,
      image: () => quorum.image(),
      replicas: this.replicas,
      fetchSessions: new FetchSessionCache({ clock, random, maxSessions: settings.maxIncrementalFetchSessionCacheSlots }),
      producerIds: new ProducerIds({
        brokerId: nodeId,
        brokerEpoch: () => this.lifecycle.brokerEpoch,
        send: (request) =>
          controller.send(allocateProducerIds, allocateProducerIds.maxVersion, request, { timeoutMs: CONTROLLER_TIMEOUT_MS }),
      }),
      groups: guardGroups(this.groups, () => this.mayBeReplaced()),
      controller,
      quorum,
      autoTopics: this.autoTopics,
      advertised: brokerApis.advertised,
      authorizer: options.authorizer ?? ALLOW_ALL,
    };
    const dispatch = createDispatch(brokerApis, context);
    this.dispatch = (incoming) => {
      const { hold } = this.stalls;
      // The sessions of members expire while requests are held, and `guardGroups` already covers the final refusals of a heartbeat.
      return hold === undefined || incoming.header.apiKey === heartbeat.key ? dispatch(incoming) : hold.then(() => dispatch(incoming));
    };
  }

  /** Registers, and applies the metadata from then on. */
  start(): void {
    if (this.started || this.stopped) return;
    this.started = true;
    this.unsubscribe = this.options.quorum.onImage((change) => this.onImage(change));
    this.replicas.start();
    this.lifecycle.start();
    this.stalls.start();
    if (this.logs.storageError !== undefined) this.handOver(this.logs.storageError);
  }

  /** Whether the controller may have elected other leaders for this broker's partitions: after a stall, or without a heartbeat for a session. */
  private mayBeReplaced(): boolean {
    const { lastHeartbeatAt } = this.lifecycle;
    const silentMs = lastHeartbeatAt === undefined ? 0 : this.options.clock.monotonic() - lastHeartbeatAt;
    return this.stalls.isUnsure || silentMs > this.settings.brokerSessionTimeoutMs;
  }

  /** Hands over the leaderships of this broker. False when that took longer than `timeoutMs`, or there was no controller. */
  controlledShutdown(timeoutMs: number): Promise<boolean> {
    if (!this.settings.controlledShutdownEnable) return Promise.resolve(false);
    return this.lifecycle.controlledShutdown(timeoutMs);
  }

  /** Stops all requests, answers all that wait, closes the logs. Everything acknowledged is on disk when it returns. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    // A run without a registration has written nothing: the epoch of the previous run is still valid.
    const brokerEpoch = this.lifecycle.brokerEpoch >= 0n ? this.lifecycle.brokerEpoch : this.run.previousEpoch;
    this.lifecycle.stop();
    this.unsubscribe?.();
    this.coordinators.close();
    this.repairs.stop();
    this.stalls.stop();
    this.replicas.stop();
    this.run.close(brokerEpoch);
  }

  status(): BrokerStatus {
    let led = 0;
    let followed = 0;
    for (const partition of this.replicas.partitions()) {
      if (partition.role === 'leader') led++;
      else if (partition.role === 'follower') followed++;
    }
    return {
      state: this.lifecycle.state,
      brokerEpoch: this.lifecycle.brokerEpoch,
      partitions: { led, followed, unopened: this.logs.failures.size },
      waiting: this.replicas.waiting,
      groups: this.groups.status(),
      storageError: this.logs.storageError?.message ?? null,
    };
  }

  /** A part that fails at a change must not block the other parts, or the quorum. */
  private onImage(change: ImageChange): void {
    if (this.stopped) return;
    if (this.following) this.follow(change);
    else this.beginServing();
    this.guarded('topics', () => this.autoTopics.onImage());
    this.guarded('lifecycle', () => this.lifecycle.onImage());
  }

  /**
   * Applies the image once it holds the registration of this run. An older image describes the previous run: it may name this broker as the
   * leader of records that the crash took from its disk, and followers that fetched from such a leader would drop acknowledged records.
   */
  private beginServing(): void {
    const { quorum, config } = this.options;
    const image = quorum.image();
    if (this.following || this.stopped || image.brokers.get(config.nodeId)?.epoch !== this.lifecycle.brokerEpoch) return;
    this.following = true;
    // As if everything had changed: nothing of the image was applied before.
    this.follow(diffImages(EMPTY_IMAGE, image));
    this.corruption.startReporting();
    this.repairs.start();
  }

  private follow(change: ImageChange): void {
    this.guarded('logs', () => this.settleConfigs());
    this.guarded('replicas', () => this.replicas.applyChange(change));
    this.guarded('coordinators', () => this.coordinators.onImage(change));
  }

  /** Applies the configuration of topics, once it is known, to logs that were opened with `keepEverything`, which deletes no record. */
  private settleConfigs(): void {
    if (this.unsettled.size === 0) return;
    const { topics } = this.options.quorum.image();
    for (const topic of this.unsettled) {
      if (!topics.has(topic)) continue;
      this.unsettled.delete(topic);
      this.logs.updateConfig(topic);
    }
  }

  private guarded(part: string, apply: () => void): void {
    try {
      apply();
    } catch (error) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.options.logger.error('metadata change was not applied', { part, stack });
    }
  }

  private onState(state: LifecycleState): void {
    if (state === 'catchingUp') {
      this.guarded('run', () => this.run.begin(this.lifecycle.brokerEpoch));
      // The image may hold the registration before its response has arrived.
      this.beginServing();
    }
    if (state === 'running' && this.strays) {
      // The image now holds all metadata from before the registration, so a log of no assigned replica is stray.
      this.strays = false;
      this.guarded('strays', () => this.replicas.deleteStrays());
    }
    this.options.onState?.(state);
  }

  /**
   * With its only disk failed a broker cannot work, and ends, as Apache Kafka's does. Before that it hands over its leaderships, which needs no
   * disk, so that clients need not wait for the end of its session; it follows no more, and answers KAFKA_STORAGE_ERROR for what it still leads.
   */
  private onStorageFailed(error: KafkaError): void {
    const { events, logger, clock, config } = this.options;
    logger.error('data directory failed', { directory: config.dataDirectory, error });
    events({ type: 'node/logDirectoryFailed', at: clock.now(), broker: config.nodeId, reason: error.message });
    // After a failed sync not even the page cache can be trusted.
    this.guarded('run', () => this.run.invalidate());
    // It may fail while the constructor still opens the logs; `start` checks that.
    if (this.started) this.handOver(error);
  }

  private handOver(error: KafkaError): void {
    if (this.stopped) return;
    this.replicas.stopFollowing();
    void this.lifecycle.controlledShutdown(HAND_OVER_MS).then(() => {
      // A broker that is already stopping continues with that.
      if (this.stopped || this.lifecycle.isLeaving) return;
      this.lifecycle.stop();
      this.options.onFailure?.(error);
    });
  }

  private reportRecovery(tookMs: number): void {
    const { events, clock, config } = this.options;
    if (this.logs.openedClean) return;
    let logs = 0;
    for (const one of this.logs.logs()) if (one.log.logEndOffset > 0n) logs++;
    if (logs === 0) return;
    const reason = 'the last stop was unclean, so the ends of all logs were checked';
    events({ type: 'node/logRecovered', at: clock.now(), broker: config.nodeId, reason, details: { logs, tookMs } });
  }

  private connect(broker: number): Peer | undefined {
    const address = this.addressOf(broker);
    return address && this.options.connectReplica(address);
  }

  /** The newest known address of another broker's client listener. */
  private addressOf(broker: number): Address | undefined {
    const listener = this.options.quorum
      .image()
      .brokers.get(broker)
      ?.listeners.find(({ name }) => name === CLIENT_LISTENER);
    if (listener === undefined) return undefined;
    const { bindHost } = this.options.config;
    // The advertised host may be reachable only from other machines; the brokers share this one.
    return { host: bindHost === undefined ? listener.host : localAddressOf(bindHost), port: listener.port };
  }
}

function listenerOf(config: NodeConfig): BrokerListener {
  return { name: CLIENT_LISTENER, host: advertisedHost(config), port: config.brokerPort, securityProtocol: 0 };
}
