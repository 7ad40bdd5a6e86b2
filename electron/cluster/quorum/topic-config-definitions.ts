/** All settings of a topic, as of Apache Kafka 4.3. */
import { atLeast, between, define, listOf, oneOf, readList, type Check, type ConfigDefinition } from './config-definition.ts';

const MAX_LONG = '9223372036854775807';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** `*`, or `partition:broker` pairs. */
const throttledReplicas: Check = (value) =>
  value.trim() === '*' || readList(value).every((item) => /^\d+:\d+$/.test(item)) ? null : 'must be * or pairs such as 0:1,1:2';

export const topicConfigDefinitions: readonly ConfigDefinition[] = [
  define(
    'cleanup.policy',
    'list',
    'delete',
    'How old records are removed: delete drops whole segments by age and size, compact keeps the last record of each key.',
    {
      check: listOf('compact', 'delete'),
      synonyms: ['log.cleanup.policy'],
    },
  ),
  define('compression.gzip.level', 'int', '-1', 'Level of gzip when the broker compresses; -1 is the default of the library.', {
    check: (value) => (value.trim() === '-1' ? null : between(1, 9)(value)),
    synonyms: ['compression.gzip.level'],
  }),
  define('compression.lz4.level', 'int', '9', 'Level of lz4 when the broker compresses.', {
    check: between(1, 17),
    synonyms: ['compression.lz4.level'],
  }),
  define('compression.type', 'string', 'producer', 'How batches are stored; producer keeps the compression of each producer.', {
    check: oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    synonyms: ['compression.type'],
  }),
  define('compression.zstd.level', 'int', '3', 'Level of zstd when the broker compresses.', {
    check: between(-131_072, 22),
    synonyms: ['compression.zstd.level'],
  }),
  define('delete.retention.ms', 'long', '86400000', 'How long tombstones are kept on a compacted topic.', {
    check: atLeast(0n),
    synonyms: ['log.cleaner.delete.retention.ms'],
  }),
  define('file.delete.delay.ms', 'long', '60000', 'How long the files of a removed segment stay on disk.', {
    check: atLeast(0n),
    synonyms: ['log.segment.delete.delay.ms'],
  }),
  define(
    'flush.messages',
    'long',
    MAX_LONG,
    'Number of records after which the log is flushed; replication provides durability, so by default the operating system decides.',
    {
      check: atLeast(1n),
      synonyms: ['log.flush.interval.messages'],
    },
  ),
  define('flush.ms', 'long', MAX_LONG, 'Time in ms after which the log is flushed to disk.', {
    check: atLeast(0n),
    synonyms: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  }),
  define('follower.replication.throttled.replicas', 'list', '', 'Replicas throttled on the follower side: partition:broker pairs, or *.', {
    check: throttledReplicas,
  }),
  define('index.interval.bytes', 'int', '4096', 'Bytes of log between two entries of the offset index.', {
    check: atLeast(0n),
    synonyms: ['log.index.interval.bytes'],
  }),
  define('leader.replication.throttled.replicas', 'list', '', 'Replicas throttled on the leader side: partition:broker pairs, or *.', {
    check: throttledReplicas,
  }),
  define('local.retention.bytes', 'long', '-2', 'With tiered storage, how many bytes stay on the broker; -2 follows retention.bytes.', {
    check: atLeast(-2n),
    synonyms: ['log.local.retention.bytes'],
  }),
  define('local.retention.ms', 'long', '-2', 'With tiered storage, how long records stay on the broker; -2 follows retention.ms.', {
    check: atLeast(-2n),
    synonyms: ['log.local.retention.ms'],
  }),
  define('max.compaction.lag.ms', 'long', MAX_LONG, 'Maximum time that a record stays uncompacted on a compacted topic.', {
    check: atLeast(1n),
    synonyms: ['log.cleaner.max.compaction.lag.ms'],
  }),
  define('max.message.bytes', 'int', '1048588', 'Maximum size of a record batch, after compression.', {
    check: atLeast(0n),
    synonyms: ['message.max.bytes'],
  }),
  define('message.timestamp.after.max.ms', 'long', '3600000', "How far ahead of the broker's clock a record's timestamp may be.", {
    check: atLeast(0n),
    synonyms: ['log.message.timestamp.after.max.ms'],
  }),
  define('message.timestamp.before.max.ms', 'long', MAX_LONG, "How far behind the broker's clock a record's timestamp may be.", {
    check: atLeast(0n),
    synonyms: ['log.message.timestamp.before.max.ms'],
  }),
  define(
    'message.timestamp.type',
    'string',
    'CreateTime',
    'Timestamp of a record: CreateTime is set by the producer, LogAppendTime by the broker.',
    {
      check: oneOf('CreateTime', 'LogAppendTime'),
      synonyms: ['log.message.timestamp.type'],
    },
  ),
  define('min.cleanable.dirty.ratio', 'double', '0.5', 'Minimum ratio of uncompacted to total log before compaction runs.', {
    check: between(0, 1),
    synonyms: ['log.cleaner.min.cleanable.ratio'],
  }),
  define('min.compaction.lag.ms', 'long', '0', 'Minimum time that a record stays uncompacted.', {
    check: atLeast(0n),
    synonyms: ['log.cleaner.min.compaction.lag.ms'],
  }),
  define('min.insync.replicas', 'int', '1', 'Minimum number of in-sync replicas for a write with acks=all.', {
    check: atLeast(1n),
    synonyms: ['min.insync.replicas'],
  }),
  define('preallocate', 'boolean', 'false', 'Whether a new segment file gets its full size at once.', { synonyms: ['log.preallocate'] }),
  define('remote.log.copy.disable', 'boolean', 'false', 'With tiered storage, stops the copying of segments to it.'),
  define('remote.log.delete.on.disable', 'boolean', 'false', 'Whether data in tiered storage is deleted when tiered storage is disabled.'),
  define('remote.storage.enable', 'boolean', 'false', 'Whether rolled segments are copied to tiered storage; this broker has none.', {
    check: (value) => (value.trim().toLowerCase() === 'true' ? 'cannot be true: this broker has no tiered storage' : null),
  }),
  define('retention.bytes', 'long', '-1', 'Maximum size of a partition before its oldest segments are deleted; -1: no limit.', {
    synonyms: ['log.retention.bytes'],
  }),
  define('retention.ms', 'long', '604800000', 'Time that records are kept; -1: no limit.', {
    check: atLeast(-1n),
    synonyms: ['log.retention.ms', { name: 'log.retention.minutes', scale: MINUTE }, { name: 'log.retention.hours', scale: HOUR }],
  }),
  define('segment.bytes', 'int', '1073741824', 'Size at which a segment is rolled; retention and compaction work on rolled segments.', {
    check: atLeast(1_048_576n),
    synonyms: ['log.segment.bytes'],
  }),
  define('segment.index.bytes', 'int', '10485760', 'Maximum size of the index of a segment.', {
    check: atLeast(4n),
    synonyms: ['log.index.size.max.bytes'],
  }),
  define(
    'segment.jitter.ms',
    'long',
    '0',
    'Maximum random jitter subtracted from segment.ms, so that segments are not all rolled at once.',
    {
      check: atLeast(0n),
      synonyms: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', scale: HOUR }],
    },
  ),
  define('segment.ms', 'long', '604800000', 'Age at which a segment is rolled even if it is not full.', {
    check: atLeast(1n),
    synonyms: ['log.roll.ms', { name: 'log.roll.hours', scale: HOUR }],
  }),
  define(
    'unclean.leader.election.enable',
    'boolean',
    'false',
    'Whether a replica outside the ISR may become leader as a last resort: acknowledged records may be lost.',
    {
      synonyms: ['unclean.leader.election.enable'],
    },
  ),
];
