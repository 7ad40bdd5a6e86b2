/** Why a group is not served now, for the incidents that affect it. Pure. */
import { answers, leaderStateOf, type BrokerFacts } from '#shared/health';
import type { GroupReading } from '#shared/incidents/incident';
import type { GroupRow, PartitionRow, TopicRow } from '#shared/models/cluster';

const OFFSETS_TOPIC = '__consumer_offsets';

export function groupReading(group: GroupRow, topics: ReadonlyMap<string, TopicRow>, facts: BrokerFacts): GroupReading {
  const missing = new Set<number>();
  if (facts.stopped.size + facts.unreachable.size === 0) return { id: group.id, partitions: group.partitions, missing };
  const addMissing = (topic: string, partition: number): void => {
    const row = partitionOf(topics.get(topic), partition);
    if (row === undefined || leaderStateOf(row) === 'serving') return;
    for (const { broker } of row.replicas) if (!answers(facts, broker)) missing.add(broker);
  };
  for (const { topic, partition } of group.partitions) addMissing(topic, partition);
  const offsets = topics.get(OFFSETS_TOPIC)?.partitions.length ?? 0;
  if (offsets > 0) addMissing(OFFSETS_TOPIC, offsetsPartition(group.id, offsets));
  return { id: group.id, partitions: group.partitions, missing };
}

/** Partitions are numbered from 0: at its number, unless metadata lacks one. */
function partitionOf(topic: TopicRow | undefined, partition: number): PartitionRow | undefined {
  const row = topic?.partitions[partition];
  return row?.partition === partition ? row : topic?.partitions.find((one) => one.partition === partition);
}

/** Whose leader is the coordinator of the group: Kafka's `Utils.abs(groupId.hashCode) % count`, of Java's hash of UTF-16 code units. */
export function offsetsPartition(group: string, count: number): number {
  let hash = 0;
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0;
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % count;
}
