/**
 * Lag as the screen shows it against a judge that reads the brokers itself, at 15,000 records/s, while brokers are killed, frozen and isolated,
 * records are deleted and a topic is re-created. `BROKERDESK_JUDGE_SECONDS` makes the run longer.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import type { GroupRow, TopicRow } from '#shared/models/cluster';
import { later } from '../helpers/fault-bench.ts';
import { LagJudge } from '../helpers/lag-judge.ts';
import { ShownLags } from '../helpers/shown-lags.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WebProcess } from '../helpers/web-process.ts';

const TOPIC = 'judged';
const RECREATED = 're-created';
/** The slow one is ever further behind, so that deletions overtake it. */
const [SLOW, FAST, OF_RECREATED] = ['slow-readers', 'fast-readers', 'readers-of-re-created'];
const PARTITIONS = 6;
const RECREATED_PARTITIONS = 2;
const RECORDS_PER_SECOND = Number(process.env['BROKERDESK_JUDGE_RATE'] ?? 15_000);
const SECONDS = Number(process.env['BROKERDESK_JUDGE_SECONDS'] ?? 30);
/** Of a partition so many records stay when the others are deleted. */
const KEPT_RECORDS = 5_000n;
const SEGMENT_BYTES = String(8 * 1024 * 1024);

let directory: string;
let web: WebProcess;
let page: WebClient;
let admin: Admin;

beforeAll(async () => {
  setUpKafkajs();
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-lag-'));
  web = await WebProcess.start({ dataDirectory: directory });
  page = await WebClient.open(web.line);
  admin = new Kafka({ brokers: web.brokers, logLevel: logLevel.NOTHING, retry: { retries: 30 } }).admin();
  await admin.connect();
});
afterAll(async () => {
  await admin.disconnect();
  page.close();
  expect(await web.stop()).toBe(0);
  rmSync(directory, { recursive: true, force: true });
  expect(web.stderr).not.toMatch(/Uncaught|unhandled/i);
});

async function createTopic(topic: string, numPartitions: number): Promise<void> {
  const settings = { 'min.insync.replicas': '2', 'segment.bytes': SEGMENT_BYTES, 'retention.ms': '60000' };
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, replicationFactor: 3, configEntries }] });
}

async function startWriter(name: string, topic: string, recordsPerSecond: number): Promise<void> {
  await page.ask('load/start', {
    load: {
      kind: 'producer',
      name,
      topic,
      clients: 2,
      recordsPerSecond,
      valueBytes: 100,
      acks: 'all',
      idempotent: true,
      keys: { kind: 'none' },
      records: null,
    },
  });
}

async function startGroup(name: string, topic: string, perRecordMs: number): Promise<void> {
  await page.ask('load/start', {
    load: { kind: 'group', name, topics: [topic], members: 2, perRecordMs, from: 'oldest', sessionTimeoutMs: 6_000, crashEveryMs: null },
  });
}

const groupRow = async (group: string): Promise<GroupRow | undefined> =>
  (await page.ask('cluster/view', {})).view.groups.find(({ id }) => id === group);
const topicRow = async (topic: string): Promise<TopicRow | undefined> =>
  (await page.ask('cluster/view', {})).view.topics.find(({ name }) => name === topic);

async function deleteRecords(): Promise<void> {
  const topic = await topicRow(TOPIC);
  const places = (topic?.partitions ?? []).flatMap(({ partition, endOffset }) =>
    endOffset === null || BigInt(endOffset) <= KEPT_RECORDS ? [] : [{ partition, before: String(BigInt(endOffset) - KEPT_RECORDS) }],
  );
  if (places.length > 0) await page.ask('topic/deleteRecords', { name: TOPIC, topicId: topic?.id ?? null, places });
}

/** The load keeps writing: its producer finds the new topic. */
async function recreateTopic(): Promise<void> {
  const before = await topicRow(RECREATED);
  await admin.deleteTopics({ topics: [RECREATED] });
  await expect.poll(async () => (await admin.listTopics()).includes(RECREATED), { timeout: 30_000 }).toBe(false);
  await createTopic(RECREATED, RECREATED_PARTITIONS);
  await expect.poll(async () => (await topicRow(RECREATED))?.id ?? before?.id, { timeout: 30_000 }).not.toBe(before?.id);
}

