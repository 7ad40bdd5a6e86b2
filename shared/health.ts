/**
 * What the last readings of a cluster mean for its partitions and its quorum, for every page alike. Metadata names a leader until a
 * controller has fenced its broker; a broker that does not answer serves nothing meanwhile. ISRs stay as metadata has them. What no broker can be
 * asked for is unknown.
 */
import type { BrokerRow, BrokerState, ClusterView, PartitionRow, QuorumView, ReplicaState, TopicRow } from './models/cluster.ts';

/** The lab knows that they serve nothing, even if metadata still names them as leaders. */
const STOPPED: ReadonlySet<BrokerState> = new Set(['down', 'frozen']);

export interface BrokerFacts {
  /** Some broker answers. False before the first answer of a connection, too, if no broker is known to answer. */
  reachable: boolean;
  /** Brokers that are known to serve nothing. */
  stopped: ReadonlySet<number>;
  /** Brokers that do not answer here; what they do is not known. */
  unreachable: ReadonlySet<number>;
  /** The same facts have the same key. */
  key: string;
}

export function assessBrokers(brokers: readonly BrokerRow[]): BrokerFacts {
  const ids = (fits: (state: BrokerState) => boolean): number[] => brokers.filter(({ state }) => fits(state)).map(({ id }) => id);
  const stopped = ids((state) => STOPPED.has(state));
  const unreachable = ids((state) => state === 'unreachable');
  const reachable = brokers.length === 0 || stopped.length + unreachable.length < brokers.length;
  return {
    reachable,
    stopped: new Set(stopped),
    unreachable: new Set(unreachable),
    key: `${reachable}/${stopped.join()}/${unreachable.join()}`,
  };
}

/** A broker of that id answers, or nothing is known against it. */
export const answers = ({ stopped, unreachable }: BrokerFacts, broker: number): boolean => !stopped.has(broker) && !unreachable.has(broker);

/** The row as it is with the brokers that do not answer; the same object where that changes nothing. */
export function assessTopic(topic: TopicRow, facts: BrokerFacts): TopicRow {
  if (facts.stopped.size + facts.unreachable.size === 0) return topic;
  const partitions = topic.partitions.map((partition) => assessPartition(partition, facts));
  return partitions.some((partition, i) => partition !== topic.partitions[i]) ? { ...topic, partitions } : topic;
}

function assessPartition(partition: PartitionRow, facts: BrokerFacts): PartitionRow {
  const { leader } = partition;
  const isUnreadable = leader === null && isUnknown(facts);
  if (!isUnreadable && partition.replicas.every(({ broker }) => answers(facts, broker)) && (leader === null || answers(facts, leader)))
    return partition;
  const replicas = partition.replicas.map(({ broker, state }) => ({ broker, state: replicaState(broker, state, facts) }));
  const stopped = replicas.map(({ broker }) => broker).filter((broker) => facts.stopped.has(broker));
  const row: PartitionRow = { ...partition, replicas, stopped };
  if (isUnreadable) return { ...row, leaderState: 'unknown' };
  if (isAllStopped(facts)) return { ...row, isr: [], leaderState: leader === null ? undefined : 'silent', error: null };
  if (leader === null || answers(facts, leader)) return row;
  const leaderState = facts.stopped.has(leader) || facts.reachable ? 'silent' : 'unknown';
  // The error of a request that went to it is about the connection, not about the partition.
  return { ...row, leaderState, error: null };
}

function replicaState(broker: number, state: ReplicaState, { stopped, unreachable }: BrokerFacts): ReplicaState {
  if (stopped.has(broker)) return 'offline';
  return unreachable.has(broker) && state !== 'offline' ? 'unknown' : state;
}

/** Every broker is known to be stopped: no replica is in sync, whatever the last metadata said. */
const isAllStopped = ({ reachable, unreachable }: BrokerFacts): boolean => !reachable && unreachable.size === 0;

/** No broker answers, and one of them may serve: what is known is old. */
export const isUnknown = ({ reachable, unreachable }: BrokerFacts): boolean => !reachable && unreachable.size > 0;

/** The row without figures that no broker can be asked for, or that hold for brokers that run; the same object where there are none. */
export function assessBroker(broker: BrokerRow, facts: BrokerFacts): BrokerRow {
  const isStopped = facts.stopped.has(broker.id);
  // That a remote broker is down was read from a broker that does not answer any more; of its own nodes the lab knows it.
  if (isStopped && (broker.lab !== null || !isUnknown(facts)))
    return broker.inSync === null ? broker : { ...broker, inSync: 0, ...(facts.reachable ? { listed: broker.inSync } : {}) };
  return isUnknown(facts) && (isStopped || facts.unreachable.has(broker.id))
    ? { ...broker, leaders: null, inSync: null, logBytes: null, disk: null }
    : broker;
}

/** `silent`: the leader that metadata names does not answer. `unknown`: no broker answers. */
export type LeaderState = 'serving' | 'silent' | 'none' | 'unknown';

export const leaderStateOf = ({ leader, leaderState }: PartitionRow): LeaderState => leaderState ?? (leader === null ? 'none' : 'serving');

/** Brokers at whose advertised address another cluster answers; null where there is none. */
export function describeOtherClusters(view: Pick<ClusterView, 'brokers' | 'unreachable' | 'clusterId'>): string | null {
  const [first, ...others] = view.unreachable.filter(({ otherCluster }) => otherCluster !== null);
  if (first === undefined) return null;
  const row = view.brokers.find(({ id }) => id === first.broker);
  const { host = null, port = null } = row ?? {};
  const address = host === null || port === null ? 'an address' : `${host}:${port}`;
  const more =
    others.length === 0
      ? ''
      : ` The same is true of ${others.length === 1 ? `broker ${others[0]?.broker}` : `${others.length} more brokers`}.`;
  return (
    `Broker ${first.broker} advertises ${address}, where cluster ${first.otherCluster} answers, not ${view.clusterId ?? '?'}.${more} ` +
    'Nothing is read from there. Correct the advertised listeners of the broker.'
  );
}

export interface QuorumHealth {
  voters: number;
  /** Voters that are not known to be stopped or unreachable. */
  left: number;
  /** Voters that do not answer here, and that may answer each other. */
  unknown: number;
  needed: number;
  /** No majority can elect a leader: too few voters run, or too few answer and no leader is known. */
  lost: boolean;
}

/** Null where the voters are not known. */
export function assessQuorum(quorum: QuorumView | null, facts: BrokerFacts): QuorumHealth | null {
  if (quorum === null || quorum.voters.length === 0) return null;
  const voters = quorum.voters.length;
  const needed = Math.floor(voters / 2) + 1;
  const left = quorum.voters.filter(({ id }) => answers(facts, id)).length;
  const unknown = quorum.voters.filter(({ id }) => facts.unreachable.has(id)).length;
  return { voters, left, unknown, needed, lost: (quorum.leaderId === null ? left : left + unknown) < needed };
}
