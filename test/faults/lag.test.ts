/**
 * Lag as the screen shows it against a judge that reads the brokers itself, while leaders and coordinators are killed and frozen and records
 * are deleted. `BROKERDESK_JUDGE_SECONDS` makes the run longer.
 */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import type { GroupRow } from '#shared/models/cluster';
import { later } from '../helpers/fault-bench.ts';
import { LagJudge, type ShownLag } from '../helpers/lag-judge.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WebProcess } from '../helpers/web-process.ts';

const TOPIC = 'judged';
const GROUP = 'judged-readers';
const PARTITIONS = 6;
const SECONDS = Number(process.env['BROKERDESK_JUDGE_SECONDS'] ?? 30);
const MAX_SHOWN = 200_000;

let web: WebProcess;
let page: WebClient;

beforeAll(async () => {
  setUpKafkajs();
  web = await WebProcess.start();
  page = await WebClient.open(web.line);
});
afterAll(async () => {
  page.close();
  expect(await web.stop()).toBe(0);
  expect(web.stderr).not.toMatch(/Uncaught|unhandled/i);
});

async function createTopic(): Promise<void> {
  const admin = new Kafka({ brokers: web.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 3, configEntries: [{ name: 'min.insync.replicas', value: '2' }] },
    ],
  });
  await admin.disconnect();
}

async function startLoads(): Promise<void> {
  await page.ask('load/start', {
    load: {
      kind: 'producer',
      name: 'judged-writer',
      topic: TOPIC,
      clients: 1,
      recordsPerSecond: 1_000,
      valueBytes: 100,
      acks: 'all',
      idempotent: true,
      keys: { kind: 'none' },
      records: null,
    },
  });
  await page.ask('load/start', {
    load: {
      kind: 'group',
      name: GROUP,
      topics: [TOPIC],
      members: 2,
      perRecordMs: 3,
      from: 'oldest',
      sessionTimeoutMs: 6_000,
      crashEveryMs: null,
    },
  });
}

const rowNow = async (): Promise<GroupRow | undefined> => (await page.ask('cluster/view', {})).view.groups.find(({ id }) => id === GROUP);

/** One after another, for as long as the run lasts; each leaves the cluster whole. */
const outages: readonly ((node: number) => Promise<void>)[] = [
  async (node) => {
    await page.ask('lab/kill', { node });
    await later(7_000);
    await page.ask('lab/start', { node });
  },
  async (node) => {
    await page.ask('lab/inject', { fault: { type: 'freeze', node } });
    await later(7_000);
    await page.ask('lab/healAll', {});
  },
  async () => {
    const { view } = await page.ask('cluster/view', {});
    const topic = view.topics.find(({ name }) => name === TOPIC);
    const places = (topic?.partitions ?? []).flatMap(({ partition, endOffset }) =>
      endOffset === null || partition > 1 ? [] : [{ partition, before: endOffset }],
    );
    await page.ask('topic/deleteRecords', { name: TOPIC, topicId: topic?.id ?? null, places });
    await later(3_000);
  },
];

test(`every lag that is shown lies between what the brokers return just before and just after (${SECONDS} s)`, async () => {
  await createTopic();
  await startLoads();
  await page.ask('cluster/watch', { topics: [TOPIC], groups: [GROUP] });
  await expect
    .poll(async () => (await rowNow())?.partitions.filter(({ committed }) => committed !== null).length, { timeout: 60_000 })
    .toBe(PARTITIONS);

  const judge = new LagJudge({ bootstrap: web.brokers, topic: TOPIC, partitions: PARTITIONS, group: GROUP });
  const shown: ShownLag[] = [];
  const wrongSums: string[] = [];
  let unknown = 0;
  let readFrom = (await page.ask('cluster/view', {})).view.groupsAsOf;
  page.on('cluster/patched', ({ scalars, groups }) => {
    readFrom = scalars.groupsAsOf ?? readFrom;
    const row = groups.set.find(({ id }) => id === GROUP);
    if (row === undefined || shown.length >= MAX_SHOWN) return;
    const until = Date.now();
    let sum = 0n;
    for (const { partition, lag } of row.partitions) {
      if (lag === null) unknown++;
      else shown.push({ partition, lag: BigInt(lag), from: row.asOf ?? readFrom, until });
      sum += BigInt(lag ?? 0);
    }
    const missing = row.partitions.filter(({ lag }) => lag === null).length;
    if (row.unknown !== missing || BigInt(row.lag ?? 0) !== sum) wrongSums.push(JSON.stringify({ ...row, members: [] }));
  });
  await later(3_000);
  const until = performance.now() + SECONDS * 1_000;
  for (let i = 0; performance.now() < until; i++) {
    await outages[i % outages.length]?.((i % 3) + 1);
    await later(3_000);
  }
  await later(2_000);
  await judge.stop();

  const verdicts = shown.map((one) => ({ ...one, verdict: judge.judge(one) }));
  const judged = verdicts.filter(({ verdict }) => verdict !== null);
  const wrong = judged.filter(({ verdict }) => verdict?.holds === false);
  const zeros = judged.filter(({ lag, verdict }) => lag === 0n && (verdict?.least ?? 0n) > 0n);
  console.log(`${shown.length} lags shown, ${judged.length} judged, ${wrong.length} wrong, ${unknown} unknown`);
  const text = (one: (typeof wrong)[number]): string =>
    `partition ${one.partition}: ${one.lag}, not ${one.verdict?.least} to ${one.verdict?.most} (${one.from} to ${one.until})`;
  expect(wrong.map(text)).toEqual([]);
  expect(zeros).toEqual([]);
  expect(wrongSums).toEqual([]);
  expect(judge.lostCommits).toEqual([]);
  // The judge had something to decide, and the outages were seen.
  expect(judged.length).toBeGreaterThan(SECONDS / 3);
  expect(unknown).toBeGreaterThan(0);
});
