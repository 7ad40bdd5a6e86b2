/** Makes the view that the pages show out of what was last heard. Pure: the same state gives the same view. */
import { isLeaderUnknown, type ClusterMetadata } from '../../admin/cluster-client.ts';
import { partitionKey, type OffsetAnswer } from '../../admin/topics.ts';
import type {
  BrokerRow,
  BrokerState,
  ClusterView,
  Connection,
  GroupPartition,
  GroupRow,
  PartitionRow,
  ReplicaState,
  TopicRow,
} from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';
import type { ClusterState } from './state.ts';

type MetadataTopic = ClusterMetadata['topics'][number];
type MetadataPartition = MetadataTopic['partitions'][number];

export function buildView(connection: Connection, state: ClusterState): ClusterView {
  const down = downNodes(state.nodes);
  const topics = (state.metadata?.topics ?? [])
    .filter(({ name, errorCode }) => name !== null && errorCode === 0)
    .map((topic) => topicRow(topic, state, down));
  return {
    connection,
    clusterId: state.clusterId,
    controllerId: livingController(state, down),
    brokers: brokerRows(state, topics, down),
    topics: topics.sort((a, b) => (a.name < b.name ? -1 : 1)),
    groups: [...state.groups.keys()].sort().map((id) => groupRow(id, state)),
    quorum: state.quorum,
    rates: {
      inBytesPerSecond: state.inBytesPerSecond,
      outBytesPerSecond: state.outBytesPerSecond,
      recordsInPerSecond: state.recordsInPerSecond,
    },
    unreachable: [...state.unreachable].map(([broker, error]) => ({ broker, error })).sort((a, b) => a.broker - b.broker),
    asOf: state.asOf,
    offsetsAsOf: state.offsetsAsOf,
  };
}

/** Nodes of the embedded cluster that certainly serve nothing, whatever the metadata still says. */
function downNodes(nodes: readonly LabNode[] | null): ReadonlySet<number> {
  return new Set((nodes ?? []).filter(({ state }) => state === 'stopped' || state === 'killed' || state === 'failed').map(({ id }) => id));
}

/** The controller; null when it is known to be gone and no other has been heard of yet. */
function livingController(state: ClusterState, down: ReadonlySet<number>): number | null {
  return state.controllerId === null || down.has(state.controllerId) ? null : state.controllerId;
}

function topicRow(topic: MetadataTopic, state: ClusterState, down: ReadonlySet<number>): TopicRow {
  const name = topic.name ?? '';
  const settings = state.topicSettings.get(name);
  const partitions = topic.partitions
    .map((partition) => partitionRow(name, partition, state, down))
    .sort((a, b) => a.partition - b.partition);
  const cleanupPolicy = settings?.get('cleanup.policy') ?? null;
  const minInsync = settings?.get('min.insync.replicas') ?? null;
  return {
    name,
    id: /^A{22}$/.test(topic.topicId) ? null : topic.topicId,
    internal: topic.isInternal,
    replicationFactor: partitions[0]?.replicas.length ?? 0,
    partitions,
    cleanupPolicy,
    minInsyncReplicas: minInsync === null ? null : Number(minInsync),
    records: sum(
      partitions.map(({ startOffset, endOffset }) =>
        startOffset === null || endOffset === null ? null : BigInt(endOffset) - BigInt(startOffset),
      ),
    ),
    sizeBytes: sum(partitions.map(({ sizeBytes }) => (sizeBytes === null ? null : BigInt(sizeBytes)))),
    recordsEstimated: cleanupPolicy?.includes('compact') ?? false,
    offsetsAsOf: offsetsAge(name, state),
  };
}

function offsetsAge(topic: string, state: ClusterState): number | null {
  const readAt = state.offsetsReadAt.get(topic) ?? 0;
  return readAt === state.offsetsAsOf && readAt > 0 ? null : readAt;
}

