/**
 * The truth table: in each broken state of a cluster, what every page states is held against what a client reads from the brokers. A few
 * states by default; `BROKERDESK_TRUTH` is `all`, or ranges of states such as `0-12,57`.
 */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { Desk } from '../e2e/desk.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { until } from '../helpers/processes.ts';
import { describeWith } from '../helpers/tools.ts';
import { isUnderReplicated, ClusterReader } from '../helpers/truth/cluster-state.ts';
import { allStates, BROKERS, cutOffBy, WHOLE_CLUSTER, type BrokenState } from '../helpers/truth/fault-table.ts';
import { readMinInsync } from '../helpers/truth/min-insync.ts';
import { TruthRun } from '../helpers/truth/truth-run.ts';
import { fillCluster, GROUPS, TOPICS, writeToEach } from '../helpers/truth/data.ts';

const WANTED = process.env['BROKERDESK_TRUTH'] ?? '';
const IS_LONG = WANTED !== '';
const HEALED_MS = 60_000;
const STATES = chosen([...allStates(), ...WHOLE_CLUSTER, { name: 'no fault', faults: [] }]);

function chosen(states: readonly BrokenState[]): readonly BrokenState[] {
  if (WANTED === 'all') return states;
  if (WANTED !== '')
    return WANTED.split(',').flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return states.slice(from, to + 1);
    });
  // Two brokers in trouble at a time; one that answers the others and no client.
  return states.filter(({ name }) => /^freeze \d, fullDisk|^partition clients-\d both$/.test(name));
}

describeWith('a browser', hasBrowser, 'truth table', () => {
  let desk: Desk;
  /** What was started, in reverse. */
  const closers: (() => unknown)[] = [];
  let run: TruthRun;
  const kafkajs = (): Kafka =>
    new Kafka({
      brokers: desk.web.brokers,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
    });

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('truth');
    closers.unshift(() => desk.close());
    await desk.page.setViewportSize({ width: 1920, height: 1080 });
    await fillCluster(kafkajs(), desk.web.line.bootstrap, BROKERS);
    await desk.ask('load/start', {
      load: {
        kind: 'group',
        name: 'reading',
        topics: ['orders'],
        members: 1,
        perRecordMs: 1,
        from: 'oldest',
        sessionTimeoutMs: 6_000,
        crashEveryMs: null,
      },
    });
    const brokers = new Map(
      desk.web.brokers.map((address, i) => {
        const [host = '', port] = address.split(':');
        return [i + 1, { host, port: Number(port) }];
      }),
    );
    const reader = new ClusterReader(brokers, [...GROUPS, 'reading']);
    closers.unshift(() => reader.close());
    await until('the group has committed', 60_000, async () => (await reader.read()).groups.get('reading')?.committed.size === 6);
    const whole = await reader.read();
    run = new TruthRun({
      reader,
      page: desk.page,
      setting: {
        brokers: BROKERS,
        partitions: [...whole.topics.values()].reduce((sum, partitions) => sum + partitions.size, 0),
        minInsync: await readMinInsync(kafkajs(), [...whole.topics.keys()]),
      },
      subjects: {
        topics: IS_LONG ? ['orders', 'single'] : ['orders'],
        groups: IS_LONG ? ['reading', 'behind-1'] : ['reading'],
        brokers: IS_LONG ? [1, 3] : [1],
        hasLab: true,
      },
    });
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });

  async function healed(): Promise<void> {
    await desk.ask('lab/healAll', {});
    await expect
      .poll(
        async () => {
          const { answering, listed, topics, groups } = await run.reader.read();
          const partitions = [...topics.values()].flatMap((one) => [...one.values()]);
          return (
            answering.size === BROKERS.length &&
            listed.size === BROKERS.length &&
            partitions.length > 0 &&
            partitions.every((partition) => !isUnderReplicated(partition) && partition.end !== null) &&
            groups.get('reading')?.state === 'Stable'
          );
        },
        { timeout: HEALED_MS, interval: 500 },
      )
      .toBe(true);
    for (const name of TOPICS) await desk.ask('topic/electPreferred', { name });
  }

  test(
    `every page states what a client reads, in ${STATES.length} broken states`,
    { timeout: 180_000 * Math.max(2, STATES.length) },
    async () => {
      const wrong: string[] = [];
      let statements = 0;
      for (const [i, { name, faults }] of STATES.entries()) {
        const from = performance.now();
        for (const fault of faults) await desk.ask('lab/inject', { fault });
        await writeToEach(kafkajs());
        const outcome = await run.judge(cutOffBy(faults));
        statements += outcome.statements;
        wrong.push(...outcome.wrong.map((line) => `[${name}] ${line}`));
        if (i < STATES.length - 1) await healed();
        console.log(
          `${name}: ${outcome.statements} statements on ${outcome.pages} pages, ${outcome.wrong.length} false, ${Math.round((performance.now() - from) / 1_000)} s`,
        );
        for (const line of outcome.wrong) console.log(`  ${line}`);
        for (const line of outcome.uncovered) console.log(`  not judged: ${line}`);
        // Of a state with too little to decide, nothing is known.
        expect(outcome.statements, name).toBeGreaterThan(100);
      }
      console.log(`${STATES.length} states, ${statements} statements, ${wrong.length} false`);
      expect(wrong).toEqual([]);
    },
  );
});
