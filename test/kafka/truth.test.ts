/**
 * The truth table on Apache Kafka: what every page states of a cluster that the app only connects to is held against what a client reads, with
 * one node suspended, one killed, and all killed. Needs Kafka's jars, see `tools.test.ts`.
 */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { Desk } from '../e2e/desk.ts';
import { ApacheKafka } from '../helpers/apache-kafka.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { until } from '../helpers/processes.ts';
import { describeWith } from '../helpers/tools.ts';
import { ClusterReader, isUnderReplicated } from '../helpers/truth/cluster-state.ts';
import { fillCluster, GROUPS } from '../helpers/truth/data.ts';
import { readMinInsync } from '../helpers/truth/min-insync.ts';
import { TruthRun } from '../helpers/truth/truth-run.ts';

const jars = process.env['KAFKA_JARS'];
const IDS = [1, 2, 3] as const;
const NAME = 'apache';

describeWith('KAFKA_JARS and a browser', jars !== undefined && hasBrowser, 'truth table on Apache Kafka', () => {
  let kafka: ApacheKafka;
  /** What was started, in reverse. */
  const closers: (() => unknown)[] = [];
  let run: TruthRun;

  beforeAll(async () => {
    setUpKafkajs();
    kafka = await ApacheKafka.start(jars ?? '', {
      nodes: IDS.length,
      settings: {
        'broker.session.timeout.ms': '3000',
        'broker.heartbeat.interval.ms': '500',
        'replica.lag.time.max.ms': '3000',
        'offsets.topic.num.partitions': '6',
        'group.initial.rebalance.delay.ms': '0',
      },
    });
    closers.unshift(() => kafka.stop());
    const desk = await Desk.start('truth-kafka', { brokers: 1 });
    closers.unshift(() => desk.close());
    const bootstrap = kafka.bootstrap.join(',');
    const kafkajs = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 30 } });
    await fillCluster(kafkajs, bootstrap, IDS);
    const brokers = new Map(IDS.map((id, i) => [id, { host: '127.0.0.1', port: Number(kafka.bootstrap[i]?.split(':')[1]) }]));
    const reader = new ClusterReader(brokers, GROUPS);
    closers.unshift(() => reader.close());
    const whole = await reader.read();
    const { addedId } = await desk.ask('connection/add', { name: NAME, bootstrap, colour: 'flow' });
    await desk.page.setViewportSize({ width: 1920, height: 1080 });
    await desk.load(`/overview?connection=${addedId}`);
    await desk.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    run = new TruthRun({
      reader,
      page: desk.page,
      setting: {
        brokers: IDS,
        partitions: [...whole.topics.values()].reduce((sum, partitions) => sum + partitions.size, 0),
        minInsync: await readMinInsync(kafkajs, [...whole.topics.keys()]),
      },
      subjects: { topics: ['orders'], groups: [], brokers: [], hasLab: false },
    });
  }, 180_000);
  afterAll(async () => {
    for (const close of closers) await close();
  });

  test('every page states what a client reads with a node suspended, a node killed, and all killed', async () => {
    const wrong: string[] = [];
    const judge = async (state: string): Promise<void> => {
      const outcome = await run.judge(new Set());
      console.log(`${state}: ${outcome.statements} statements on ${outcome.pages} pages, ${outcome.wrong.length} false`);
      for (const line of outcome.wrong) console.log(`  ${line}`);
      wrong.push(...outcome.wrong.map((line) => `[${state}] ${line}`));
      expect(outcome.statements, state).toBeGreaterThan(50);
    };
    kafka.node(3).suspend();
    await judge('node 3 suspended');
    kafka.node(3).resume();
    await until('every replica is in sync', 60_000, async () => {
      const { topics, listed } = await run.reader.read();
      return listed.size === IDS.length && [...topics.values()].every((one) => ![...one.values()].some(isUnderReplicated));
    });
    await kafka.node(2).kill();
    await judge('node 2 killed');
    await Promise.all(IDS.map((id) => kafka.node(id).kill()));
    await judge('all killed');
    expect(wrong).toEqual([]);
  });
});