const inject = (fault: Parameters<typeof page.ask<'lab/inject'>>[1]['fault']): Promise<unknown> => page.ask('lab/inject', { fault });

/** Clients still reach an isolated broker: it answers as the leader that it was. */
async function isolate(node: number): Promise<void> {
  for (const other of [1, 2, 3]) if (other !== node) await inject({ type: 'partition', between: [node, other], direction: 'both' });
  await later(6_000);
  await page.ask('lab/healAll', {});
}

/**
 * One after another, for as long as the run lasts; each leaves the cluster whole. Brokers are isolated in long runs only: a short one has
 * no time for the fourth outage.
 */
const outages: readonly ((node: number) => Promise<void>)[] = [
  async (node) => {
    await page.ask('lab/kill', { node });
    await later(5_000);
    await page.ask('lab/start', { node });
  },
  async () => {
    await deleteRecords();
    await recreateTopic();
  },
  async (node) => {
    await inject({ type: 'freeze', node });
    await later(5_000);
    await page.ask('lab/healAll', {});
  },
  ...(process.env['BROKERDESK_JUDGE_SECONDS'] === undefined ? [] : [isolate]),
];

test(
  `every lag that is shown lies between what the brokers return just before and just after (${SECONDS} s)`,
  async () => {
    await createTopic(TOPIC, PARTITIONS);
    await createTopic(RECREATED, RECREATED_PARTITIONS);
    await startWriter('writer', TOPIC, RECORDS_PER_SECOND);
    await startWriter('writer-of-re-created', RECREATED, 200);
    await startGroup(SLOW, TOPIC, 3);
    await startGroup(FAST, TOPIC, 0);
    await startGroup(OF_RECREATED, RECREATED, 0);
    const groups = [SLOW, FAST, OF_RECREATED] as const;
    await page.ask('cluster/watch', { topics: 'all', groups: 'all' });
    for (const group of groups)
      await expect
        .poll(async () => (await groupRow(group))?.partitions.filter(({ committed }) => committed !== null).length, { timeout: 60_000 })
        .toBe(group === OF_RECREATED ? RECREATED_PARTITIONS : PARTITIONS);

    const judge = new LagJudge({
      bootstrap: web.brokers,
      topics: [
        { name: TOPIC, partitions: PARTITIONS },
        { name: RECREATED, partitions: RECREATED_PARTITIONS, isRecreated: true },
      ],
      groups,
    });
    const shown = new ShownLags((await page.ask('cluster/view', {})).view, groups);
    page.on('cluster/patched', (patch) => shown.take(patch));
    const written = async (): Promise<number> =>
      ((await topicRow(TOPIC))?.partitions ?? []).reduce((sum, { endOffset }) => sum + Number(endOffset ?? 0), 0);
    await later(2_000);
    const [startedAt, before] = [performance.now(), await written()];
    const until = startedAt + SECONDS * 1_000;
    const begun: string[] = [];
    for (let i = 0; performance.now() < until; i++) {
      begun.push(`${Date.now()}: outage ${i % outages.length} of broker ${(i % 3) + 1}`);
      await outages[i % outages.length]?.((i % 3) + 1);
      await later(2_500);
    }
    await expect.poll(async () => (await groupRow(FAST))?.unknown, { timeout: 30_000 }).toBe(0);
    const rate = ((await written()) - before) / ((performance.now() - startedAt) / 1_000);
    await later(1_000);
    await judge.stop();

    const { judged, unknown, wrong, wrongCount, zeros, wrongSums, ...counts } = shown.outcome(judge);
    console.log(`${rate.toFixed(0)} records/s; ${counts.shown} lags shown, ${judged} judged, ${wrongCount} wrong, ${unknown} unknown`);
    if (wrongCount > 0) console.log([...begun, ...wrong].join('\n'));
    expect(wrong).toEqual([]);
    expect(zeros).toEqual([]);
    expect(wrongSums).toEqual([]);
    expect(judge.lostCommits).toEqual([]);
    // The judge had something to decide, and the outages were seen.
    expect(judged).toBeGreaterThan(SECONDS);
    expect(unknown).toBeGreaterThan(0);
  },
  300_000 + SECONDS * 1_500,
);
