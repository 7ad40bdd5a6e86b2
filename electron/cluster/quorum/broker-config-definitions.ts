/** Settings of a broker that mean something here, and those that tools look for. Defaults differ from Apache Kafka's where a comment says so. */
import {
  atLeast,
  between,
  define,
  listOf,
  oneOf,
  readList,
  type Check,
  type ConfigDefinition,
  type ConfigType,
} from './config-definition.ts';
import { inertConfigDefinitions } from './inert-config-definitions.ts';
import { topicConfigDefinitions } from './topic-config-definitions.ts';

const fixed = { readOnly: true };

/** What Kafka takes for a host; the number behind the last colon may be 0 or less, and no connection is allowed then. */
const addressLimits: Check = (value) => {
  const items = readList(value).map((item) => /^([0-9a-zA-Z\-%._:]*):\s*([+-]?\d+)$/.exec(item));
  const sound = items.every((match) => match !== null && Math.abs(Number(match[2])) < 2 ** 31);
  return sound ? null : 'must be a list of address:number';
};

function fixedNumber(name: string, type: ConfigType, value: string | null, low: bigint, documentation: string): ConfigDefinition {
  return define(name, type, value, documentation, { readOnly: true, check: atLeast(low) });
}

function dynamicNumber(name: string, type: ConfigType, value: string | null, low: bigint, documentation: string): ConfigDefinition {
  return define(name, type, value, documentation, { check: atLeast(low) });
}

/** The weaker of two defaults of flush.ms; Kafka reads it at the start alone. */
const FLUSH_SCHEDULER = 'log.flush.scheduler.interval.ms';

/** Broker settings that are nothing but the default of a topic's setting: one for each synonym, with the same checks. */
const topicDefaults: readonly ConfigDefinition[] = topicConfigDefinitions.flatMap((topic) =>
  topic.synonyms.map((synonym, index): ConfigDefinition => {
    const last = index === topic.synonyms.length - 1;
    const scaled = synonym.scale !== 1;
    const check: Check | undefined = scaled ? undefined : (value) => topic.validate(value);
    const value = scaled ? String(Number(topic.default) / synonym.scale) : topic.default;
    // Of several synonyms only the last has a value of its own, or the weaker ones could never be seen through the stronger.
    const fallback = last ? value : null;
    return define(
      synonym.name,
      scaled ? 'int' : topic.type,
      fallback,
      `Default of the topic setting ${topic.name}: ${lowerFirst(topic.documentation)}`,
      {
        ...(check === undefined ? {} : { check }),
        readOnly: scaled || synonym.name === FLUSH_SCHEDULER,
      },
    );
  }),
);

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