function partitionRow(topic: string, partition: MetadataPartition, state: ClusterState, down: ReadonlySet<number>): PartitionRow {
  const key = partitionKey(topic, partition.partitionIndex);
  // Until the controller has fenced a broker that is gone, and for ever where there is no controller, metadata still names it.
  const leader = isLeaderUnknown(partition) || down.has(partition.leaderId) ? null : partition.leaderId;
  const start = state.startOffsets.get(key);
  const end = state.endOffsets.get(key);
  return {
    partition: partition.partitionIndex,
    leader,
    leaderEpoch: partition.leaderEpoch < 0 ? null : partition.leaderEpoch,
    replicas: partition.replicaNodes.map((broker) => ({ broker, state: replicaState(broker, leader, partition, down) })),
    isr: partition.isrNodes.filter((id) => !down.has(id)),
    startOffset: offsetText(start),
    endOffset: offsetText(end),
    sizeBytes: (leader === null ? undefined : state.logSizes.get(leader)?.get(key))?.toString() ?? null,
    error: leader === null ? 'LEADER_NOT_AVAILABLE' : end !== undefined && 'error' in end ? end.error : null,
  };
}

function replicaState(broker: number, leader: number | null, partition: MetadataPartition, down: ReadonlySet<number>): ReplicaState {
  if (partition.offlineReplicas.includes(broker) || down.has(broker)) return 'offline';
  if (leader === null) return 'electing';
  if (broker === leader) return 'leader';
  return partition.isrNodes.includes(broker) ? 'inSync' : 'lagging';
}

function offsetText(answer: OffsetAnswer | undefined): string | null {
  return answer !== undefined && 'offset' in answer ? answer.offset.toString() : null;
}

/** Null while any part is unknown: a sum that leaves something out is a lie. */
function sum(parts: readonly (bigint | null)[]): string | null {
  let total = 0n;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total.toString();
}

function brokerRows(state: ClusterState, topics: readonly TopicRow[], down: ReadonlySet<number>): BrokerRow[] {
  const listed = new Map((state.metadata?.brokers ?? []).map((broker) => [broker.nodeId, broker]));
  const nodes = new Map((state.nodes ?? []).map((node) => [node.id, node]));
  // Of our own nodes the supervisor knows all: one that is neither there nor listed was removed. Elsewhere one that is gone may come back.
  const remembered = state.nodes === null ? state.seenBrokers.keys() : [];
  const ids = [...new Set([...listed.keys(), ...nodes.keys(), ...remembered])].sort((a, b) => a - b);
  const counts = replicaCounts(topics);
  return ids.map((id) => {
    const node = nodes.get(id);
    const seen = state.seenBrokers.get(id);
    const broker = listed.get(id);
    const count = counts.get(id);
    const sizes = state.logSizes.get(id);
    const known = state.metadata !== null;
    return {
      id,
      host: broker?.host ?? seen?.host ?? node?.host ?? null,
      port: broker?.port ?? node?.port ?? seen?.port ?? null,
      rack: broker?.rack ?? seen?.rack ?? null,
      state: brokerState(broker !== undefined, node, state.unreachable.has(id)),
      since:
        node !== undefined && node.state !== 'running'
          ? node.since
          : broker === undefined
            ? (seen?.goneSince ?? node?.since ?? null)
            : (node?.since ?? null),
      isController: livingController(state, down) === id,
      quorumRole: quorumRole(id, state, node),
      leaders: known ? (count?.leaders ?? 0) : null,
      replicas: known ? (count?.replicas ?? 0) : null,
      inSync: known ? (count?.inSync ?? 0) : null,
      sessionAgeMs: node?.sessionAgeMs ?? null,
      sessionTimeoutMs: node?.sessionTimeoutMs ?? null,
      logBytes: sizes === undefined ? null : [...sizes.values()].reduce((total, size) => total + size, 0n).toString(),
      lab:
        node === undefined
          ? null
          : {
              port: node.port,
              controllerPort: node.controllerPort,
              running: node.state === 'running' || node.state === 'starting' || node.state === 'frozen',
              memoryBytes: node.memoryBytes,
            },
    };
  });
}

function brokerState(listed: boolean, node: LabNode | undefined, unreachable: boolean): BrokerState {
  if (node !== undefined) {
    if (node.state === 'starting') return 'starting';
    if (node.state === 'stopping') return 'shuttingDown';
    if (node.state === 'frozen') return 'frozen';
    if (node.state !== 'running') return 'down';
    return listed ? (unreachable ? 'unreachable' : 'online') : 'fenced';
  }
  if (!listed) return 'down';
  return unreachable ? 'unreachable' : 'online';
}

function quorumRole(id: number, state: ClusterState, node: LabNode | undefined): BrokerRow['quorumRole'] {
  if (state.quorum?.leaderId === id) return 'leader';
  if (node !== undefined && node.role !== null) return node.role;
  if (state.quorum?.voters.some((voter) => voter.id === id)) return 'follower';
  if (state.quorum?.observers.some((observer) => observer.id === id)) return 'observer';
  return null;
}

