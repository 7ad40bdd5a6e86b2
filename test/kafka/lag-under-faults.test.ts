/**
 * Lag beside three nodes of Apache Kafka at 15,000 records/s, against a judge that reads the brokers itself, while transactions are committed,
 * aborted and open, one node is killed, one is suspended and resumed, retention deletes segments, and a topic is re-created.
 * `BROKERDESK_JUDGE_SECONDS` makes the run longer. Needs Kafka's jars, see `tools.test.ts`.
 */
import type { ChildProcess } from 'node:child_process';
import { Kafka, KafkaJSError, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import { setCommitted } from '../../electron/admin/group-offsets.ts';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { KafkajsSockets } from '../../electron/admin/kafkajs-sockets.ts';
import { ClusterMonitor } from '../../electron/services/view/monitor.ts';
import type { ClusterPatch } from '../../shared/ipc.ts';
import type { GroupRow } from '../../shared/models/cluster.ts';
import { ApacheKafka } from '../helpers/apache-kafka.ts';
import { later } from '../helpers/fault-bench.ts';
import { LagJudge, type ShownLag } from '../helpers/lag-judge.ts';
import { until } from '../helpers/processes.ts';
import { ShownLags } from '../helpers/shown-lags.ts';
import { describeWith } from '../helpers/tools.ts';
import { TransactionLoad } from '../helpers/transaction-load.ts';

const jars = process.env['KAFKA_JARS'];
const SECONDS = Number(process.env['BROKERDESK_JUDGE_SECONDS'] ?? 25);
const RECORDS_PER_SECOND = Number(process.env['BROKERDESK_JUDGE_RATE'] ?? 15_000);
const [PLAIN, TRANSACTIONAL, RECREATED] = ['plain', 'transactional', 're-created'];
const PARTITIONS: Record<string, number> = { [PLAIN]: 6, [TRANSACTIONAL]: 3, [RECREATED]: 1 };
/** Two with members, two whose offsets the test commits. */
const [OF_PLAIN, COMMITTED_READERS, POSITIONS, OF_RECREATED] = ['of-plain', 'committed-readers', 'positions', 'of-re-created'];
const GROUPS = [OF_PLAIN, COMMITTED_READERS, POSITIONS, OF_RECREATED] as const;

describeWith('KAFKA_JARS', jars !== undefined, 'lag beside three nodes of Apache Kafka', () => {
  let kafka: ApacheKafka;
  let kafkajs: Kafka;
  let admin: Admin;
  let load: ChildProcess;
  let transactions: TransactionLoad;
  let monitor: ClusterMonitor;
  /** Of what was started, in that order. */
  const endings: (() => unknown)[] = [];
  const clients: ClusterClient[] = [];
  const errors: unknown[] = [];
  const listeners: ((patch: ClusterPatch) => void)[] = [];

  beforeAll(async () => {
    setUpKafkajs();
    kafka = await ApacheKafka.start(jars ?? '', {
      nodes: 3,
      settings: {
        'broker.session.timeout.ms': '3000',
        'broker.heartbeat.interval.ms': '500',
        'log.retention.check.interval.ms': '3000',
        'log.initial.task.delay.ms': '3000',
        'offsets.topic.num.partitions': '3',
        'transaction.state.log.num.partitions': '3',
        'group.initial.rebalance.delay.ms': '0',
        'min.insync.replicas': '2',
      },
    });
    endings.push(() => kafka.stop());
    const bootstrap = kafka.bootstrap.join(',');
    const { factory: socketFactory } = new KafkajsSockets();
    kafkajs = new Kafka({ brokers: [...kafka.bootstrap], socketFactory, logLevel: logLevel.NOTHING, retry: { retries: 30 } });
    admin = kafkajs.admin();
    await admin.connect();
    endings.push(() => admin.disconnect());
    for (const topic of [PLAIN, TRANSACTIONAL, RECREATED]) await createTopic(topic);
    load = kafka.spawnTool('org.apache.kafka.tools.ProducerPerformance', [
      ...['--topic', PLAIN, '--num-records', String(RECORDS_PER_SECOND * (SECONDS + 600)), '--record-size', '100'],
      ...['--throughput', String(RECORDS_PER_SECOND), '--producer-props', `bootstrap.servers=${bootstrap}`, 'acks=all', 'linger.ms=20'],
    ]);
    endings.push(() => load.kill('SIGKILL'));
    transactions = new TransactionLoad(kafkajs, TRANSACTIONAL, PARTITIONS[TRANSACTIONAL] ?? 0);
    endings.push(() => transactions.stop());
    for (const [groupId, topic] of [[OF_PLAIN, PLAIN], [COMMITTED_READERS, TRANSACTIONAL]] as const) await consume(groupId, topic); // prettier-ignore
    clients.push(...['lag', 'lag-quorum', 'committer'].map((clientId) => new ClusterClient({ bootstrap, clientId })));
    endings.push(() => clients.forEach((client) => client.close()));
    const [client, quorumClient] = clients as [ClusterClient, ClusterClient];
    monitor = new ClusterMonitor({
      connection: { id: 'k', name: 'k', kind: 'remote', bootstrap, colour: 'flow' },
      client,
      quorumClient,
      onPatch: (patch) => listeners.forEach((listener) => listener(patch)),
      onLag: () => undefined,
      onError: (_what, error) => void errors.push(error),
    });
    endings.push(() => monitor.close());
    monitor.start();
    monitor.watch('test', { topics: 'all', groups: 'all' });
  }, 180_000);
  afterAll(async () => {
    for (const end of endings.reverse()) await end();
    expect(errors).toEqual([]);
  });

  async function createTopic(topic: string): Promise<void> {
    const settings = { 'segment.bytes': '1048576', 'retention.bytes': '8388608' };
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const numPartitions = PARTITIONS[topic] ?? 1;
    // kafkajs' own wait fails at a broker that does not know the topic yet.
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, replicationFactor: 3, configEntries }] });
    await until(`${topic} has its leaders`, 30_000, async () => (await leadersOf(topic)) === numPartitions);
  }

  async function leadersOf(topic: string): Promise<number> {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return (topics[0]?.partitions ?? []).filter(({ leader }) => leader >= 0).length;
    } catch (error) {
      if (error instanceof KafkaJSError) return 0;
      throw error;
    }
  }

  async function consume(groupId: string, topic: string): Promise<void> {
    const consumer = kafkajs.consumer({ groupId, sessionTimeout: 10_000, maxWaitTimeInMs: 200 });
    endings.push(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommitInterval: 400, eachBatchAutoResolve: true, eachBatch: () => Promise.resolve() });
  }

  /** Of a group without members. A coordinator that moves refuses it: the next one follows soon. */
  async function commit(group: string, topic: string, partition: number, offset: bigint): Promise<void> {
    try {
      await setCommitted(clients[2] as ClusterClient, group, topic, new Map([[partition, offset]]));
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
    }
  }

  const row = (group: string): GroupRow | undefined => monitor.snapshot().view.groups.find(({ id }) => id === group);
  const idOf = (topic: string): string | null => monitor.snapshot().view.topics.find(({ name }) => name === topic)?.id ?? null;
  const written = (): number =>
    (monitor.snapshot().view.topics.find(({ name }) => name === PLAIN)?.partitions ?? []).reduce(
      (sum, { endOffset }) => sum + Number(endOffset ?? 0),
      0,
    );

  /** Ten records in the new topic, of which the group has read some. */
  async function fillRecreated(): Promise<void> {
    const producer = kafkajs.producer();
    await producer.connect();
    await producer.send({ topic: RECREATED, messages: Array.from({ length: 10 }, () => ({ partition: 0, value: 'one' })) });
    await producer.disconnect();
    await commit(OF_RECREATED, RECREATED, 0, BigInt(Math.floor(Math.random() * 11)));
  }

  async function recreateTopic(): Promise<void> {
    const before = idOf(RECREATED);
    await admin.deleteTopics({ topics: [RECREATED] });
    await expect.poll(async () => (await admin.listTopics()).includes(RECREATED), { timeout: 30_000 }).toBe(false);
    await createTopic(RECREATED);
    await expect.poll(() => idOf(RECREATED) ?? before, { timeout: 30_000 }).not.toBe(before);
    await fillRecreated();
  }

  const faults: readonly ((node: number) => Promise<void>)[] = [
    async (node) => {
      await kafka.node(node).kill();
      await later(5_000);
      await kafka.node(node).start();
    },
    async (node) => {
      kafka.node(node).suspend();
      await later(5_000);
      kafka.node(node).resume();
    },
    recreateTopic,
  ];

  /** After the last record that can be read, before its marker; and somewhere behind. Never lower than before. */
  async function commitPositions(isOver: () => boolean): Promise<void> {
    const highest = new Map<number, bigint>();
    while (!isOver()) {
      for (const { partition, first, last } of transactions.readable.slice(-3)) {
        const offset = Math.random() < 0.5 ? last + 1n : first;
        if (offset < (highest.get(partition) ?? 0n)) continue;
        highest.set(partition, offset);
        await commit(POSITIONS, TRANSACTIONAL, partition, offset);
      }
      await later(700);
    }
  }

  /** Does a transaction that was committed before have a record between position and end? */
  function isReadable(judge: LagJudge, shown: ShownLag): boolean {
    const unread = judge.unread(shown);
    if (shown.topic !== TRANSACTIONAL || unread === null) return true;
    return transactions.readable.some(
      ({ partition, first, last, committedAt }) =>
        partition === shown.partition && committedAt <= shown.from && last >= unread.from && first < unread.until,
    );
  }

  test(
    `every lag that is shown lies between what the brokers return just before and just after (${SECONDS} s)`,
    async () => {
      await fillRecreated();
      let isOver = false;
      const positions = commitPositions(() => isOver);
      for (const group of GROUPS)
        await expect.poll(() => row(group)?.partitions.some(({ lag }) => lag !== null), { timeout: 90_000 }).toBe(true);
      const judge = new LagJudge({
        bootstrap: kafka.bootstrap,
        topics: [PLAIN, TRANSACTIONAL, RECREATED].map((name) => ({
          name,
          partitions: PARTITIONS[name] ?? 1,
          isRecreated: name === RECREATED,
        })),
        groups: GROUPS,
      });
      await later(1_000);
      const shown = new ShownLags(monitor.snapshot().view, GROUPS);
      listeners.push((patch) => shown.take(patch));
      const [startedAt, before] = [performance.now(), written()];
      const until = startedAt + SECONDS * 1_000;
      const begun: string[] = [];
      for (let i = 0; performance.now() < until; i++) {
        begun.push(`${Date.now()}: fault ${i % faults.length} of node ${(i % 3) + 1}`);
        await faults[i % faults.length]?.((i % 3) + 1);
        await later(3_000);
      }
      await expect.poll(() => row(OF_PLAIN)?.unknown, { timeout: 60_000 }).toBe(0);
      const rate = (written() - before) / ((performance.now() - startedAt) / 1_000);
      await later(1_000);
      isOver = true;
      await positions;
      await judge.stop();

      const { judged, unknown, wrong, wrongCount, zeros, wrongSums, ...counts } = shown.outcome(judge, (one) => isReadable(judge, one));
      console.log(
        `${rate.toFixed(0)} records/s, ${transactions.committed} transactions committed, ${transactions.aborted} aborted; ` +
          `${counts.shown} lags shown, ${judged} judged, ${wrongCount} wrong, ${unknown} unknown, ${shown.emptyClaims} with empty offsets`,
      );
      if (wrongCount > 0) console.log([...begun, ...wrong].join('\n'));
      expect(wrong).toEqual([]);
      expect(zeros).toEqual([]);
      expect(wrongSums).toEqual([]);
      // The judge had something to decide, and the faults were seen.
      expect(judged).toBeGreaterThan(SECONDS);
      expect(unknown).toBeGreaterThan(0);
      expect(transactions.committed).toBeGreaterThan(0);
      expect(transactions.aborted).toBeGreaterThan(0);
    },
    400_000 + SECONDS * 1_500,
  );
});
