import type { CompressionName } from '../protocol/compression.ts';

/** Configuration of one log, typed, with Kafka's names in camelCase. The broker resolves overrides and defaults. */
export interface LogConfig {
  /** segment.bytes: a segment that would grow beyond it is rolled first. */
  segmentBytes: number;
  /** segment.ms: a segment is rolled when its first record is this old, even if it is not full. */
  segmentMs: number;
  /** segment.jitter.ms: maximum random jitter subtracted from segment.ms, so that segments that began together are not all rolled together. */
  segmentJitterMs: number;
  /** segment.index.bytes: a segment whose index has grown to this is rolled. */
  segmentIndexBytes: number;
  /** retention.bytes: −1 for no limit. */
  retentionBytes: number;
  /** retention.ms: −1 for no limit. */
  retentionMs: number;
  /** max.message.bytes: the largest batch, its header included. */
  maxMessageBytes: number;
  /** index.interval.bytes: at most one index entry for so many bytes of log. */
  indexIntervalBytes: number;
  /** cleanup.policy. */
  cleanupPolicy: ReadonlySet<CleanupPolicy>;
  /** delete.retention.ms: how long compaction keeps a tombstone, and the marker of a transaction whose records are gone. */
  deleteRetentionMs: number;
  /** min.compaction.lag.ms: how old a record must be before it is compacted away. */
  minCompactionLagMs: number;
  /** max.compaction.lag.ms: how old a record may become without having been looked at by compaction. */
  maxCompactionLagMs: number;
  /** min.cleanable.dirty.ratio: what share of the bytes must be new before compaction begins. */
  minCleanableDirtyRatio: number;
  /** message.timestamp.type. */
  messageTimestampType: 'CreateTime' | 'LogAppendTime';
  /** message.timestamp.before.max.ms: how far behind the broker's clock a record may be. */
  messageTimestampBeforeMaxMs: number;
  /** message.timestamp.after.max.ms: how far ahead of it. */
  messageTimestampAfterMaxMs: number;
  /** flush.messages: sync the log after so many records; Infinity leaves it to the operating system. */
  flushMessages: number;
  /** flush.ms: sync the log when its oldest unflushed record is this old. */
  flushMs: number;
  /** producer.id.expiration.ms: how long the sequence of an inactive producer is kept. */
  producerIdExpirationMs: number;
  /** compression.type: the codec in which a client's batches are stored. */
  compressionType: CompressionName | 'producer';
  /** compression.gzip.level, compression.zstd.level: of that codec; undefined where it has none. */
  compressionLevel: number | undefined;
  /** Bound on what one compressed batch may unfold to where the log must look into it. */
  maxDecompressedBytes: number;
}

export type CleanupPolicy = 'delete' | 'compact';

/** Apache Kafka's defaults. */
export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1024 ** 3,
  segmentMs: 7 * 86_400_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 ** 2,
  retentionBytes: -1,
  retentionMs: 7 * 86_400_000,
  maxMessageBytes: 1024 ** 2 + 12,
  indexIntervalBytes: 4096,
  cleanupPolicy: new Set<CleanupPolicy>(['delete']),
  deleteRetentionMs: 86_400_000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Infinity,
  minCleanableDirtyRatio: 0.5,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Infinity,
  messageTimestampAfterMaxMs: 3_600_000,
  flushMessages: Infinity,
  flushMs: Infinity,
  producerIdExpirationMs: 86_400_000,
  compressionType: 'producer',
  compressionLevel: undefined,
  maxDecompressedBytes: 128 * 1024 ** 2,
};
