/**
 * All settings, and typed views of them. Values are looked up in the order of Apache Kafka: the topic's override, this broker's dynamic
 * value, the cluster-wide dynamic value, `properties` of the node, the default; at each broker level by every synonym.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { brokerConfigDefinitions } from './broker-config-definitions.ts';
import { dynamicDefect } from './inert-config-definitions.ts';
import { readBoolean, readList, readLong, type ConfigDefinition } from './config-definition.ts';
import { BROKER_RESOURCE, configKey, TOPIC_RESOURCE, type MetadataImage } from './image.ts';
import { topicConfigDefinitions } from './topic-config-definitions.ts';

export { brokerConfigDefinitions, topicConfigDefinitions };
export type { ConfigDefinition, ConfigSynonym, ConfigType } from './config-definition.ts';

export type Properties = Readonly<Record<string, string>>;

export const topicConfigByName: ReadonlyMap<string, ConfigDefinition> = new Map(topicConfigDefinitions.map((one) => [one.name, one]));
export const brokerConfigByName: ReadonlyMap<string, ConfigDefinition> = new Map(brokerConfigDefinitions.map((one) => [one.name, one]));

/** Source of a value; the numbers are those of DescribeConfigs. */
export const ConfigSource = {
  UNKNOWN: 0,
  DYNAMIC_TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  DYNAMIC_BROKER_LOGGER: 6,
} as const;
export type ConfigSource = (typeof ConfigSource)[keyof typeof ConfigSource];

/** One source at which a setting has a value. */
export interface ConfigValue {
  /** The name at that source: the setting's own or a synonym. */
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
}

/** Null when a topic may have this value for this setting, else a sentence for the user. */
export function checkTopicConfig(name: string, value: string): string | null {
  return check(topicConfigByName, 'topic', name, value);
}

/**
 * The same for a dynamic setting of that broker; an empty name: of all brokers. An unknown name is stored, as in Kafka: plug-ins may have
 * settings of their own.
 */
export function checkBrokerConfig(name: string, value: string, broker: string): string | null {
  const definition = brokerConfigByName.get(name);
  const problem = definition === undefined ? null : check(brokerConfigByName, 'broker', name, value);
  if (problem !== null) return problem;
  if (definition?.readOnly === true) return `${name} cannot be changed while the broker runs.`;
  return dynamicDefect(name, value, broker);
}

function check(known: ReadonlyMap<string, ConfigDefinition>, kind: string, name: string, value: string): string | null {
  const definition = known.get(name);
  if (definition === undefined) return `There is no ${kind} setting named ${name}.`;
  const problem = definition.validate(value);
  return problem === null ? null : `${name} ${problem}.`;
}

/** All sources of a topic setting, the effective one first; the last is the default. */
export function topicConfigValues(
  image: MetadataImage,
  topic: string | null,
  definition: ConfigDefinition,
  properties: Properties,
  brokerId?: number,
): ConfigValue[] {
  const found: ConfigValue[] = [];
  const override = topic === null ? undefined : image.configs.get(configKey(TOPIC_RESOURCE, topic))?.get(definition.name);
  if (override !== undefined) found.push({ name: definition.name, value: override, source: ConfigSource.DYNAMIC_TOPIC });
  for (const synonym of definition.synonyms) {
    const broker = brokerConfigByName.get(synonym.name);
    if (broker !== undefined) for (const one of setBrokerValues(image, broker, properties, brokerId)) found.push(one);
  }
  const weakest = definition.synonyms.at(-1)?.name ?? definition.name;
  // In the units of the synonym.
  const value = brokerConfigByName.get(weakest)?.default ?? definition.default;
  found.push({ name: weakest, value, source: ConfigSource.DEFAULT });
  return definition.synonyms.length > 1 ? found.toSorted((a, b) => a.source - b.source) : found;
}

/** All sources of a broker setting, the effective one first. */
export function brokerConfigValues(
  image: MetadataImage,
  definition: ConfigDefinition,
  properties: Properties,
  brokerId?: number,
): ConfigValue[] {
  const found = setBrokerValues(image, definition, properties, brokerId);
  found.push({ name: definition.name, value: definition.default, source: ConfigSource.DEFAULT });
  return found;
}