function replicaCounts(topics: readonly TopicRow[]): Map<number, { leaders: number; replicas: number; inSync: number }> {
  const counts = new Map<number, { leaders: number; replicas: number; inSync: number }>();
  for (const topic of topics) {
    for (const partition of topic.partitions) {
      for (const { broker } of partition.replicas) {
        let count = counts.get(broker);
        if (count === undefined) {
          count = { leaders: 0, replicas: 0, inSync: 0 };
          counts.set(broker, count);
        }
        count.replicas++;
        if (partition.leader === broker) count.leaders++;
        if (partition.isr.includes(broker)) count.inSync++;
      }
    }
  }
  return counts;
}

function groupRow(id: string, state: ClusterState): GroupRow {
  const group = state.groups.get(id);
  const described = group?.described ?? null;
  const partitions = groupPartitions(id, state);
  const known = partitions.filter(({ lag }) => lag !== null);
  return {
    id,
    state: described?.state ?? 'Unknown',
    protocolType: described?.protocolType ?? group?.listed.protocolType ?? '',
    protocol: described?.protocol ?? null,
    coordinator: group === undefined || group.error !== null ? null : group.listed.coordinator,
    members: described?.members ?? [],
    partitions,
    lag: known.length === 0 ? null : known.reduce((total, { lag }) => total + BigInt(lag ?? 0), 0n).toString(),
    unknown: partitions.length - known.length,
    error: group?.error ?? described?.error ?? null,
    asOf: groupAge(group?.asOf ?? 0, partitions, state),
  };
}

/** A topic that has never been read has no figures, and so no age. */
function groupAge(describedAt: number, partitions: readonly GroupPartition[], state: ClusterState): number {
  const ages = [...new Set(partitions.map(({ topic }) => topic))].map((topic) => state.offsetsReadAt.get(topic) ?? describedAt);
  return ages.reduce((oldest, age) => Math.min(oldest, age), describedAt);
}

function groupPartitions(id: string, state: ClusterState): GroupPartition[] {
  const group = state.groups.get(id);
  if (group === undefined) return [];
  const owners = new Map<string, string>();
  for (const member of group.described?.members ?? []) {
    for (const { topic, partitions } of member.assignment) {
      for (const partition of partitions) owners.set(partitionKey(topic, partition), member.memberId);
    }
  }
  const leaders = leaderByKey(state);
  // A topic that it reads is shown whole: a partition that it never committed to is not the same as one without lag.
  const topics = new Set([...owners.keys(), ...group.committed.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))));
  const siblings = (state.metadata?.topics ?? []).flatMap(({ name, partitions }) =>
    name !== null && topics.has(name) ? partitions.map(({ partitionIndex }) => partitionKey(name, partitionIndex)) : [],
  );
  return [...new Set([...owners.keys(), ...group.committed.keys(), ...siblings])]
    .map((key) => {
      const slash = key.lastIndexOf('/');
      const committed = group.committed.get(key);
      const end = state.endOffsets.get(key);
      const endOffset = end !== undefined && 'offset' in end ? end.offset : null;
      const offset = committed?.offset ?? null;
      return {
        topic: key.slice(0, slash),
        partition: Number(key.slice(slash + 1)),
        memberId: owners.get(key) ?? null,
        leader: leaders.get(key) ?? null,
        committed: offset?.toString() ?? null,
        endOffset: endOffset?.toString() ?? null,
        lag: offset === null || endOffset === null ? null : (endOffset > offset ? endOffset - offset : 0n).toString(),
        committedAt: committed?.changedAt ?? null,
        metadata: committed?.metadata ?? null,
      };
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

const leaderCache = new WeakMap<ClusterMetadata, Map<string, number>>();

/** By metadata answer, since every group asks for it. */
function leaderByKey(state: ClusterState): ReadonlyMap<string, number> {
  if (state.metadata === null) return new Map();
  let leaders = leaderCache.get(state.metadata);
  if (leaders === undefined) {
    leaders = new Map();
    for (const topic of state.metadata.topics) {
      for (const partition of topic.partitions) {
        if (!isLeaderUnknown(partition)) leaders.set(partitionKey(topic.name ?? '', partition.partitionIndex), partition.leaderId);
      }
    }
    leaderCache.set(state.metadata, leaders);
  }
  return leaders;
}
