/** Broker settings that have an effect here or that tools query. Defaults differ from Apache Kafka's only where a comment says so. */
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

/** Accepts hosts as Kafka does; a limit after the last colon of 0 or less allows no connection. */
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

/** The lower-priority of two defaults of flush.ms; Kafka reads it only at start. */
const FLUSH_SCHEDULER = 'log.flush.scheduler.interval.ms';

/** Broker settings that only give the default of a topic setting: one for each synonym, with the same checks. */
const topicDefaults: readonly ConfigDefinition[] = topicConfigDefinitions.flatMap((topic) =>
  topic.synonyms.map((synonym, index): ConfigDefinition => {
    const last = index === topic.synonyms.length - 1;
    const scaled = synonym.scale !== 1;
    const check: Check | undefined = scaled ? undefined : (value) => topic.validate(value);
    const value = scaled ? String(Number(topic.default) / synonym.scale) : topic.default;
    // Only the last synonym has a default of its own: a default of a stronger one would hide every value of the weaker ones.
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
  // identity and listeners: set in the node's own configuration, listed for tools
  fixedNumber('node.id', 'int', null, 0n, 'Id of this node, unique in the cluster.'),
  fixedNumber('broker.id', 'int', '-1', -1n, 'Older name of node.id.'),
  define(
    'broker.rack',
    'string',
    null,
    'Rack of this broker; replicas of a partition are spread over racks. A list assigns its names to the brokers in turn.',
    fixed,
  ),
  define('process.roles', 'list', 'broker,controller', 'Roles of this node; every node here is both broker and controller.', {
    readOnly: true,
    check: listOf('broker', 'controller'),
  }),
  define('listeners', 'list', 'PLAINTEXT://:9092', 'Addresses that the node binds to.', fixed),
  define('advertised.listeners', 'list', null, 'Addresses that the broker advertises to clients.', fixed),
  define(
    'listener.security.protocol.map',
    'string',
    'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'Security protocol of each listener.',
    fixed,
  ),
  define('inter.broker.listener.name', 'string', null, 'Listener that brokers use among each other.', fixed),
  define('security.inter.broker.protocol', 'string', 'PLAINTEXT', 'Security protocol between brokers.', {
    readOnly: true,
    check: oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'),
  }),
  define('controller.listener.names', 'list', 'CONTROLLER', 'Listeners of the controller.', fixed),
  define('controller.quorum.voters', 'list', '', 'Voters of the metadata quorum, as id@host:port.', fixed),
  define('log.dir', 'list', '/tmp/kafka-logs', 'Data directory, used when log.dirs is not set.', fixed),
  define('log.dirs', 'list', null, 'Data directories; one here.', fixed),

  // sessions and the quorum
  fixedNumber(
    'broker.session.timeout.ms',
    'int',
    '3000',
    1n,
    'Time without a heartbeat after which the controller fences this broker; Kafka has 9000.',
  ),
  fixedNumber(
    'broker.heartbeat.interval.ms',
    'int',
    '500',
    1n,
    'Interval of the heartbeats that this broker sends to the controller; Kafka has 2000.',
  ),
  fixedNumber(
    'initial.broker.registration.timeout.ms',
    'int',
    '60000',
    1n,
    'How long a starting broker tries to register before it shuts down.',
  ),
  fixedNumber(
    'controller.quorum.election.timeout.ms',
    'int',
    '1000',
    1n,
    'Time without a majority of votes after which a voter starts a new election.',
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
    'Maximum random backoff of a voter between a lost election and the next.',
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
    'Maximum time between snapshots while there is new metadata; 0: no limit.',
  ),
  define('controlled.shutdown.enable', 'boolean', 'true', 'Whether a stopping broker moves leadership to other brokers first.', fixed),
  define('auto.leader.rebalance.enable', 'boolean', 'true', 'Whether leadership returns to preferred replicas automatically.', fixed),
  fixedNumber('leader.imbalance.check.interval.seconds', 'long', '300', 1n, 'How often the controller checks the leader imbalance.'),

  // topics
  define('auto.create.topics.enable', 'boolean', 'true', 'Whether requests for an unknown topic create it.', fixed),
  define('delete.topic.enable', 'boolean', 'true', 'Whether topics may be deleted.', fixed),
  fixedNumber('num.partitions', 'int', '1', 1n, 'Default number of partitions of a new topic.'),
  fixedNumber(
    'default.replication.factor',
    'int',
    '1',
    1n,
    'Default replication factor of a new topic; here 3, or the number of nodes where that is lower.',
  ),

  // replication
  fixedNumber(
    'replica.lag.time.max.ms',
    'long',
    '4000',
    1n,
    'How long a follower may lag before it leaves the in-sync replicas; Kafka has 30000.',
  ),
  fixedNumber('replica.fetch.wait.max.ms', 'int', '500', 0n, "How long a follower's fetch waits for new records."),
  fixedNumber('replica.fetch.min.bytes', 'int', '1', 0n, "Minimum bytes that a follower's fetch waits for."),
  fixedNumber(
    'replica.fetch.max.bytes',
    'int',
    '4194304',
    0n,
    "Maximum bytes per partition in a follower's fetch; a larger batch is still returned. Kafka has 1048576.",
  ),
  fixedNumber('replica.fetch.response.max.bytes', 'int', '10485760', 0n, "Maximum bytes in a follower's fetch."),
  fixedNumber('replica.fetch.backoff.ms', 'int', '100', 0n, 'Pause of a follower on a partition after an error; Kafka has 1000.'),
  fixedNumber('replica.socket.timeout.ms', 'int', '5000', 1n, 'Time that a follower waits for a fetch response; Kafka has 30000.'),
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
  dynamicNumber('log.cleaner.backoff.ms', 'long', '15000', 0n, 'Pause of the cleaner when no log needs cleaning.'),
  dynamicNumber('log.cleaner.dedupe.buffer.size', 'long', '134217728', 1n, 'Memory that compaction may use for its table of keys.'),
  define('log.cleaner.enable', 'boolean', 'true', 'Whether compacted topics are compacted.', fixed),
  dynamicNumber('log.cleaner.threads', 'int', '1', 0n, 'Cleaner threads; one here.'),
  fixedNumber('log.retention.check.interval.ms', 'long', '300000', 1n, 'How often segments are checked against retention.'),
  fixedNumber('log.flush.offset.checkpoint.interval.ms', 'int', '60000', 0n, 'How often recovery points are written to disk.'),
  fixedNumber('log.flush.start.offset.checkpoint.interval.ms', 'int', '60000', 0n, 'How often log start offsets are written to disk.'),
  fixedNumber(
    'log.initial.task.delay.ms',
    'long',
    '30000',
    0n,
    'Delay between the start of a broker and its first retention and compaction.',
  ),
  dynamicNumber('num.recovery.threads.per.data.dir', 'int', '2', 1n, 'Threads that recover logs at a start; one here.'),

  // producers and transactions
  dynamicNumber('producer.id.expiration.ms', 'int', '86400000', 1n, 'How long the state of an inactive producer is kept.'),
  fixedNumber('producer.id.expiration.check.interval.ms', 'int', '600000', 1n, 'How often producers are checked for expiry.'),
  fixedNumber('transaction.max.timeout.ms', 'int', '900000', 1n, 'Maximum transaction timeout that a producer may request.'),
  fixedNumber('transaction.state.log.num.partitions', 'int', '12', 1n, 'Partitions of the transaction log; Kafka has 50.'),
  fixedNumber('transaction.state.log.replication.factor', 'short', '3', 1n, 'Replicas of the transaction log.'),
  fixedNumber('transaction.state.log.min.isr', 'int', '2', 1n, 'How many replicas of the transaction log must be in sync for a write.'),
  fixedNumber('transactional.id.expiration.ms', 'int', '604800000', 1n, 'How long an unused transactional id is kept.'),

  // groups
  fixedNumber(
    'group.initial.rebalance.delay.ms',
    'int',
    '500',
    0n,
    'How long the first rebalance of an empty group waits for more members; Kafka has 3000.',
  ),
  fixedNumber('group.min.session.timeout.ms', 'int', '6000', 0n, 'Minimum session timeout that a member may request.'),
  fixedNumber('group.max.session.timeout.ms', 'int', '1800000', 0n, 'Maximum session timeout that a member may request.'),
  fixedNumber('group.max.size', 'int', '10000', 1n, 'Maximum members of a group; Kafka has no limit.'),
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
    'Replicas of __consumer_offsets; the number of nodes where that is lower.',
  ),
  fixedNumber('offsets.topic.segment.bytes', 'int', '104857600', 1n, 'Segment size of __consumer_offsets.'),
  fixedNumber('offsets.topic.compression.codec', 'int', '0', 0n, 'Compression of offset batches: 0, none, is the only one here.'),
  fixedNumber('offsets.retention.minutes', 'int', '10080', 1n, "How long an empty group's offsets are kept."),
  fixedNumber('offsets.retention.check.interval.ms', 'long', '600000', 1n, 'How often offsets are checked for expiry.'),
  fixedNumber('offsets.commit.timeout.ms', 'int', '5000', 1n, 'How long a commit waits for its replicas.'),
  fixedNumber('offset.metadata.max.bytes', 'int', '4096', 0n, 'Maximum metadata per partition in a commit.'),
  fixedNumber('offsets.load.buffer.size', 'int', '5242880', 1n, 'Bytes per read while a coordinator loads.'),

  // network and requests
  fixedNumber('socket.request.max.bytes', 'int', '104857600', 1n, 'Maximum size of a request; a larger one closes its connection.'),
  fixedNumber('socket.send.buffer.bytes', 'int', '102400', -1n, 'Send buffer of a socket; here the operating system decides.'),
  fixedNumber('socket.receive.buffer.bytes', 'int', '102400', -1n, 'Receive buffer of a socket; here the operating system decides.'),
  fixedNumber('queued.max.requests', 'int', '500', 1n, 'Maximum queued requests; here each connection has one request in progress.'),
  dynamicNumber('max.connections', 'int', '2147483647', 0n, 'Maximum connections to this broker.'),
  dynamicNumber('max.connections.per.ip', 'int', '2147483647', 0n, 'Maximum connections from one address.'),
  define('max.connections.per.ip.overrides', 'string', '', 'Connection limits of single addresses, as address:number.', {
    check: addressLimits,
  }),
  fixedNumber('connections.max.idle.ms', 'long', '600000', -1n, 'Time without requests after which a connection is closed.'),
  fixedNumber('request.timeout.ms', 'int', '30000', 1n, 'How long the broker waits for a response of another node.'),
  fixedNumber('fetch.max.bytes', 'int', '57671680', 1024n, "Maximum bytes in a fetch response, regardless of the client's limit."),
  fixedNumber('max.incremental.fetch.session.cache.slots', 'int', '1000', 0n, 'Maximum fetch sessions.'),
  fixedNumber('max.request.partition.size.limit', 'int', '2000', 1n, 'Maximum partitions in a DescribeTopicPartitions response.'),
  dynamicNumber('num.io.threads', 'int', '8', 1n, 'Request threads in Kafka; a node here has one event loop.'),
  dynamicNumber('num.network.threads', 'int', '3', 1n, 'Network threads in Kafka; a node here has one event loop.'),
  dynamicNumber('background.threads', 'int', '10', 1n, 'Background threads in Kafka; a node here has one event loop.'),

  // security: none yet; listed for tools
  define('authorizer.class.name', 'string', '', 'Authorizer; none here, so every client is authorized.', fixed),
  define('sasl.enabled.mechanisms', 'list', '', 'SASL mechanisms that clients may use; none here.', fixed),
  define('principal.builder.class', 'class', null, 'Class that builds the principal of a client.', fixed),
  define('ssl.client.auth', 'string', 'none', 'Whether TLS clients must present a certificate.', {
    readOnly: true,
    check: oneOf('required', 'requested', 'none'),
  }),

  // throttles of reassignment, set by kafka-reassign-partitions
  dynamicNumber(
    'leader.replication.throttled.rate',
    'long',
    '9223372036854775807',
    0n,
    'Maximum bytes per second that a leader sends to throttled replicas.',
  ),
  dynamicNumber(
    'follower.replication.throttled.rate',
    'long',
    '9223372036854775807',
    0n,
    'Maximum bytes per second that throttled followers fetch.',
  ),
  define(
    'leader.imbalance.per.broker.percentage',
    'int',
    '10',
    'Percentage of leaders off their preferred replica that is accepted per broker.',
    {
      readOnly: true,
      check: between(0, 100),
    },
  ),
];
