import type { Random } from '../../electron/cluster/lib/random.ts';
import { randomUuid } from '../../electron/cluster/protocol/uuid.ts';
import {
  configKey,
  EMPTY_IMAGE,
  type BrokerRegistration,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from '../../electron/cluster/quorum/image.ts';
import { IMAGE_CLUSTER_ID } from './metadata-image.ts';

/** Any image that records could have made, whether or not a controller would. */
export function randomImage(random: Random): MetadataImage {
  const some = (most: number): number[] => Array.from({ length: random.int(most + 1) }, () => random.int(1000));
  const brokers = new Map<number, BrokerRegistration>();
  for (const id of new Set(some(5))) {
    brokers.set(id, {
      id,
      epoch: BigInt(random.int(1e9)),
      incarnationId: randomUuid(random),
      listeners: some(2).map((port) => ({ name: `L${port}`, host: `host-${port}`, port, securityProtocol: random.int(4) })),
      rack: random.int(2) === 0 ? null : `rack ${random.int(3)}`,
      fenced: random.int(2) === 0,
      inControlledShutdown: random.int(2) === 0,
    });
  }
  const topics = new Map<string, TopicImage>();
  for (const number of new Set(some(6))) {
    const topicId = randomUuid(random);
    const topic = `topic-${number}`;
    const partitions = Array.from({ length: random.int(5) }, (_, partition): PartitionImage => ({
      topicId,
      topic,
      partition,
      replicas: some(5),
      isr: some(4),
      elr: some(3),
      lastKnownElr: some(2),
      addingReplicas: some(2),
      removingReplicas: some(2),
      leader: random.int(5) - 1,
      leaderEpoch: random.int(1e6),
      partitionEpoch: random.int(1e6),
      leaderRecoveryState: random.int(2),
    }));
    topics.set(topic, { id: topicId, name: topic, partitions });
  }
  const configs = new Map<string, ReadonlyMap<string, string>>();
  for (const number of some(4)) {
    const entries = new Map(some(3).map((value) => [`setting.${value}`, random.int(4) === 0 ? '' : `${value}:ü`]));
    if (entries.size > 0)
      configs.set(random.int(2) === 0 ? configKey(2, `topic-${number}`) : configKey(4, random.int(2) === 0 ? '' : `${number}`), entries);
  }
  return {
    ...EMPTY_IMAGE,
    clusterId: IMAGE_CLUSTER_ID,
    offset: BigInt(random.int(1e9)),
    epoch: random.int(1000),
    brokers,
    topics,
    topicsById: new Map([...topics.values()].map((topic) => [topic.id, topic])),
    configs,
    features: new Map(some(3).map((value) => [`feature.${value}`, 1 + random.int(30)])),
    nextProducerId: random.int(2) === 0 ? 0n : BigInt(random.int(1e9)),
  };
}
