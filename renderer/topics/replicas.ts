/** The state of partitions and replicas as text and tone, the same on every page. */
import { leaderStateOf } from '#shared/health';
import { isLeaderMoving, isUnanswered } from '#shared/read-errors';
import { plural } from '../format/numbers.ts';
import type { BrokerRow, BrokerState, PartitionRow, ReplicaState, TopicRow } from '#shared/models/cluster';
import type { Tone } from '#shared/models/tone';

export type { Tone };

export const REPLICA_LABELS: Record<ReplicaState, string> = {
  leader: 'leader',
  inSync: 'in sync',
  lagging: 'lagging',
  offline: 'offline',
  electing: 'no leader yet',
  unknown: 'unknown: its broker does not answer',
};

/** No broker can be asked for it: neither its leader nor its ISR is known. */
export const isUnknown = (partition: PartitionRow): boolean => leaderStateOf(partition) === 'unknown';

/** Fewer in sync than there are replicas, as far as that is known. */
export function isUnderReplicated(partition: PartitionRow): boolean {
  return !isUnknown(partition) && partition.isr.length < partition.replicas.length;
}

/** Replicas that have stopped and are in the ISR still: the leader acknowledges no acks=all write until it may remove them. */
export function stoppedInSync(partition: PartitionRow): number[] {
  if (leaderStateOf(partition) !== 'serving') return [];
  return (partition.stopped ?? []).filter((broker) => partition.isr.includes(broker));
}

/**
 * Members of the ISR, in the order of the replicas, without brokers that are known to have stopped: metadata keeps those until the leader
 * may remove them. An offline replica counts while it is in the ISR: its broker may be fenced and run, or only its log directory failed.
 */
export const inSyncOf = ({ isr, replicas, stopped = [] }: PartitionRow): number[] =>
  replicas.map(({ broker }) => broker).filter((broker) => isr.includes(broker) && !stopped.includes(broker));

export const inSyncCount = (partition: PartitionRow): number => inSyncOf(partition).length;

/** `2 of 3`, `? of 3`. */
export const countInSync = (partition: PartitionRow): string =>
  `${isUnknown(partition) ? '?' : inSyncCount(partition)} of ${partition.replicas.length}`;

/** `broker 2`, `none`, `?`. */
export function describeLeader(partition: PartitionRow): string {
  if (isUnknown(partition)) return '?';
  return partition.leader === null ? 'none' : `broker ${partition.leader}`;
}

/** No leader, or none that answers: neither writes nor reads are served. */
export function isOffline(partition: PartitionRow): boolean {
  const state = leaderStateOf(partition);
  return state === 'none' || state === 'silent';
}

/** Led, but with too few in sync for a write that asks for all. */
export function refusesWrites(partition: PartitionRow, minInsyncReplicas: number | null): boolean {
  return minInsyncReplicas !== null && leaderStateOf(partition) === 'serving' && partition.isr.length < minInsyncReplicas;
}

/** Of a request for the offsets of a partition. */
export function describePartitionError({ leader, error }: PartitionRow): string {
  if (error === null) return '';
  const name = leader === null ? 'the leader' : `leader ${leader}`;
  if (isLeaderMoving(error)) return `leadership is moving from ${name}`;
  if (isUnanswered(error)) return `${name} does not answer`;
  return `offsets not read: ${error}`;
}

/** `leader: broker 2, in sync: 2 of 3`, with what its leader does not answer. */
export function describePartition(partition: PartitionRow): string {
  const silent = leaderStateOf(partition) === 'silent' ? ', which does not answer' : '';
  const error = partition.error === null || partition.leader === null ? '' : `, ${describePartitionError(partition)}`;
  return `leader: ${describeLeader(partition)}${silent}, in sync: ${countInSync(partition)}${error}`;
}

export interface TopicHealth {
  underReplicated: number;
  /** Not served: without a leader, or with one that does not answer. */
  offline: number;
  /** Of those, with a leader by metadata. */
  silent: number;
  /** No broker answers. */
  unknown: number;
  refusing: number;
}

export function topicHealth(topic: TopicRow): TopicHealth {
  const health: TopicHealth = { underReplicated: 0, offline: 0, silent: 0, unknown: 0, refusing: 0 };
  for (const partition of topic.partitions) {
    const state = leaderStateOf(partition);
    if (state === 'none' || state === 'silent') health.offline += 1;
    if (state === 'silent') health.silent += 1;
    if (state === 'unknown') health.unknown += 1;
    if (isUnderReplicated(partition)) health.underReplicated += 1;
    if (refusesWrites(partition, topic.minInsyncReplicas)) health.refusing += 1;
  }
  return health;
}

export const BROKER_STATE: Record<BrokerState, { word: string; tone: Tone }> = {
  starting: { word: 'starting', tone: 'flow' },
  online: { word: 'online', tone: 'none' },
  fenced: { word: 'fenced', tone: 'warn' },
  shuttingDown: { word: 'shutting down', tone: 'warn' },
  down: { word: 'down', tone: 'bad' },
  frozen: { word: 'frozen', tone: 'flow' },
  unreachable: { word: 'unreachable', tone: 'bad' },
};

/** Why a stopped broker is in sync in no partition although ISRs list it, as rows about it state; null: they list it no more. */
export function describeListed({ id, listed = 0 }: BrokerRow): string | null {
  return listed === 0
    ? null
    : `Broker ${id} has stopped. The ISR of ${plural(listed, 'partition')} still lists it, until the leaders or the controller remove it.`;
}

/** A broker that can serve now. */
export function isOnline(broker: BrokerRow): boolean {
  return broker.state === 'online';
}

export interface BrokerLossImpact {
  leads: number;
  /** Topics with a partition that no other broker could lead. */
  offlineTopics: string[];
  /** Topics with a partition that would refuse acks=all. */
  refusingTopics: { name: string; inSync: number; minInsyncReplicas: number }[];
}

/** What would change if `broker` stopped now. */
export function impactOfLoss(broker: number, topics: Iterable<TopicRow>): BrokerLossImpact {
  const impact: BrokerLossImpact = { leads: 0, offlineTopics: [], refusingTopics: [] };
  for (const topic of topics) {
    let offline = false;
    let fewest: number | null = null;
    for (const partition of topic.partitions) {
      if (partition.leader === broker) impact.leads += 1;
      if (!partition.isr.includes(broker)) continue;
      // A member of the ISR that has stopped can neither lead nor stay in it.
      const others = partition.replicas.filter((replica) => replica.broker !== broker);
      const left = inSyncCount({ ...partition, replicas: others });
      if (left === 0) offline = true;
      else if (topic.minInsyncReplicas !== null && left < topic.minInsyncReplicas) fewest = Math.min(fewest ?? left, left);
    }
    if (offline) impact.offlineTopics.push(topic.name);
    else if (fewest !== null && topic.minInsyncReplicas !== null) {
      impact.refusingTopics.push({ name: topic.name, inSync: fewest, minInsyncReplicas: topic.minInsyncReplicas });
    }
  }
  return impact;
}
