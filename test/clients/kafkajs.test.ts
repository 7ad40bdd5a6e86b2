import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel, type Admin, type Consumer, type Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';

/** Ten requests with as many records each, in several segments of the network. */
const LINES = process.env['BROKERDESK_HEAVY'] === '1' ? 100_000 : 20_000;
const CODECS = [
  ['none', CompressionTypes.None],
  ['gzip', CompressionTypes.GZIP],
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
  ['zstd', CompressionTypes.ZSTD],
] as const;

describe('kafkajs', () => {
  let cluster: ClusterProcess;
  let kafka: Kafka;
  let admin: Admin;
  let producer: Producer;

  beforeAll(async () => {
    setUpKafkajs();
    cluster = await ClusterProcess.start();
    kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await Promise.all([admin.connect(), producer.connect()]);
  });

  afterAll(async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    await cluster.stop();
  });

  test.each(CODECS)(`${LINES} records with %s come back as the same set`, async (name, compression) => {
    const topic = `kafkajs-${name}`;
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 6, replicationFactor: 3 }] });
    const values = Array.from({ length: LINES }, (_, i) => `${name}-${i}`);
    for (let i = 0; i < LINES; i += LINES / 10) {
      const messages = values.slice(i, i + LINES / 10).map((value) => ({ key: value, value }));
      await producer.send({ topic, compression, acks: -1, messages });
    }
    const seen = new Set<string>();
    let count = 0;
    await consume(kafka, `read-${name}`, topic, (value) => {
      seen.add(value);
      count++;
      return count >= LINES;
    });
    expect(count).toBe(LINES);
    expect(seen).toEqual(new Set(values));
  });

  test('a group of two shares the partitions, commits, and resumes at its committed offsets', async () => {
    const topic = 'kafkajs-group';
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 6, replicationFactor: 3 }] });
    await producer.send({ topic, messages: Array.from({ length: 1_000 }, (_, i) => ({ key: `k${i}`, value: `v${i}` })) });
    const seen = new Map<string, number>();
    const members = [
      kafka.consumer({ groupId: 'two', sessionTimeout: 10_000, maxWaitTimeInMs: 300 }),
      kafka.consumer({ groupId: 'two', sessionTimeout: 10_000, maxWaitTimeInMs: 300 }),
    ];
    const assigned = members.map(() => 0);
    try {
      await Promise.all(
        members.map(async (member, index) => {
          member.on(member.events.GROUP_JOIN, ({ payload }) => (assigned[index] = payload.memberAssignment[topic]?.length ?? 0));
          await member.connect();
          await member.subscribe({ topic, fromBeginning: true });
          await member.run({
            eachMessage: async ({ message }) => {
              const value = message.value?.toString() ?? '';
              seen.set(value, (seen.get(value) ?? 0) + 1);
            },
          });
        }),
      );
      await expect.poll(() => assigned, { timeout: 30_000 }).toEqual([3, 3]);
      await expect.poll(() => seen.size, { timeout: 30_000 }).toBe(1_000);
      const description = await admin.describeGroups(['two']);
      expect(description.groups[0]).toMatchObject({ state: 'Stable', protocol: 'RoundRobinAssigner' });
    } finally {
      await Promise.all(members.map((member) => member.disconnect()));
    }
    const offsets = await admin.fetchOffsets({ groupId: 'two', topics: [topic] });
    const total = offsets[0]?.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    expect(total).toBe(1_000);
    await admin.deleteGroups(['two']);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('two');
  });

  test('creates, grows, configures and deletes topics', async () => {
    const topic = 'kafkajs-admin';
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '60000' }] }],
    });
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
    // Any broker may be asked, and may receive the metadata of the change after the response to it.
    const partitions = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions;
    await expect.poll(partitions, { timeout: 20_000 }).toHaveLength(4);
    const configs = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] });
    expect(configs.resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue).toBe('60000');
    await admin.deleteTopics({ topics: [topic] });
    await expect.poll(() => admin.listTopics(), { timeout: 20_000 }).not.toContain(topic);
  });

  test('deletes records up to an offset', async () => {
    const topic = 'kafkajs-delete-records';
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor: 3 }] });
    for (const partition of [0, 1])
      await producer.send({ topic, acks: -1, messages: Array.from({ length: 10 }, (_, i) => ({ partition, value: `v${i}` })) });
    // It finds leaders only of topics that its connection has asked for before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({
      topic,
      partitions: [
        { partition: 0, offset: '4' },
        { partition: 1, offset: '-1' },
      ],
    });
    const offsets = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
    expect(offsets.map(({ low, high }) => `${low} to ${high}`)).toEqual(['4 to 10', '10 to 10']);
  });

  test('errors are Kafka’s own', async () => {
    await expect(admin.createTopics({ topics: [{ topic: 'a b', numPartitions: 1 }] })).rejects.toMatchObject({
      errors: [expect.objectContaining({ type: 'INVALID_TOPIC_EXCEPTION' })],
    });
    await expect(admin.createTopics({ topics: [{ topic: 'too-many', numPartitions: 1, replicationFactor: 9 }] })).rejects.toMatchObject({
      errors: [expect.objectContaining({ type: 'INVALID_REPLICATION_FACTOR' })],
    });
    await expect(
      admin.createTopics({ topics: [{ topic: 'odd', numPartitions: 1, configEntries: [{ name: 'no.such.config', value: '1' }] }] }),
    ).rejects.toMatchObject({ errors: [expect.objectContaining({ type: 'INVALID_CONFIG' })] });
  });

  test('a topic is created by being asked for', async () => {
    await producer.send({ topic: 'made-on-demand', messages: [{ value: 'x' }] });
    await expect.poll(() => admin.listTopics(), { timeout: 20_000 }).toContain('made-on-demand');
  });
});

/** Reads from the beginning until `take` says that it is enough. */
async function consume(kafka: Kafka, groupId: string, topic: string, take: (value: string) => boolean): Promise<void> {
  const consumer: Consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 300 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${topic}: not everything came`)), 60_000);
      consumer
        .run({
          eachBatch: async ({ batch }) => {
            for (const message of batch.messages) {
              if (take(message.value?.toString() ?? '')) {
                clearTimeout(timer);
                resolve();
              }
            }
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
