/**
 * Broker settings of Apache Kafka 4.3 without an effect in this cluster: they are listed, checked and stored for tools that read or set
 * them. Types, defaults and update modes are Kafka's.
 */
import { atLeast, define, oneOf, type Check, type ConfigDefinition } from './config-definition.ts';

const fixed = { readOnly: true };
const positive = { readOnly: true, check: atLeast(1n) };

export const inertConfigDefinitions: readonly ConfigDefinition[] = [
  define('add.partitions.to.txn.retry.backoff.ms', 'int', '20', 'Pause before a partition is added to a transaction again.', positive),
  define('add.partitions.to.txn.retry.backoff.max.ms', 'int', '100', 'Maximum total time of those retries.', fixed),
  define('alter.config.policy.class.name', 'class', null, 'Class that approves changes of settings.', fixed),
  define('alter.log.dirs.replication.quota.window.num', 'int', '11', 'Samples of the quota for moves between log directories.', positive),
  define('alter.log.dirs.replication.quota.window.size.seconds', 'int', '1', 'Length of each of those samples.', positive),
  define('client.quota.callback.class', 'class', null, 'Class that decides on the quotas of clients.', fixed),
  define('config.providers', 'list', '', 'Providers that resolve variables in settings.'),
  define('connection.failed.authentication.delay.ms', 'int', '100', 'Pause before a connection is closed after a failed login.', fixed),
  define('connections.max.reauth.ms', 'long', '0', 'Time after which clients have to authenticate again.', fixed),
  define('controller.quorum.append.linger.ms', 'int', '25', 'Time that metadata records wait for others of their batch.', fixed),
  define('controller.quorum.auto.join.enable', 'boolean', 'false', 'Whether a controller joins the voters by itself.', fixed),
  define('controller.quorum.bootstrap.servers', 'list', '', 'Addresses used to discover the metadata quorum.', fixed),
  define('controller.quorum.fetch.max.bytes', 'int', '1048576', 'Bytes of metadata in one fetch.', fixed),
  define('controller.quorum.fetch.snapshot.max.bytes', 'int', '1048576', 'Bytes of a metadata snapshot in one fetch.', fixed),
  define('controller.quorum.retry.backoff.ms', 'int', '20', 'Pause before a request to the quorum is repeated.', fixed),
  define('controller.quota.window.num', 'int', '11', 'Samples of the quota for controller mutations.', positive),
  define('controller.quota.window.size.seconds', 'int', '1', 'Length of each of those samples.', positive),
  define('controller.socket.timeout.ms', 'int', '30000', 'Timeout of connections between controller and brokers.', fixed),
  define('cordoned.log.dirs', 'list', '', 'Log directories that get no new partitions.'),
  define('create.topic.policy.class.name', 'class', null, 'Class that approves new topics.', fixed),
  define('delete.records.purgatory.purge.interval.requests', 'int', '1', 'Requests after which waiting DeleteRecords are purged.', fixed),
  define('early.start.listeners', 'list', null, 'Listeners that open before authorization is ready.', fixed),
  define('fetch.purgatory.purge.interval.requests', 'int', '1000', 'Requests after which waiting fetches are purged.', fixed),
  define('follower.fetch.last.tiered.offset.enable', 'boolean', 'false', 'Whether a new follower starts behind tiered segments.'),
  define('kafka.metrics.polling.interval.secs', 'int', '10', 'Interval at which metrics are polled.', positive),
  define('kafka.metrics.reporters', 'list', '', 'Reporters of the older metrics.', fixed),
  define('log.cleaner.io.buffer.load.factor', 'double', '0.9', 'Share of the buffer for duplicates that is filled.'),
  define('log.cleaner.io.buffer.size', 'int', '524288', 'Bytes of the buffers of all cleaner threads.', { check: atLeast(0n) }),
  define('log.cleaner.io.max.bytes.per.second', 'double', '1.7976931348623157E308', 'Bytes a second that the cleaner reads and writes.'),
  define('log.dir.failure.timeout.ms', 'long', '30000', 'Time after which a broker with an unreported failed directory stops.', positive),
  define('max.connection.creation.rate', 'int', '2147483647', 'New connections a second.', { check: atLeast(1n) }),
  define('metadata.max.idle.interval.ms', 'int', '500', 'Interval of empty records in an idle metadata log.', {
    readOnly: true,
    check: atLeast(0n),
  }),
  define('metadata.max.retention.bytes', 'long', '104857600', 'Bytes of metadata log and snapshots that are kept.', fixed),
  define('metadata.max.retention.ms', 'long', '604800000', 'Time for which metadata log and snapshots are kept.', fixed),
  define(
    'metric.reporters',
    'list',
    'org.apache.kafka.common.metrics.JmxReporter',
    'Classes that report metrics; here none can be loaded.',
    {
      check: (value) => (value.trim() === '' || value === 'org.apache.kafka.common.metrics.JmxReporter' ? null : 'must be empty'),
    },
  ),
  define('metrics.num.samples', 'int', '2', 'Samples of a metric.', positive),
  define('metrics.recording.level', 'string', 'INFO', 'Level from which metrics are recorded.', {
    readOnly: true,
    check: oneOf('INFO', 'DEBUG', 'TRACE'),
  }),
  define('metrics.sample.window.ms', 'long', '30000', 'Length of a sample of a metric.', positive),
  define('num.replica.alter.log.dirs.threads', 'int', null, 'Threads that move replicas between log directories.', fixed),
  define('producer.purgatory.purge.interval.requests', 'int', '1000', 'Requests after which waiting produce requests are purged.', fixed),
  define('queued.max.request.bytes', 'long', '-1', 'Bytes of requests that wait before no more are read.', fixed),
  define('replica.socket.receive.buffer.bytes', 'int', '65536', 'Receive buffer of connections to leaders.', fixed),
  define('replication.quota.window.num', 'int', '11', 'Samples of the quota for replication.', positive),
  define('replication.quota.window.size.seconds', 'int', '1', 'Length of each of those samples.', positive),
  define('sasl.kerberos.min.time.before.relogin', 'long', '60000', 'Time between two logins at Kerberos.'),
  define('security.providers', 'string', null, 'Classes that provide security algorithms.', fixed),
  define('socket.connection.setup.timeout.max.ms', 'long', '30000', 'Longest time for a connection to be set up.', fixed),
  define('socket.connection.setup.timeout.ms', 'long', '10000', 'Time for a connection to be set up at the first try.', fixed),
  define('socket.listen.backlog.size', 'int', '50', 'Connections that may wait to be accepted.', positive),
  define('telemetry.max.bytes', 'int', '1048576', 'Bytes of metrics that a client may push at once.', positive),
  define('transaction.partition.verification.enable', 'boolean', 'true', 'Whether a partition is verified before transactional records.'),
];