function setBrokerValues(image: MetadataImage, { name }: ConfigDefinition, properties: Properties, brokerId?: number): ConfigValue[] {
  const found: ConfigValue[] = [];
  const own = brokerId === undefined ? undefined : image.configs.get(configKey(BROKER_RESOURCE, String(brokerId)))?.get(name);
  if (own !== undefined) found.push({ name, value: own, source: ConfigSource.DYNAMIC_BROKER });
  const all = image.configs.get(configKey(BROKER_RESOURCE, ''))?.get(name);
  if (all !== undefined) found.push({ name, value: all, source: ConfigSource.DYNAMIC_DEFAULT_BROKER });
  const fixed = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (fixed !== undefined) found.push({ name, value: fixed, source: ConfigSource.STATIC_BROKER });
  return found;
}

/**
 * Converts a synonym's value to the unit of the topic setting: 168 of log.retention.hours is 604800000 of retention.ms. A negative value
 * means "no limit" in every unit.
 */
export function scaledValue(definition: ConfigDefinition, found: ConfigValue): string | null {
  const scale = definition.synonyms.find((synonym) => synonym.name === found.name)?.scale ?? 1;
  if (scale === 1 || found.value === null) return found.value;
  const number = readLong(found.value);
  return number < 0n ? found.value : String(number * BigInt(scale));
}

/** Parsed settings of a topic. 64-bit ones are bigint. */
export interface TopicSettings {
  readonly compact: boolean;
  readonly delete: boolean;
  readonly compressionType: 'uncompressed' | 'zstd' | 'lz4' | 'snappy' | 'gzip' | 'producer';
  readonly compressionGzipLevel: number;
  readonly compressionLz4Level: number;
  readonly compressionZstdLevel: number;
  readonly deleteRetentionMs: bigint;
  readonly fileDeleteDelayMs: bigint;
  readonly flushMessages: bigint;
  readonly flushMs: bigint;
  readonly followerReplicationThrottledReplicas: readonly string[];
  readonly leaderReplicationThrottledReplicas: readonly string[];
  readonly indexIntervalBytes: number;
  readonly maxCompactionLagMs: bigint;
  readonly minCompactionLagMs: bigint;
  readonly minCleanableDirtyRatio: number;
  readonly maxMessageBytes: number;
  readonly messageTimestampAfterMaxMs: bigint;
  readonly messageTimestampBeforeMaxMs: bigint;
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime';
  readonly minInsyncReplicas: number;
  readonly preallocate: boolean;
  /** −1n: no limit. */
  readonly retentionBytes: bigint;
  /** −1n: no limit. */
  readonly retentionMs: bigint;
  readonly segmentBytes: number;
  readonly segmentIndexBytes: number;
  readonly segmentJitterMs: bigint;
  readonly segmentMs: bigint;
  readonly uncleanLeaderElectionEnable: boolean;
}

/**
 * The settings of a topic, which need not exist. `brokerId` adds that broker's dynamic values. A stored value that fails its check, as one
 * of an older version may, is skipped for the next source.
 */
export function topicSettings(image: MetadataImage, topic: string, brokerProperties: Properties, brokerId?: number): TopicSettings {
  const { configs } = image;
  if (configs.has(configKey(TOPIC_RESOURCE, topic))) return readTopicSettings(image, topic, brokerProperties, brokerId);
  // Thousands of topics have no settings of their own and share one result. Every change of a setting replaces the map.
  let known = defaultSettings.get(configs);
  if (known === undefined) defaultSettings.set(configs, (known = []));
  let found = known.find((one) => one.properties === brokerProperties && one.brokerId === brokerId);
  if (found === undefined) {
    found = { properties: brokerProperties, brokerId, settings: readTopicSettings(image, topic, brokerProperties, brokerId) };
    known.push(found);
  }
  return found.settings;
}

interface DefaultSettings {
  readonly properties: Properties;
  readonly brokerId: number | undefined;
  readonly settings: TopicSettings;
}

const defaultSettings = new WeakMap<MetadataImage['configs'], DefaultSettings[]>();

