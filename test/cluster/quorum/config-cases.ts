/** Changes of settings, valid and unusual, that both Apache Kafka and the embedded cluster check. */
export interface ConfigCase {
  readonly api: 'incremental' | 'replace' | 'create';
  /** 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
  readonly type: number;
  readonly resource: string;
  readonly name: string;
  readonly value: string | null;
  /** Of IncrementalAlterConfigs: 0 set, 1 delete, 2 append, 3 subtract. */
  readonly operation: number;
}

/** A topic that both clusters have. */
export const CASES_TOPIC = 'settings';

/** A logger that both brokers have. */
export const CASES_LOGGER = 'org.apache.kafka.server.logger.LoggingController';

const TOPIC_VALUES: Readonly<Record<string, readonly (string | null)[]>> = {
  'retention.ms': ['-1', '-2', '0', '1', '9223372036854775807', '9223372036854775808', 'x', '', ' 1', '1.5', null],
  'retention.bytes': ['-1', '-2', 'x'],
  'segment.ms': ['0', '1', '-1'],
  'segment.bytes': ['13', '14', '1048575', '1048576', '2147483648'],
  'segment.index.bytes': ['3', '4', '0'],
  'segment.jitter.ms': ['-1', '0'],
  'cleanup.policy': ['compact', 'delete', 'delete,compact', 'compact,compact', '', 'remove', 'Compact'],
  'compression.type': ['gzip', 'snappy', 'lz4', 'zstd', 'producer', 'uncompressed', 'none', 'GZIP', '', null],
  'compression.gzip.level': ['1', '9', '-1', '0', '10'],
  'compression.lz4.level': ['1', '17', '0', '18'],
  'compression.zstd.level': ['22', '23', '-131072', '-131073'],
  'min.insync.replicas': ['1', '0', '-1', '9', 'x'],
  'max.message.bytes': ['0', '-1', '2147483647', '2147483648'],
  'min.cleanable.dirty.ratio': ['0', '1', '1.1', '-0.1', 'x'],
  'unclean.leader.election.enable': ['true', 'false', 'TRUE', 'yes', ''],
  preallocate: ['true', '1'],
  'message.timestamp.type': ['CreateTime', 'LogAppendTime', 'createtime', ''],
  'message.timestamp.before.max.ms': ['0', '-1'],
  'message.timestamp.after.max.ms': ['0', '-1'],
  'min.compaction.lag.ms': ['0', '-1'],
  'max.compaction.lag.ms': ['1', '0'],
  'delete.retention.ms': ['0', '-1'],
  'file.delete.delay.ms': ['0', '-1'],
  'flush.ms': ['0', '-1'],
  'flush.messages': ['1', '0'],
  'index.interval.bytes': ['0', '-1'],
  'leader.replication.throttled.replicas': ['*', '', '0:1', '0:1,1:2', 'x', '0', ':', '0:1:2', 'none'],
  'follower.replication.throttled.replicas': ['*', '0:1', 'x'],
  'foo.bar': ['x', '', null],
  '': ['x'],
  'Retention.ms': ['1'],
};

const BROKER_VALUES: Readonly<Record<string, readonly (string | null)[]>> = {
  'foo.bar': ['x', '', null],
  'sasl.kerberos.min.time.before.relogin': ['1', 'x'],
  'num.io.threads': ['8', '16', '17', '100', '4', '3', '0', '-1', 'x'],
  'num.network.threads': ['3', '6', '7', '100', '0'],
  'num.replica.fetchers': ['1', '2', '3', '0'],
  'num.recovery.threads.per.data.dir': ['1', '2', '4', '5', '0'],
  'background.threads': ['10', '20', '21', '5', '4', '0'],
  'log.cleaner.threads': ['1', '2', '3', '0'],
  'log.cleaner.dedupe.buffer.size': ['134217728', 'x'],
  'log.retention.ms': ['-1', '0', '1', 'x', null],
  'log.retention.hours': ['1'],
  'log.retention.bytes': ['-1', 'x'],
  'log.segment.bytes': ['1048576', '13', 'x'],
  'log.cleanup.policy': ['compact', 'x', ''],
  'message.max.bytes': ['1', '-1', 'x'],
  'min.insync.replicas': ['1', '0', 'x'],
  'unclean.leader.election.enable': ['true', 'x'],
  'compression.type': ['gzip', 'x'],
  'max.connections': ['0', '-1', 'x'],
  'max.connections.per.ip': ['0', '10'],
  'max.connections.per.ip.overrides': [
    ...['127.0.0.1:5', 'x', '127.0.0.1:x', '', '127.0.0.1:5,::1:7', '[::1]:7', ' 127.0.0.1:5 , localhost:6', '127.0.0.1:0', '127.0.0.1:-1'],
    ...['127.0.0.1:2147483648', '127.0.0.1:', ':5', '127.0.0.1:5,', 'none.invalid:5', '127.0.0.1:+5', '127.0.0.1: 5'],
  ],
  'max.connection.creation.rate': ['1', '0'],
  'follower.replication.throttled.rate': ['1', '0', '-1'],
  'leader.replication.throttled.rate': ['1', '0', 'x'],
  'broker.id': ['1', 'x'],
  'node.id': ['9'],
  'process.roles': ['broker'],
  'log.dirs': ['/x'],
  'auto.create.topics.enable': ['false', 'x'],
  'num.partitions': ['3', 'x'],
  'default.replication.factor': ['1'],
  'controller.quorum.voters': ['1@x:1'],
  'broker.rack': ['a'],
  'offsets.topic.num.partitions': ['5'],
  'group.max.session.timeout.ms': ['1'],
  'request.timeout.ms': ['1'],
  'metric.reporters': ['', 'x'],
  'ssl.keystore.location': ['/x'],
  'listener.name.plaintext.ssl.keystore.location': ['/nothing'],
  'producer.id.expiration.ms': ['1', '0'],
  'transaction.partition.verification.enable': ['true', 'x'],
  'log.message.timestamp.type': ['LogAppendTime', 'x'],
  'log.flush.interval.ms': ['1', 'x'],
  'log.index.size.max.bytes': ['4', '3'],
  'log.preallocate': ['true', 'x'],
};