/** Settings that Kafka allows for single brokers only. */
const PER_BROKER: ReadonlySet<string> = new Set(['sasl.kerberos.min.time.before.relogin']);
const LISTENER_PREFIX = 'listener.name.';

const atLeastOne: Check = (value) => (Number(value) >= 1 ? null : 'must be at least 1');
const unlimitedOrPositive: Check = (value) => (Number(value) === -1 || Number(value) >= 1 ? null : 'must be -1 or at least 1');

/** Further checks of a setting that is changed while the broker runs. */
const DYNAMIC_CHECKS: Readonly<Record<string, Check>> = {
  'log.cleaner.threads': atLeastOne,
  'log.retention.ms': unlimitedOrPositive,
  'max.connections': atLeastOne,
};

/** Sizes of thread pools: a change at most doubles or halves them. */
export const THREAD_POOLS: ReadonlySet<string> = new Set([
  'background.threads',
  'log.cleaner.threads',
  'num.io.threads',
  'num.network.threads',
  'num.recovery.threads.per.data.dir',
  'num.replica.fetchers',
]);

/** Why the setting of that broker (an empty name: of all) cannot be changed while it runs; null: it can. */
export function dynamicDefect(name: string, value: string, broker: string): string | null {
  if (broker === '' && (PER_BROKER.has(name) || name.startsWith(LISTENER_PREFIX))) return `${name} can be set for single brokers only.`;
  if (name.startsWith('ssl.')) return `${name} can be changed for single listeners only: ${LISTENER_PREFIX}<name>.${name}.`;
  const problem = Object.hasOwn(DYNAMIC_CHECKS, name) ? (DYNAMIC_CHECKS[name]?.(value) ?? null) : null;
  return problem === null ? null : `${name} ${problem}.`;
}
