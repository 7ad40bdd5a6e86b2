/** Rows of topics. A row is built again only when something that it is made of is another object. */
import { isLeaderUnknown } from '../../admin/cluster-client.ts';
import { ZERO_TOPIC_ID, type LogBounds } from '../../admin/topics.ts';
import type { PartitionRow, ReplicaState, TopicRow } from '#shared/models/cluster';
import type { ClusterState, MetadataTopic, TopicOffsets, TopicSizes } from './state.ts';

type MetadataPartition = MetadataTopic['partitions'][number];

interface Inputs {
  readonly offsets: TopicOffsets | undefined;
  readonly sizes: TopicSizes | undefined;
  readonly settings: ReadonlyMap<string, string | null> | undefined;
  readonly down: ReadonlySet<number>;
  readonly offsetsAsOf: number | null;
}

/** The last row of each topic, with what it was made of. */
const rows = new WeakMap<MetadataTopic, { inputs: Inputs; row: TopicRow }>();

/** `down` keeps its object while the same nodes are down. */
export function topicRow(topic: MetadataTopic, state: ClusterState, down: ReadonlySet<number>): TopicRow {
  const name = topic.name ?? '';
  const [offsets, sizes, settings] = [state.offsets.get(name), state.sizes.get(name), state.topicSettings.get(name)];
  const offsetsAsOf = offsetsAge(name, state);
  const last = rows.get(topic);
  if (
    last !== undefined &&
    last.inputs.offsets === offsets &&
    last.inputs.sizes === sizes &&
    last.inputs.settings === settings &&
    last.inputs.down === down &&
    last.inputs.offsetsAsOf === offsetsAsOf
  )
    return last.row;
  const inputs: Inputs = { offsets, sizes, settings, down, offsetsAsOf };
  const row = buildRow(topic, inputs);
  rows.set(topic, { inputs, row });
  return row;
}

function buildRow(topic: MetadataTopic, inputs: Inputs): TopicRow {
  const { settings } = inputs;
  const partitions = topic.partitions.map((partition) => partitionRow(partition, inputs)).sort((a, b) => a.partition - b.partition);
  const cleanupPolicy = settings?.get('cleanup.policy') ?? null;
  const minInsync = settings?.get('min.insync.replicas') ?? null;
  return {
    name: topic.name ?? '',
    id: topic.topicId === ZERO_TOPIC_ID ? null : topic.topicId,
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
    offsetsAsOf: inputs.offsetsAsOf,
  };
}

function offsetsAge(topic: string, { offsetTimes }: ClusterState): number | null {
  const readAt = offsetTimes.of(topic);
  return readAt === offsetTimes.roundAt && readAt > 0 ? null : readAt;
}

function partitionRow(partition: MetadataPartition, { offsets, sizes, down }: Inputs): PartitionRow {
  const { partitionIndex } = partition;
  // Until the controller has fenced a broker that is down, and for as long as there is no controller, metadata still lists it.
  const leader = isLeaderUnknown(partition) || down.has(partition.leaderId) ? null : partition.leaderId;
  const bounds = offsets?.partitions.get(partitionIndex);
  return {
    partition: partitionIndex,
    leader,
    leaderEpoch: partition.leaderEpoch < 0 ? null : partition.leaderEpoch,
    replicas: partition.replicaNodes.map((broker) => ({ broker, state: replicaState(broker, leader, partition, down) })),
    // As the leader and the controller have it: a leader that cannot shrink it refuses no write, it waits for the replica that is down.
    isr: [...partition.isrNodes],
    startOffset: boundText(bounds, 'start'),
    endOffset: boundText(bounds, 'end'),
    sizeBytes: (leader === null ? undefined : sizes?.get(leader)?.get(partitionIndex))?.toString() ?? null,
    error: leader === null ? 'LEADER_NOT_AVAILABLE' : bounds !== undefined && 'error' in bounds ? bounds.error : null,
  };
}

export function boundText(bounds: LogBounds | undefined, end: 'start' | 'end'): string | null {
  return bounds === undefined || 'error' in bounds ? null : bounds[end].toString();
}

function replicaState(broker: number, leader: number | null, partition: MetadataPartition, down: ReadonlySet<number>): ReplicaState {
  if (partition.offlineReplicas.includes(broker) || down.has(broker)) return 'offline';
  if (leader === null) return 'electing';
  if (broker === leader) return 'leader';
  return partition.isrNodes.includes(broker) ? 'inSync' : 'lagging';
}

/** Null while any part is unknown. */
function sum(parts: readonly (bigint | null)[]): string | null {
  let total = 0n;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total.toString();
}