const SHAPES: readonly ConfigCase[] = [
  ...['a/b', 'none', '', '..', 'x'.repeat(250)].map((resource): ConfigCase => one('incremental', 2, resource, 'retention.ms', '1')),
  ...['a/b', 'none', ''].map((resource): ConfigCase => one('replace', 2, resource, 'retention.ms', '1')),
  ...['99', 'x', '-1', '01'].map((resource): ConfigCase => one('incremental', 4, resource, 'log.retention.ms', '1')),
  ...['99', 'x'].map((resource): ConfigCase => one('replace', 4, resource, 'log.retention.ms', '1')),
  one('incremental', 8, '1', 'root', 'DEBUG'),
  one('incremental', 8, '1', 'root', 'LOUD'),
  one('incremental', 8, '1', 'kafka.none', 'DEBUG'),
  one('incremental', 8, '99', 'root', 'DEBUG'),
  one('incremental', 8, 'x', 'root', 'DEBUG'),
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'OFF', 'ALL', 'debug', ' DEBUG', '', null].map((level): ConfigCase =>
    one('incremental', 8, '1', CASES_LOGGER, level),
  ),
  ...['', '01', ' 1', '1.0'].map((resource): ConfigCase => one('incremental', 8, resource, 'root', 'INFO')),
  ...[1, 2, 3, 4].map((operation): ConfigCase => ({ ...one('incremental', 8, '1', CASES_LOGGER, 'INFO'), operation })),
  ...['root', 'ROOT', 'kafka.none', CASES_LOGGER].map((name): ConfigCase => ({ ...one('incremental', 8, '1', name, null), operation: 1 })),
  one('replace', 8, '1', 'root', 'INFO'),
  one('incremental', 0, 'x', 'a', 'b'),
  one('incremental', 1, 'x', 'a', 'b'),
  one('incremental', 64, 'x', 'a', 'b'),
  ...[1, 2, 3, 4, -1].map((operation): ConfigCase => ({ ...one('incremental', 2, CASES_TOPIC, 'cleanup.policy', 'compact'), operation })),
  ...[1, 2, 3].map((operation): ConfigCase => ({ ...one('incremental', 2, CASES_TOPIC, 'retention.ms', '1'), operation })),
  ...[1, 2, 3].map((operation): ConfigCase => ({ ...one('incremental', 2, CASES_TOPIC, 'foo.bar', '1'), operation })),
  ...[1, 2, 3].map((operation): ConfigCase => ({ ...one('incremental', 4, '1', 'foo.bar', '1'), operation })),
  ...[2, 3].map((operation): ConfigCase => ({ ...one('incremental', 2, CASES_TOPIC, 'cleanup.policy', null), operation })),
  { ...one('incremental', 2, CASES_TOPIC, 'cleanup.policy', 'remove'), operation: 2 },
];

function one(api: ConfigCase['api'], type: number, resource: string, name: string, value: string | null): ConfigCase {
  return { api, type, resource, name, value, operation: 0 };
}

function table(
  values: Readonly<Record<string, readonly (string | null)[]>>,
  of: (name: string, value: string | null) => ConfigCase[],
): ConfigCase[] {
  return Object.entries(values).flatMap(([name, list]) => list.flatMap((value) => of(name, value)));
}

export const CONFIG_CASES: readonly ConfigCase[] = [
  ...SHAPES,
  ...table(TOPIC_VALUES, (name, value) => [one('incremental', 2, CASES_TOPIC, name, value), one('create', 2, 'fresh', name, value)]),
  ...table(BROKER_VALUES, (name, value) => [one('incremental', 4, '1', name, value), one('incremental', 4, '', name, value)]),
  ...['retention.ms', 'cleanup.policy', 'foo.bar'].map((name) => one('replace', 2, CASES_TOPIC, name, 'x')),
  ...['log.retention.ms', 'foo.bar', 'num.io.threads'].map((name) => one('replace', 4, '1', name, '100')),
];

export function describeCase({ api, type, resource, name, value, operation }: ConfigCase): string {
  const kind = type === 2 ? 'topic' : type === 4 ? 'broker' : `type ${type}`;
  const target = resource.length > 20 ? `${resource.slice(0, 5)}…${resource.length}` : resource;
  return `${api}${operation === 0 ? '' : ` (${operation})`} ${kind} ${JSON.stringify(target)}: ${name}=${value === null ? 'null' : JSON.stringify(value)}`;
}
