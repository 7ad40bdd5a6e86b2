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
    'What happens to old records: delete drops whole segments by age and size, compact keeps the last record of each key.',
    {
      check: listOf('compact', 'delete'),
      synonyms: ['log.cleanup.policy'],
    },
  ),
  define('compression.gzip.level', 'int', '-1', "Level of gzip where the broker compresses itself; -1 is the library's own.", {
    check: (value) => (value.trim() === '-1' ? null : between(1, 9)(value)),
    synonyms: ['compression.gzip.level'],
  }),
  define('compression.lz4.level', 'int', '9', 'Level of lz4 where the broker compresses itself.', {
    check: between(1, 17),
    synonyms: ['compression.lz4.level'],
  }),
  define('compression.type', 'string', 'producer', 'How batches are stored; producer keeps what each producer chose.', {
    check: oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    synonyms: ['compression.type'],
  }),
  define('compression.zstd.level', 'int', '3', 'Level of zstd where the broker compresses itself.', {
    check: between(-131_072, 22),
    synonyms: ['compression.zstd.level'],
  }),
  define(
    'delete.retention.ms',
    'long',
    '86400000',
    'How long a compacted topic keeps the marks that a key was deleted, so that slow readers see them.',
    {
      check: atLeast(0n),
      synonyms: ['log.cleaner.delete.retention.ms'],
    },
  ),
  define('file.delete.delay.ms', 'long', '60000', 'How long the files of a removed segment stay on disk.', {
    check: atLeast(0n),
    synonyms: ['log.segment.delete.delay.ms'],
  }),
  define(
    'flush.messages',
    'long',
    MAX_LONG,
    'After how many records the log is forced to disk; safety comes from replicas, so the default leaves it to the system.',
    {
      check: atLeast(1n),
      synonyms: ['log.flush.interval.messages'],
    },
  ),
  define('flush.ms', 'long', MAX_LONG, 'After how many milliseconds the log is forced to disk.', {
    check: atLeast(0n),
    synonyms: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  }),
  define(
    'follower.replication.throttled.replicas',
    'list',
    '',
    'Replicas whose fetching is throttled while they catch up: partition:broker pairs, or *.',
    {
      check: throttledReplicas,
    },
  ),
  define('index.interval.bytes', 'int', '4096', 'How many bytes of log stand between two entries of the offset index.', {
    check: atLeast(0n),
    synonyms: ['log.index.interval.bytes'],
  }),
  define(
    'leader.replication.throttled.replicas',
    'list',
    '',
    'Replicas whose leader throttles what it serves to them: partition:broker pairs, or *.',
    {
      check: throttledReplicas,
    },
  ),
  define('local.retention.bytes', 'long', '-2', 'With tiered storage, how many bytes stay on the broker; -2 follows retention.bytes.', {
    check: atLeast(-2n),
    synonyms: ['log.local.retention.bytes'],
  }),
  define('local.retention.ms', 'long', '-2', 'With tiered storage, how long records stay on the broker; -2 follows retention.ms.', {
    check: atLeast(-2n),
    synonyms: ['log.local.retention.ms'],
  }),
  define('max.compaction.lag.ms', 'long', MAX_LONG, 'The longest that a record of a compacted topic may wait for compaction.', {
    check: atLeast(1n),
    synonyms: ['log.cleaner.max.compaction.lag.ms'],
  }),
  define('max.message.bytes', 'int', '1048588', 'The largest batch that the topic accepts, as it stands on the wire.', {
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
    "Whose time a record carries: its producer's, or the broker's when it was appended.",
    {
      check: oneOf('CreateTime', 'LogAppendTime'),
      synonyms: ['log.message.timestamp.type'],
    },
  ),
  define('min.cleanable.dirty.ratio', 'double', '0.5', 'What share of a compacted log must be new before it is compacted again.', {
    check: between(0, 1),
    synonyms: ['log.cleaner.min.cleanable.ratio'],
  }),
  define('min.compaction.lag.ms', 'long', '0', 'How long a record stays as it was written before it may be compacted away.', {
    check: atLeast(0n),
    synonyms: ['log.cleaner.min.compaction.lag.ms'],
  }),
  define('min.insync.replicas', 'int', '1', 'How many replicas must be in sync for a write with acks=all to be accepted.', {
    check: atLeast(1n),
    synonyms: ['min.insync.replicas'],
  }),
  define('preallocate', 'boolean', 'false', 'Whether a new segment file gets its full size at once.', { synonyms: ['log.preallocate'] }),
  define('remote.log.copy.disable', 'boolean', 'false', 'With tiered storage, stops the copying of segments to it.'),
  define('remote.log.delete.on.disable', 'boolean', 'false', 'Whether what lies in tiered storage is deleted when it is turned off.'),
  define('remote.storage.enable', 'boolean', 'false', 'Whether closed segments go to tiered storage; this broker has none.', {
    check: (value) => (value.trim().toLowerCase() === 'true' ? 'cannot be true: this broker has no tiered storage' : null),
  }),
  define('retention.bytes', 'long', '-1', 'How large a partition may grow before its oldest segments go; -1 sets no limit.', {
    synonyms: ['log.retention.bytes'],
  }),
  define('retention.ms', 'long', '604800000', 'How long records are kept; -1 keeps them forever.', {
    check: atLeast(-1n),
    synonyms: ['log.retention.ms', { name: 'log.retention.minutes', scale: MINUTE }, { name: 'log.retention.hours', scale: HOUR }],
  }),
  define(
    'segment.bytes',
    'int',
    '1073741824',
    'Size at which a segment is closed and the next one begun; retention and compaction work on closed segments.',
    {
      check: atLeast(1_048_576n),
      synonyms: ['log.segment.bytes'],
    },
  ),
  define('segment.index.bytes', 'int', '10485760', 'The most that the index of a segment may take.', {
    check: atLeast(4n),
    synonyms: ['log.index.size.max.bytes'],
  }),
  define(
    'segment.jitter.ms',
    'long',
    '0',
    'At most how much earlier, by chance, a segment is closed, so that not all are closed at once.',
    {
      check: atLeast(0n),
      synonyms: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', scale: HOUR }],
    },
  ),
  define('segment.ms', 'long', '604800000', 'Age at which a segment is closed though it is not full.', {
    check: atLeast(1n),
    synonyms: ['log.roll.ms', { name: 'log.roll.hours', scale: HOUR }],
  }),
  define(
    'unclean.leader.election.enable',
    'boolean',
    'false',
    'Whether a replica out of sync may lead when no other is left: the topic comes back, acknowledged records may be lost.',
    {
      synonyms: ['unclean.leader.election.enable'],
    },
  ),
];
