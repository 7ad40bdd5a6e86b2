/** Topics with every kind of replication, records in each partition, and groups that are behind, caught up, or have committed for a part. */
import type { Kafka } from 'kafkajs';
import { ClusterClient } from '../../../electron/admin/cluster-client.ts';
import { setCommitted } from '../../../electron/admin/group-offsets.ts';

const RECORDS = 10;
const WRITE_MS = 4_000;
const TOPIC_PLANS = [
  { topic: 'orders', partitions: 6, factor: 3, minInsync: 2 },
  { topic: 'pairs', partitions: 3, factor: 2, minInsync: 2 },
  { topic: 'single', partitions: 3, factor: 1, minInsync: 1 },
] as const;

export const TOPICS: readonly string[] = TOPIC_PLANS.map(({ topic }) => topic);
/** Each with offsets in all topics; several, so that each broker coordinates one or more. */
export const GROUPS: readonly string[] = ['behind-1', 'behind-2', 'behind-3', 'behind-4', 'in-part'];

export async function fillCluster(kafka: Kafka, bootstrap: string, brokers: readonly number[]): Promise<void> {
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
  for (const { topic, partitions, factor, minInsync } of TOPIC_PLANS) {
    const replicaAssignment = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      replicas: Array.from({ length: factor }, (_unused, i) => brokers[(partition + i) % brokers.length] ?? 1),
    }));
    const configEntries = [{ name: 'min.insync.replicas', value: `${minInsync}` }];
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, replicaAssignment, configEntries }] });
    const messages = Array.from({ length: RECORDS * partitions }, (_, i) => ({
      partition: i % partitions,
      key: `${i}`,
      value: `record ${i}`,
    }));
    await producer.send({ topic, acks: -1, messages });
  }
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  // Without a member: kafkajs joins the group for each topic, which takes seconds each time.
  const client = new ClusterClient({ bootstrap, clientId: 'truth' });
  for (const group of GROUPS)
    for (const { topic, partitions } of TOPIC_PLANS) {
      const committed = group === 'in-part' ? partitions - 1 : partitions;
      await setCommitted(
        client,
        group,
        topic,
        new Map(Array.from({ length: committed }, (_, partition) => [partition, BigInt(partition)])),
      );
    }
  client.close();
}

/** One record to each partition, in each where that is possible: what fails when a disk is full shows in writing only. */
export async function writeToEach(kafka: Kafka): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
  const ended = new Promise((resolve) => setTimeout(resolve, WRITE_MS));
  const write = async (): Promise<unknown> => {
    await producer.connect();
    return Promise.allSettled(
      TOPIC_PLANS.flatMap(({ topic, partitions }) =>
        Array.from({ length: partitions }, (_, partition) =>
          producer.send({ topic, acks: 1, timeout: WRITE_MS, messages: [{ partition, value: 'written while broken' }] }),
        ),
      ),
    );
  };
  // No broker may be within reach.
  await Promise.race([write().catch(() => undefined), ended]);
  await Promise.race([producer.disconnect(), ended]);
}
