/** The configuration of a node, in the types of its parts. */
import type { GroupSettings } from '../coordinator/group/settings.ts';
import { formatAddress } from '../lib/addresses.ts';
import type { NodeConfig } from '../lib/node-config.ts';
import type { CleanupPolicy, LogConfig } from '../log/log-config.ts';
import { DEFAULT_LOG_CONFIG } from '../log/log-config.ts';
import type { ConnectionLimit } from '../network/connection-limits.ts';
import { brokerValue, type BrokerSettings, type Properties, type TopicSettings } from '../quorum/config-definitions.ts';
import type { MetadataImage } from '../quorum/image.ts';

/** Names of the listeners. Clients and other brokers connect to the first, voters and brokers that look for the controller to the second. */
export const CLIENT_LISTENER = 'PLAINTEXT';
export const CONTROLLER_LISTENER = 'CONTROLLER';

/** How long a new member may stay in JoinGroup, in ms; fixed in Kafka too. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;
const MINUTE = 60_000;

/** The host that clients connect to. */
export function advertisedHost(config: NodeConfig): string {
  return config.advertisedHost ?? config.bindHost ?? config.host;
}

/** The properties of the node, with those that its configuration implies, so that DescribeConfigs returns the effective values. */
export function nodeProperties(config: NodeConfig): Properties {
  const replicationFactor = String(Math.min(3, config.voters.length));
  return {
    'node.id': String(config.nodeId),
    'broker.id': String(config.nodeId),
    'process.roles': 'broker,controller',
    listeners:
      `${CLIENT_LISTENER}://${formatAddress(config.bindHost ?? config.host, config.brokerPort)},` +
      `${CONTROLLER_LISTENER}://${formatAddress(config.host, config.controllerPort)}`,
    'advertised.listeners': `${CLIENT_LISTENER}://${formatAddress(advertisedHost(config), config.brokerPort)}`,
    'inter.broker.listener.name': CLIENT_LISTENER,
    'controller.listener.names': CONTROLLER_LISTENER,
    'controller.quorum.voters': config.voters.map(({ id, host, port }) => `${id}@${host}:${port}`).join(','),
    'log.dirs': config.dataDirectory,
    'default.replication.factor': replicationFactor,
    'offsets.topic.replication.factor': replicationFactor,
    ...config.properties,
    ...(config.rack === null ? {} : { 'broker.rack': config.rack }),
  };
}

/** 64-bit values as numbers: values beyond 2^53 mean "never". */
function unbounded(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
}

export function logConfig(topic: TopicSettings, broker: BrokerSettings): LogConfig {
  const cleanupPolicy = new Set<CleanupPolicy>();
  if (topic.compact) cleanupPolicy.add('compact');
  if (topic.delete) cleanupPolicy.add('delete');
  return {
    ...DEFAULT_LOG_CONFIG,
    segmentBytes: topic.segmentBytes,
    segmentMs: unbounded(topic.segmentMs),
    segmentJitterMs: unbounded(topic.segmentJitterMs),
    segmentIndexBytes: topic.segmentIndexBytes,
    retentionBytes: unbounded(topic.retentionBytes),
    retentionMs: unbounded(topic.retentionMs),
    maxMessageBytes: topic.maxMessageBytes,
    indexIntervalBytes: topic.indexIntervalBytes,
    cleanupPolicy,
    deleteRetentionMs: unbounded(topic.deleteRetentionMs),
    minCompactionLagMs: unbounded(topic.minCompactionLagMs),
    maxCompactionLagMs: unbounded(topic.maxCompactionLagMs),
    minCleanableDirtyRatio: topic.minCleanableDirtyRatio,
    messageTimestampType: topic.messageTimestampType,
    messageTimestampBeforeMaxMs: unbounded(topic.messageTimestampBeforeMaxMs),
    messageTimestampAfterMaxMs: unbounded(topic.messageTimestampAfterMaxMs),
    flushMessages: unbounded(topic.flushMessages),
    flushMs: unbounded(topic.flushMs),
    producerIdExpirationMs: broker.producerIdExpirationMs,
    compressionType: topic.compressionType === 'uncompressed' ? 'none' : topic.compressionType,
    compressionLevel: compressionLevel(topic),
  };
}

function compressionLevel(topic: TopicSettings): number | undefined {
  if (topic.compressionType === 'gzip') return topic.compressionGzipLevel;
  return topic.compressionType === 'zstd' ? topic.compressionZstdLevel : undefined;
}

/**
 * For logs that are opened before the configuration of their topics is known: nothing is deleted because of a default that the topic may
 * override.
 */
export function keepEverything(config: LogConfig): LogConfig {
  return { ...config, retentionBytes: -1, retentionMs: -1, cleanupPolicy: new Set<CleanupPolicy>(['delete']) };
}

export function groupSettings(brokerId: number, broker: BrokerSettings): GroupSettings {
  return {
    brokerId,
    initialRebalanceDelayMs: broker.groupInitialRebalanceDelayMs,
    minSessionTimeoutMs: broker.groupMinSessionTimeoutMs,
    maxSessionTimeoutMs: broker.groupMaxSessionTimeoutMs,
    maxSize: broker.groupMaxSize,
    offsetsRetentionMs: broker.offsetsRetentionMinutes * MINUTE,
    offsetsRetentionCheckIntervalMs: broker.offsetsRetentionCheckIntervalMs,
    offsetMetadataMaxBytes: broker.offsetMetadataMaxBytes,
    newMemberJoinTimeoutMs: NEW_MEMBER_JOIN_TIMEOUT_MS,
  };
}

/** The current limits. Read at every connection, so they are cached until the configuration changes. */
export function connectionLimitReader(config: NodeConfig, image: () => MetadataImage): () => ConnectionLimit {
  const properties = nodeProperties(config);
  let known: { configs: MetadataImage['configs']; limit: ConnectionLimit } | undefined;
  return () => {
    const current = image();
    if (known?.configs !== current.configs) {
      known = { configs: current.configs, limit: connectionLimit(current, properties, config.nodeId) };
    }
    return known.limit;
  };
}

function connectionLimit(image: MetadataImage, properties: Properties, brokerId: number): ConnectionLimit {
  const value = (name: string): string => brokerValue(image, properties, brokerId, name) ?? '';
  return {
    maxConnections: Number(value('max.connections')),
    maxPerIp: Number(value('max.connections.per.ip')),
    perIp: addressLimits(value('max.connections.per.ip.overrides')),
  };
}

/** Parses `address:number` pairs. Names other than localhost are not resolved, and limit nothing. */
function addressLimits(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const item of text.split(',').map((one) => one.trim())) {
    const colon = item.lastIndexOf(':');
    if (colon < 0) continue;
    const host = item.slice(0, colon).trim().toLowerCase();
    const limit = Number(item.slice(colon + 1));
    for (const address of host === 'localhost' ? ['127.0.0.1', '::1'] : [host]) limits.set(address, limit);
  }
  return limits;
}
