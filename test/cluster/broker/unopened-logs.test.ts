import { expect, test } from 'vitest';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import type { MetadataImage, TopicImage } from '../../../electron/cluster/quorum/image.ts';
import { TestCluster, TOPIC } from './harness.ts';

const DIRECTORY = '/data/1/orders-0';

/** A cluster of one broker that was restarted with an unreadable topic id in the log of its only partition. */
async function withUnopenedLog(prepare: (cluster: TestCluster) => void = () => undefined): Promise<TestCluster> {
  const cluster = new TestCluster({ brokers: 1 });
  cluster.createTopic([1]);
  await cluster.produce(1, ['old']);
  const { logs, disk } = cluster.broker(1);
  logs.get(TOPIC, 0)?.roll();
  logs.get(TOPIC, 0)?.flush();
  logs.checkpoint();
  cluster.kill(1);
  disk.writeFileAtomic(`${DIRECTORY}/partition.metadata`, Buffer.from('nonsense'));
  prepare(cluster);
  cluster.restart(1);
  expect([...cluster.broker(1).logs.failures.keys()]).toEqual(['orders-0']);
  return cluster;
}

async function produceByName(cluster: TestCluster): Promise<number | undefined> {
  const records = buildBatch({ records: [{ value: Buffer.from('new') }], timestamp: 1n });
  const body = { acks: -1, timeoutMs: 100, topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }] };
  return (await cluster.ask(1, produce, body, 9)).responses[0]?.partitionResponses[0]?.errorCode;
}

const without = (image: MetadataImage): MetadataImage => ({ ...image, topics: new Map(), topicsById: new Map() });

function publish(cluster: TestCluster, after: MetadataImage, deletedTopics: readonly TopicImage[] = []): void {
  const broker = cluster.broker(1);
  const before = broker.image;
  cluster.image = after;
  broker.image = after;
  const partitions = [...after.topics.values()].flatMap((topic) => topic.partitions);
  broker.replicas.applyChange({ before, after, partitions, deletedTopics, brokers: [], configs: [] });
}

function keptDirectories(cluster: TestCluster): string[] {
  return cluster
    .broker(1)
    .disk.list('/data/1')
    .filter((name) => name.startsWith('orders-0.'));
}

test('a re-created topic does not inherit a log of the deleted topic that could not be opened', async () => {
  const cluster = await withUnopenedLog();
  expect(await produceByName(cluster)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  const { topics } = cluster.image;
  publish(cluster, without(cluster.image), [...topics.values()]);
  expect([...cluster.broker(1).logs.failures.keys()]).toEqual([]);
  expect(keptDirectories(cluster)).toHaveLength(1);
  cluster.createTopic([1]);
  expect(await produceByName(cluster)).toBe(ErrorCode.NONE);
  expect(cluster.values(1)).toEqual(['new']);
});

test('a partition that moves away and back does not inherit a log that could not be opened', async () => {
  const cluster = await withUnopenedLog();
  cluster.change({ replicas: [2], isr: [2], leader: 2 });
  expect(await produceByName(cluster)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  cluster.change({ replicas: [1], isr: [1], leader: 1, leaderEpoch: 1 });
  expect(await produceByName(cluster)).toBe(ErrorCode.NONE);
});

test('a topic that was deleted while its broker was down leaves no log that could not be opened', async () => {
  const cluster = await withUnopenedLog((stopped) => {
    stopped.image = without(stopped.image);
  });
  cluster.broker(1).replicas.deleteStrays();
  expect(keptDirectories(cluster)).toHaveLength(1);
  cluster.createTopic([1]);
  expect(await produceByName(cluster)).toBe(ErrorCode.NONE);
});

test('an unopened log of an assigned replica is not renamed', async () => {
  const cluster = await withUnopenedLog();
  cluster.broker(1).replicas.deleteStrays();
  publish(cluster, cluster.image);
  expect(await produceByName(cluster)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  expect(keptDirectories(cluster)).toEqual([]);
});