function readTopicSettings(image: MetadataImage, topic: string, brokerProperties: Properties, brokerId?: number): TopicSettings {
  const text = (name: string): string => {
    const definition = definitionOf(topicConfigByName, name);
    for (const found of topicConfigValues(image, topic, definition, brokerProperties, brokerId)) {
      const value = scaledValue(definition, found);
      if (value !== null && definition.validate(value) === null) return value;
    }
    return definition.default ?? '';
  };
  const number = (name: string): number => Number(text(name));
  const long = (name: string): bigint => readLong(text(name));
  const policy = readList(text('cleanup.policy'));
  return {
    compact: policy.includes('compact'),
    delete: policy.includes('delete'),
    compressionType: text('compression.type') as TopicSettings['compressionType'],
    compressionGzipLevel: number('compression.gzip.level'),
    compressionLz4Level: number('compression.lz4.level'),
    compressionZstdLevel: number('compression.zstd.level'),
    deleteRetentionMs: long('delete.retention.ms'),
    fileDeleteDelayMs: long('file.delete.delay.ms'),
    flushMessages: long('flush.messages'),
    flushMs: long('flush.ms'),
    followerReplicationThrottledReplicas: readList(text('follower.replication.throttled.replicas')),
    leaderReplicationThrottledReplicas: readList(text('leader.replication.throttled.replicas')),
    indexIntervalBytes: number('index.interval.bytes'),
    maxCompactionLagMs: long('max.compaction.lag.ms'),
    minCompactionLagMs: long('min.compaction.lag.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    maxMessageBytes: number('max.message.bytes'),
    messageTimestampAfterMaxMs: long('message.timestamp.after.max.ms'),
    messageTimestampBeforeMaxMs: long('message.timestamp.before.max.ms'),
    messageTimestampType: text('message.timestamp.type') as TopicSettings['messageTimestampType'],
    minInsyncReplicas: number('min.insync.replicas'),
    preallocate: readBoolean(text('preallocate')),
    retentionBytes: long('retention.bytes'),
    retentionMs: long('retention.ms'),
    segmentBytes: number('segment.bytes'),
    segmentIndexBytes: number('segment.index.bytes'),
    segmentJitterMs: long('segment.jitter.ms'),
    segmentMs: long('segment.ms'),
    uncleanLeaderElectionEnable: readBoolean(text('unclean.leader.election.enable')),
  };
}

/** Settings that a broker starts with. Times are capped at 2^53 − 1 ms. */
export interface BrokerSettings {
  readonly brokerSessionTimeoutMs: number;
  /** What a broker waits for one response, or may stall, without a doubt about its session: half of the session timeout, at least 1 ms. */
  readonly brokerSessionHalfMs: number;
  readonly brokerHeartbeatIntervalMs: number;
  readonly initialBrokerRegistrationTimeoutMs: number;
  readonly controlledShutdownEnable: boolean;
  readonly autoLeaderRebalanceEnable: boolean;
  readonly leaderImbalanceCheckIntervalMs: number;
  readonly controllerQuorumElectionTimeoutMs: number;
  readonly controllerQuorumFetchTimeoutMs: number;
  readonly controllerQuorumElectionBackoffMaxMs: number;
  readonly controllerQuorumRequestTimeoutMs: number;
  readonly metadataLogMaxRecordBytesBetweenSnapshots: number;
  /** 0: only the logged bytes trigger a snapshot. */
  readonly metadataLogMaxSnapshotIntervalMs: number;
  readonly autoCreateTopicsEnable: boolean;
  readonly deleteTopicEnable: boolean;
  readonly numPartitions: number;
  readonly defaultReplicationFactor: number;
  readonly minInsyncReplicas: number;
  readonly uncleanLeaderElectionEnable: boolean;
  readonly messageMaxBytes: number;
  readonly replicaLagTimeMaxMs: number;
  readonly replicaFetchWaitMaxMs: number;
  readonly replicaFetchMinBytes: number;
  readonly replicaFetchMaxBytes: number;
  readonly replicaFetchResponseMaxBytes: number;
  readonly replicaFetchBackoffMs: number;
  readonly replicaSocketTimeoutMs: number;
  readonly replicaHighWatermarkCheckpointIntervalMs: number;
  readonly replicaSelectorClass: string | null;
  readonly logCleanerEnable: boolean;
  readonly logCleanerBackoffMs: number;
  readonly logCleanerDedupeBufferSize: number;
  readonly logRetentionCheckIntervalMs: number;
  readonly logFlushOffsetCheckpointIntervalMs: number;
  readonly logFlushStartOffsetCheckpointIntervalMs: number;
  readonly logInitialTaskDelayMs: number;
  readonly producerIdExpirationMs: number;
  readonly producerIdExpirationCheckIntervalMs: number;
  readonly transactionMaxTimeoutMs: number;
  readonly groupInitialRebalanceDelayMs: number;
  readonly groupMinSessionTimeoutMs: number;
  readonly groupMaxSessionTimeoutMs: number;
  readonly groupMaxSize: number;
  readonly offsetsTopicNumPartitions: number;
  readonly offsetsTopicReplicationFactor: number;
  readonly offsetsTopicSegmentBytes: number;
  readonly offsetsRetentionMinutes: number;
  readonly offsetsRetentionCheckIntervalMs: number;
  readonly offsetsCommitTimeoutMs: number;
  readonly offsetMetadataMaxBytes: number;
  readonly socketRequestMaxBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly connectionsMaxIdleMs: number;
  readonly requestTimeoutMs: number;
  readonly fetchMaxBytes: number;
  readonly maxIncrementalFetchSessionCacheSlots: number;
  readonly maxRequestPartitionSizeLimit: number;
}

/**
 * Reads `properties` (the content of a `server.properties`). `nodes`: number of nodes of the cluster; replication factors that are not set
 * are 3, or `nodes` where that is lower. Throws INVALID_CONFIG for an unknown name or an invalid value.
 */
export function brokerSettings(properties: Properties, nodes = 3): BrokerSettings {
  for (const [name, value] of Object.entries(properties)) {
    const problem = check(brokerConfigByName, 'broker', name, value);
    if (problem !== null) throw new KafkaError(ErrorCode.INVALID_CONFIG, problem);
  }
  const given = (name: string): string | undefined => (Object.hasOwn(properties, name) ? properties[name] : undefined);
  const text = (name: string): string | null => given(name) ?? definitionOf(brokerConfigByName, name).default;
  const number = (name: string): number => Math.min(Number(text(name)), Number.MAX_SAFE_INTEGER);
  const boolean = (name: string): boolean => readBoolean(text(name) ?? 'false');
  const replicationFactor = (name: string): number => (given(name) === undefined ? Math.min(3, nodes) : number(name));
  const brokerSessionTimeoutMs = number('broker.session.timeout.ms');
  return {
    brokerSessionTimeoutMs,
    brokerSessionHalfMs: Math.max(1, Math.floor(brokerSessionTimeoutMs / 2)),
    brokerHeartbeatIntervalMs: number('broker.heartbeat.interval.ms'),
    initialBrokerRegistrationTimeoutMs: number('initial.broker.registration.timeout.ms'),
    controlledShutdownEnable: boolean('controlled.shutdown.enable'),
    autoLeaderRebalanceEnable: boolean('auto.leader.rebalance.enable'),
    leaderImbalanceCheckIntervalMs: number('leader.imbalance.check.interval.seconds') * 1000,
    controllerQuorumElectionTimeoutMs: number('controller.quorum.election.timeout.ms'),
    controllerQuorumFetchTimeoutMs: number('controller.quorum.fetch.timeout.ms'),
    controllerQuorumElectionBackoffMaxMs: number('controller.quorum.election.backoff.max.ms'),
    controllerQuorumRequestTimeoutMs: number('controller.quorum.request.timeout.ms'),
    metadataLogMaxRecordBytesBetweenSnapshots: number('metadata.log.max.record.bytes.between.snapshots'),
    metadataLogMaxSnapshotIntervalMs: number('metadata.log.max.snapshot.interval.ms'),
    autoCreateTopicsEnable: boolean('auto.create.topics.enable'),
    deleteTopicEnable: boolean('delete.topic.enable'),
    numPartitions: number('num.partitions'),
    defaultReplicationFactor: replicationFactor('default.replication.factor'),
    minInsyncReplicas: number('min.insync.replicas'),
    uncleanLeaderElectionEnable: boolean('unclean.leader.election.enable'),
    messageMaxBytes: number('message.max.bytes'),
    replicaLagTimeMaxMs: number('replica.lag.time.max.ms'),
    replicaFetchWaitMaxMs: number('replica.fetch.wait.max.ms'),
    replicaFetchMinBytes: number('replica.fetch.min.bytes'),
    replicaFetchMaxBytes: number('replica.fetch.max.bytes'),
    replicaFetchResponseMaxBytes: number('replica.fetch.response.max.bytes'),
    replicaFetchBackoffMs: number('replica.fetch.backoff.ms'),
    replicaSocketTimeoutMs: number('replica.socket.timeout.ms'),
    replicaHighWatermarkCheckpointIntervalMs: number('replica.high.watermark.checkpoint.interval.ms'),
    replicaSelectorClass: text('replica.selector.class'),
    logCleanerEnable: boolean('log.cleaner.enable'),
    logCleanerBackoffMs: number('log.cleaner.backoff.ms'),
    logCleanerDedupeBufferSize: number('log.cleaner.dedupe.buffer.size'),
    logRetentionCheckIntervalMs: number('log.retention.check.interval.ms'),
    logFlushOffsetCheckpointIntervalMs: number('log.flush.offset.checkpoint.interval.ms'),
    logFlushStartOffsetCheckpointIntervalMs: number('log.flush.start.offset.checkpoint.interval.ms'),
    logInitialTaskDelayMs: number('log.initial.task.delay.ms'),
    producerIdExpirationMs: number('producer.id.expiration.ms'),
    producerIdExpirationCheckIntervalMs: number('producer.id.expiration.check.interval.ms'),
    transactionMaxTimeoutMs: number('transaction.max.timeout.ms'),
    groupInitialRebalanceDelayMs: number('group.initial.rebalance.delay.ms'),
    groupMinSessionTimeoutMs: number('group.min.session.timeout.ms'),
    groupMaxSessionTimeoutMs: number('group.max.session.timeout.ms'),
    groupMaxSize: number('group.max.size'),
    offsetsTopicNumPartitions: number('offsets.topic.num.partitions'),
    offsetsTopicReplicationFactor: replicationFactor('offsets.topic.replication.factor'),
    offsetsTopicSegmentBytes: number('offsets.topic.segment.bytes'),
    offsetsRetentionMinutes: number('offsets.retention.minutes'),
    offsetsRetentionCheckIntervalMs: number('offsets.retention.check.interval.ms'),
    offsetsCommitTimeoutMs: number('offsets.commit.timeout.ms'),
    offsetMetadataMaxBytes: number('offset.metadata.max.bytes'),
    socketRequestMaxBytes: number('socket.request.max.bytes'),
    maxConnections: number('max.connections'),
    maxConnectionsPerIp: number('max.connections.per.ip'),
    connectionsMaxIdleMs: number('connections.max.idle.ms'),
    requestTimeoutMs: number('request.timeout.ms'),
    fetchMaxBytes: number('fetch.max.bytes'),
    maxIncrementalFetchSessionCacheSlots: number('max.incremental.fetch.session.cache.slots'),
    maxRequestPartitionSizeLimit: number('max.request.partition.size.limit'),
  };
}

/** Current value of a broker setting. A stored value that fails its check is skipped for the next source. */
export function brokerValue(image: MetadataImage, properties: Properties, brokerId: number, name: string): string | null {
  const definition = definitionOf(brokerConfigByName, name);
  const found = brokerConfigValues(image, definition, properties, brokerId).find(
    ({ value }) => value !== null && definition.validate(value) === null,
  );
  return found?.value ?? definition.default;
}

/** Bytes a second of throttled replication (KIP-73), by the current settings; Infinity where none is set. */
export function replicationRates(image: MetadataImage, properties: Properties, brokerId: number): { leader: number; follower: number } {
  const rate = (name: string): number => {
    const bytes = Number(brokerValue(image, properties, brokerId, name));
    return bytes > Number.MAX_SAFE_INTEGER ? Infinity : bytes;
  };
  return { leader: rate('leader.replication.throttled.rate'), follower: rate('follower.replication.throttled.rate') };
}

function definitionOf(known: ReadonlyMap<string, ConfigDefinition>, name: string): ConfigDefinition {
  const definition = known.get(name);
  if (definition === undefined) throw new Error(`no definition of ${name}`);
  return definition;
}