export const brokerConfigDefinitions: readonly ConfigDefinition[] = [
  ...topicDefaults,
  ...inertConfigDefinitions,
  // identity and listeners: given by the node's own configuration, shown so that tools find them
  fixedNumber('node.id', 'int', null, 0n, 'Id of this node, unique in the cluster.'),
  fixedNumber('broker.id', 'int', '-1', -1n, 'Older name of node.id.'),
  define(
    'broker.rack',
    'string',
    null,
    'Where this broker stands; replicas of a partition are spread over racks. A list gives the first broker the first name, and so on round.',
    fixed,
  ),
  define('process.roles', 'list', 'broker,controller', 'Parts this node plays; every node here is both broker and controller.', {
    readOnly: true,
    check: listOf('broker', 'controller'),
  }),
  define('listeners', 'list', 'PLAINTEXT://:9092', 'Addresses that the node binds to.', fixed),
  define('advertised.listeners', 'list', null, 'Addresses that clients are told to connect to.', fixed),
  define(
    'listener.security.protocol.map',
    'string',
    'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'Security protocol of each listener.',
    fixed,
  ),
  define('inter.broker.listener.name', 'string', null, 'Listener by which brokers reach each other.', fixed),
  define('security.inter.broker.protocol', 'string', 'PLAINTEXT', 'Security protocol between brokers.', {
    readOnly: true,
    check: oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'),
  }),
  define('controller.listener.names', 'list', 'CONTROLLER', 'Listeners of the controller half.', fixed),
  define('controller.quorum.voters', 'list', '', 'The voters of the metadata quorum, as id@host:port.', fixed),
  define('log.dir', 'list', '/tmp/kafka-logs', 'Data directory, where log.dirs is not set.', fixed),
  define('log.dirs', 'list', null, 'Data directories; one here.', fixed),

  // health and coordination
  fixedNumber(
    'broker.session.timeout.ms',
    'int',
    '3000',
    1n,
    'How long the controller waits for a heartbeat before it fences this broker; Kafka waits 9000.',
  ),
  fixedNumber(
    'broker.heartbeat.interval.ms',
    'int',
    '500',
    1n,
    'How often this broker tells the controller that it lives; in Kafka every 2000.',
  ),
  fixedNumber(
    'initial.broker.registration.timeout.ms',
    'int',
    '60000',
    1n,
    'How long a starting broker tries to register before it gives up.',
  ),
  fixedNumber(
    'controller.quorum.election.timeout.ms',
    'int',
    '1000',
    1n,
    'How long a voter waits for votes before it starts the next election.',
  ),
  fixedNumber(
    'controller.quorum.fetch.timeout.ms',
    'int',
    '1000',
    1n,
    "How long a voter goes without news of the quorum's leader before it stands for election.",
  ),
  fixedNumber(
    'controller.quorum.election.backoff.max.ms',
    'int',
    '1000',
    0n,
    'At most how long a voter that lost an election waits, by chance, before the next.',
  ),
  fixedNumber('controller.quorum.request.timeout.ms', 'int', '2000', 0n, 'How long a request inside the quorum may take.'),
  fixedNumber(
    'metadata.log.max.record.bytes.between.snapshots',
    'long',
    '20971520',
    1n,
    'How much metadata is logged before a snapshot is taken.',
  ),
  fixedNumber(
    'metadata.log.max.snapshot.interval.ms',
    'long',
    '3600000',
    0n,
    'After how long new metadata gets a snapshot even if it is little; 0: never.',
  ),
  define('controlled.shutdown.enable', 'boolean', 'true', 'Whether a broker that stops hands its leaderships over first.', fixed),
  define('auto.leader.rebalance.enable', 'boolean', 'true', 'Whether leadership goes back to preferred replicas by itself.', fixed),
  fixedNumber('leader.imbalance.check.interval.seconds', 'long', '300', 1n, 'How often the balance of leaders is looked at.'),

  // topics
  define('auto.create.topics.enable', 'boolean', 'true', 'Whether asking for a topic that does not exist creates it.', fixed),
  define('delete.topic.enable', 'boolean', 'true', 'Whether topics may be deleted.', fixed),
  fixedNumber('num.partitions', 'int', '1', 1n, 'Partitions of a topic that is created without saying how many.'),
  fixedNumber(
    'default.replication.factor',
    'int',
    '1',
    1n,
    'Replicas of a topic that is created without saying how many; here 3, or as many as there are nodes.',
  ),

  // replication
  fixedNumber(
    'replica.lag.time.max.ms',
    'long',
    '4000',
    1n,
    'How long a follower may be behind before it leaves the in-sync replicas; Kafka allows 30000.',
  ),
  fixedNumber('replica.fetch.wait.max.ms', 'int', '500', 0n, "How long a follower's fetch waits for new records."),
  fixedNumber('replica.fetch.min.bytes', 'int', '1', 0n, "How many bytes a follower's fetch waits for."),
  fixedNumber(
    'replica.fetch.max.bytes',
    'int',
    '4194304',
    0n,
    'Bytes per partition that a follower asks for at once; a larger batch still passes. Kafka asks for 1048576.',
  ),
  fixedNumber('replica.fetch.response.max.bytes', 'int', '10485760', 0n, 'Bytes that a follower asks for at once.'),
  fixedNumber('replica.fetch.backoff.ms', 'int', '100', 0n, 'How long a follower pauses on a partition after an error; in Kafka 1000.'),
  fixedNumber('replica.socket.timeout.ms', 'int', '5000', 1n, 'How long a follower waits for the answer to a fetch; in Kafka 30000.'),
  fixedNumber('replica.high.watermark.checkpoint.interval.ms', 'long', '5000', 1n, 'How often high watermarks are written to disk.'),
  dynamicNumber('num.replica.fetchers', 'int', '1', 1n, 'Fetchers per leader; one here.'),
  define(
    'replica.selector.class',
    'string',
    null,
    "How a consumer's read is sent to the closest replica; without it the leader serves all.",
    {
      readOnly: true,
      check: oneOf('org.apache.kafka.common.replica.RackAwareReplicaSelector', 'org.apache.kafka.common.replica.LeaderSelector'),
    },
  ),

  // log
  dynamicNumber('log.cleaner.backoff.ms', 'long', '15000', 0n, 'How long the cleaner rests when nothing is to clean.'),
  dynamicNumber('log.cleaner.dedupe.buffer.size', 'long', '134217728', 1n, 'Memory that compaction may use for its table of keys.'),
  define('log.cleaner.enable', 'boolean', 'true', 'Whether compacted topics are compacted.', fixed),
  dynamicNumber('log.cleaner.threads', 'int', '1', 0n, 'Cleaner threads; one here.'),
  fixedNumber('log.retention.check.interval.ms', 'long', '300000', 1n, 'How often segments are checked against retention.'),
  fixedNumber('log.flush.offset.checkpoint.interval.ms', 'int', '60000', 0n, 'How often recovery points are written to disk.'),
  fixedNumber('log.flush.start.offset.checkpoint.interval.ms', 'int', '60000', 0n, 'How often log start offsets are written to disk.'),
  fixedNumber('log.initial.task.delay.ms', 'long', '30000', 0n, 'How long after its start a broker begins with retention and compaction.'),
  dynamicNumber('num.recovery.threads.per.data.dir', 'int', '2', 1n, 'Threads that recover logs at a start; one here.'),

  // producers and transactions
  dynamicNumber('producer.id.expiration.ms', 'int', '86400000', 1n, "How long a silent producer's sequence numbers are remembered."),
  fixedNumber('producer.id.expiration.check.interval.ms', 'int', '600000', 1n, 'How often producers are checked for expiry.'),
  fixedNumber('transaction.max.timeout.ms', 'int', '900000', 1n, 'The longest transaction timeout that a producer may ask for.'),
  fixedNumber('transaction.state.log.num.partitions', 'int', '12', 1n, 'Partitions of the transaction log; Kafka has 50.'),
  fixedNumber('transaction.state.log.replication.factor', 'short', '3', 1n, 'Replicas of the transaction log.'),
  fixedNumber('transaction.state.log.min.isr', 'int', '2', 1n, 'How many replicas of the transaction log must be in sync for a write.'),
  fixedNumber('transactional.id.expiration.ms', 'int', '604800000', 1n, 'How long an unused transactional id is remembered.'),

  // groups
  fixedNumber(
    'group.initial.rebalance.delay.ms',
    'int',
    '500',
    0n,
    'How long an empty group waits for more members before its first rebalance; Kafka waits 3000.',
  ),
  fixedNumber('group.min.session.timeout.ms', 'int', '6000', 0n, 'The shortest session timeout that a member may ask for.'),
  fixedNumber('group.max.session.timeout.ms', 'int', '1800000', 0n, 'The longest session timeout that a member may ask for.'),
  fixedNumber('group.max.size', 'int', '10000', 1n, 'The most members that a group may have; Kafka sets no limit.'),
  define('group.coordinator.rebalance.protocols', 'list', 'classic', 'Group protocols that this broker serves.', {
    readOnly: true,
    check: listOf('classic', 'consumer', 'share', 'streams'),
  }),
  fixedNumber('offsets.topic.num.partitions', 'int', '12', 1n, 'Partitions of __consumer_offsets; Kafka has 50.'),
  fixedNumber(
    'offsets.topic.replication.factor',
    'short',
    '3',
    1n,
    'Replicas of __consumer_offsets; as many as there are nodes where those are fewer.',
  ),
  fixedNumber('offsets.topic.segment.bytes', 'int', '104857600', 1n, 'Segment size of __consumer_offsets.'),
  fixedNumber('offsets.topic.compression.codec', 'int', '0', 0n, 'How offset batches are compressed: 0 not at all, as here always.'),
  fixedNumber('offsets.retention.minutes', 'int', '10080', 1n, "How long an empty group's offsets are kept."),
  fixedNumber('offsets.retention.check.interval.ms', 'long', '600000', 1n, 'How often offsets are checked for expiry.'),
  fixedNumber('offsets.commit.timeout.ms', 'int', '5000', 1n, 'How long a commit may wait for its replicas.'),
  fixedNumber('offset.metadata.max.bytes', 'int', '4096', 0n, 'The most metadata that a commit may carry per partition.'),
  fixedNumber('offsets.load.buffer.size', 'int', '5242880', 1n, 'Bytes read at a time when a coordinator loads.'),

  // network and requests
  fixedNumber('socket.request.max.bytes', 'int', '104857600', 1n, 'The largest request that is read; a larger one closes its connection.'),
  fixedNumber('socket.send.buffer.bytes', 'int', '102400', -1n, 'Send buffer of a socket; the system decides here.'),
  fixedNumber('socket.receive.buffer.bytes', 'int', '102400', -1n, 'Receive buffer of a socket; the system decides here.'),
  fixedNumber('queued.max.requests', 'int', '500', 1n, 'Requests that may wait in all; here each connection has one at work.'),
  dynamicNumber('max.connections', 'int', '2147483647', 0n, 'The most connections to this broker.'),
  dynamicNumber('max.connections.per.ip', 'int', '2147483647', 0n, 'The most connections from one address.'),
  define('max.connections.per.ip.overrides', 'string', '', 'Limits of connections for single addresses, as address:number.', {
    check: addressLimits,
  }),
  fixedNumber('connections.max.idle.ms', 'long', '600000', -1n, 'After how long a silent connection is closed.'),
  fixedNumber('request.timeout.ms', 'int', '30000', 1n, "How long the broker waits for another node's answer."),
  fixedNumber('fetch.max.bytes', 'int', '57671680', 1024n, 'The most that one fetch returns, whatever the client asks for.'),
  fixedNumber('max.incremental.fetch.session.cache.slots', 'int', '1000', 0n, 'Fetch sessions kept at once.'),
  fixedNumber('max.request.partition.size.limit', 'int', '2000', 1n, 'The most partitions that one DescribeTopicPartitions answer holds.'),
  dynamicNumber('num.io.threads', 'int', '8', 1n, 'Request threads in Kafka; a node here has one event loop.'),
  dynamicNumber('num.network.threads', 'int', '3', 1n, 'Network threads in Kafka; a node here has one event loop.'),
  dynamicNumber('background.threads', 'int', '10', 1n, 'Background threads in Kafka; a node here has one event loop.'),

  // security: none yet, but tools ask
  define('authorizer.class.name', 'string', '', 'Authorizer; none here, every client may do everything.', fixed),
  define('sasl.enabled.mechanisms', 'list', '', 'SASL mechanisms that clients may use; none here.', fixed),
  define('principal.builder.class', 'class', null, "How a client's identity is made.", fixed),
  define('ssl.client.auth', 'string', 'none', 'Whether TLS clients must show a certificate.', {
    readOnly: true,
    check: oneOf('required', 'requested', 'none'),
  }),

  // throttles of reassignment, set by kafka-reassign-partitions
  dynamicNumber(
    'leader.replication.throttled.rate',
    'long',
    '9223372036854775807',
    0n,
    'Bytes a second that a leader sends to throttled replicas.',
  ),
  dynamicNumber('follower.replication.throttled.rate', 'long', '9223372036854775807', 0n, 'Bytes a second that throttled followers fetch.'),
  define('leader.imbalance.per.broker.percentage', 'int', '10', 'Share of leaderships off their preferred replica that is put up with.', {
    readOnly: true,
    check: between(0, 100),
  }),
];
