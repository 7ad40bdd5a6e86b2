import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { completeMetadataRecord, type MetadataRecordIn } from '../../electron/cluster/protocol/records/metadata-records.ts';
import type { DecisionContext } from '../../electron/cluster/quorum/controller/decision.ts';
import { applyRecords } from '../../electron/cluster/quorum/image-apply.ts';
import { configKey, EMPTY_IMAGE, TOPIC_RESOURCE, type MetadataImage, type PartitionImage } from '../../electron/cluster/quorum/image.ts';

export const IMAGE_CLUSTER_ID = 'Sj2m1SxYQ6-test-clusterA';

/** A 22-character id that says what it stands for. */
export function testId(name: string): string {
  return Buffer.alloc(16, name).toString('base64url');
}

/** An image with live brokers, their epoch being ten times their id, and topics with the given partitions. */
export function testImage(
  brokers: readonly number[],
  topics: Record<string, readonly (Partial<PartitionImage> & { replicas: readonly number[] })[]> = {},
  extra: { fenced?: readonly number[]; racks?: Record<number, string>; configs?: Record<string, Record<string, string>> } = {},
): MetadataImage {
  const records: MetadataRecordIn[] = brokers.map((id) => ({
    type: 'RegisterBrokerRecord',
    value: {
      brokerId: id,
      incarnationId: testId(`broker ${id}`),
      brokerEpoch: BigInt(id * 10),
      endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9090 + id, securityProtocol: 0 }],
      features: [],
      rack: extra.racks?.[id] ?? null,
      fenced: extra.fenced?.includes(id) ?? false,
    },
  }));
  for (const [name, partitions] of Object.entries(topics)) {
    const topicId = testId(name);
    records.push({ type: 'TopicRecord', value: { name, topicId } });
    for (const [partitionId, partition] of partitions.entries()) {
      records.push({
        type: 'PartitionRecord',
        value: {
          partitionId,
          topicId,
          replicas: partition.replicas,
          isr: partition.isr ?? partition.replicas,
          removingReplicas: [],
          addingReplicas: [],
          leader: partition.leader ?? (partition.isr ?? partition.replicas)[0] ?? -1,
          leaderEpoch: partition.leaderEpoch ?? 0,
          partitionEpoch: partition.partitionEpoch ?? 0,
          leaderRecoveryState: partition.leaderRecoveryState ?? 0,
          eligibleLeaderReplicas: partition.elr ?? null,
          lastKnownElr: partition.lastKnownElr ?? null,
        },
      });
    }
    for (const [key, value] of Object.entries(extra.configs?.[name] ?? {})) {
      records.push({ type: 'ConfigRecord', value: { resourceType: TOPIC_RESOURCE, resourceName: name, name: key, value } });
    }
  }
  return apply({ ...EMPTY_IMAGE, clusterId: IMAGE_CLUSTER_ID }, records);
}

/** The image after records; they count as one batch. */
export function apply(image: MetadataImage, records: readonly MetadataRecordIn[]): MetadataImage {
  const offset = image.offset + BigInt(records.length);
  return applyRecords(image, records.map(completeMetadataRecord), { offset, epoch: 1 }).image;
}

export function testContext(image: MetadataImage, properties: Record<string, string> = {}, seed = 1): DecisionContext {
  return { image, properties, random: seededRandom(seed), nextOffset: image.offset + 1n, allows: () => true };
}

export function partition(image: MetadataImage, topic: string, index = 0): PartitionImage {
  const found = image.topics.get(topic)?.partitions[index];
  if (found === undefined) throw new Error(`no ${topic}-${index}`);
  return found;
}

export { configKey };
