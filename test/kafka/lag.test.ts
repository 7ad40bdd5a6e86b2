/**
 * Lag of groups on Apache Kafka with transactions, which the embedded cluster has none of: markers, aborted records, open transactions, and
 * offsets whose topic was deleted. Needs Kafka's jars, see `tools.test.ts`.
 */
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Kafka, logLevel, type Admin, type Producer, type Transaction } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { setCommitted } from '../../electron/admin/group-offsets.ts';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { ClusterMonitor } from '../../electron/services/view/monitor.ts';
import type { BrokerDisk, GroupPartition } from '../../shared/models/cluster.ts';
import { ApacheKafka } from '../helpers/apache-kafka.ts';
import { describeWith } from '../helpers/tools.ts';

const jars = process.env['KAFKA_JARS'];
const TOPIC = 'transactional';

describeWith('KAFKA_JARS', jars !== undefined, 'lag beside Apache Kafka', () => {
  let kafka: ApacheKafka;
  let admin: Admin;
  let producer: Producer;
  let clients: ClusterClient[];
  let monitor: ClusterMonitor;
  const errors: unknown[] = [];

  beforeAll(async () => {
    setUpKafkajs();
    kafka = await ApacheKafka.start(jars ?? '');
    const bootstrap = `127.0.0.1:${kafka.port}`;
    const kafkajs = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 30 } });
    admin = kafkajs.admin();
    await admin.connect();
    for (const topic of [TOPIC, 'deleted']) await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2 }] });
    producer = kafkajs.producer({ transactionalId: 'judge', maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    clients = [1, 2].map(() => new ClusterClient({ bootstrap, clientId: 'lag' }));
    const [client, quorumClient] = clients as [ClusterClient, ClusterClient];
    monitor = new ClusterMonitor({
      connection: { id: 'k', name: 'k', kind: 'remote', bootstrap, colour: 'flow' },
      client,
      quorumClient,
      onPatch: () => undefined,
      onLag: () => undefined,
      onError: (_what, error) => void errors.push(error),
    });
    monitor.start();
  }, 120_000);
  afterAll(async () => {
    monitor.close();
    for (const client of clients) client.close();
    await producer.disconnect();
    await admin.disconnect();
    await kafka.stop();
    expect(errors).toEqual([]);
  });

  async function transaction(end: 'commit' | 'abort' | 'open'): Promise<Transaction> {
    const running = await producer.transaction();
    await running.send({ topic: TOPIC, messages: [{ partition: 0, value: 'one' }, { partition: 0, value: 'two' }] }); // prettier-ignore
    if (end === 'commit') await running.commit();
    if (end === 'abort') await running.abort();
    return running;
  }

  const commit = (group: string, topic: string, offset: bigint): Promise<void> =>
    setCommitted(clients[0] as ClusterClient, group, topic, new Map([[0, offset]]));
  const rowOf = (group: string, topic = TOPIC, partition = 0): GroupPartition | undefined =>
    monitor
      .snapshot()
      .view.groups.find(({ id }) => id === group)
      ?.partitions.find((one) => one.topic === topic && one.partition === partition);

  test('names markers, aborted records, open transactions and offsets of a deleted topic', async () => {
    await transaction('commit');
    // Offsets 0 and 1 are records, 2 is the marker; 3 and 4 are aborted, 5 is their marker.
    await transaction('abort');
    for (const [group, offset] of [['caught-up', 2n], ['behind', 1n], ['at-end', 6n], ['beyond', 99n]] as const) await commit(group, TOPIC, offset); // prettier-ignore
    await commit('caught-up', 'deleted', 0n);
    monitor.watch('test', { topics: 'none', groups: ['caught-up', 'behind', 'at-end', 'beyond'] });
    await expect.poll(() => rowOf('caught-up'), { timeout: 30_000 }).toMatchObject({ lag: '0', emptyOffsets: '4', openTransaction: false });
    await expect.poll(() => rowOf('behind')?.nextUnreadAt, { timeout: 30_000 }).toBeGreaterThan(Date.now() - 120_000);
    expect(rowOf('behind')).toMatchObject({ lag: '5', emptyOffsets: null });
    expect(rowOf('at-end')).toMatchObject({ lag: '0', emptyOffsets: null, nextUnreadAt: null });
    expect(rowOf('beyond')).toMatchObject({ lag: '0', beyondEnd: '93' });
    // The other partition is empty and was never committed.
    expect(rowOf('caught-up', TOPIC, 1)).toMatchObject({ lag: '0', committed: null, unknown: null });

    const open = await transaction('open');
    await expect.poll(() => rowOf('at-end'), { timeout: 30_000 }).toMatchObject({ openTransaction: true, lag: '2' });
    await open.abort();
    await expect.poll(() => rowOf('at-end'), { timeout: 30_000 }).toMatchObject({ openTransaction: false, lag: '0', emptyOffsets: '3' });

    await admin.deleteTopics({ topics: ['deleted'] });
    // Apache Kafka removes the offsets of a deleted topic: shown as such, or as no part of the group, never as not committed.
    await expect.poll(() => rowOf('caught-up', 'deleted')?.absent ?? 'topic', { timeout: 30_000 }).toBe('topic');
  });

  test('shows the volume that Apache Kafka reports for its log directory (KIP-827)', async () => {
    const { frsize, blocks } = statfsSync(tmpdir(), { bigint: true });
    const diskOf = (): BrokerDisk | null => monitor.snapshot().view.brokers[0]?.disk ?? null;
    await expect.poll(diskOf, { timeout: 30_000 }).toMatchObject({ directories: 1, totalBytes: String(frsize * blocks) });
    const { totalBytes = '', usableBytes = '' } = diskOf() ?? {};
    expect(BigInt(usableBytes)).toBeGreaterThanOrEqual(0n);
    expect(BigInt(usableBytes)).toBeLessThanOrEqual(BigInt(totalBytes));
  });
});
