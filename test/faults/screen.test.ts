/** The view while a broker returns stale metadata: its leader epochs never decrease. */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import type { ClusterView, PartitionRow } from '#shared/models/cluster';
import type { FaultSpec } from '#shared/models/lab';
import { later, SESSION_MS } from '../helpers/fault-bench.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WebProcess } from '../helpers/web-process.ts';

const WATCHED_MS = 8_000;

let web: WebProcess;
let page: WebClient;

beforeAll(async () => {
  setUpKafkajs();
  web = await WebProcess.start();
  page = await WebClient.open(web.line);
});
afterEach(async () => {
  await page.ask('lab/healAll', {});
  await expect
    .poll(async () => (await view()).brokers.map(({ state }) => state), { timeout: 30_000 })
    .toEqual(['online', 'online', 'online']);
});
afterAll(async () => {
  page.close();
  expect(await web.stop()).toBe(0);
  expect(web.stderr).not.toMatch(/Uncaught|unhandled/i);
});

const view = async (): Promise<ClusterView> => (await page.ask('cluster/view', {})).view;
const inject = (fault: FaultSpec) => page.ask('lab/inject', { fault });

/** Node ids: the active controller first. */
async function controllerFirst(): Promise<[number, number, number]> {
  await expect.poll(async () => (await view()).controllerId, { timeout: 20_000 }).not.toBeNull();
  const { controllerId, brokers } = await view();
  const ids = brokers.map(({ id }) => id).sort((a, b) => Number(b === controllerId) - Number(a === controllerId));
  return ids as [number, number, number];
}

async function createTopic(topic: string, replicas: number[]): Promise<void> {
  const admin = new Kafka({ brokers: web.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, replicaAssignment: [{ partition: 0, replicas }] }] });
  await admin.disconnect();
}

async function shown(topic: string): Promise<PartitionRow | undefined> {
  return (await view()).topics.find(({ name }) => name === topic)?.partitions[0];
}

test('a leader that is cut off from the others is not believed any more once another is known, though it is the first to answer', async () => {
  const [controller, leader, other] = await controllerFirst();
  const topic = 'cut-off';
  await createTopic(topic, [leader, controller, other]);
  await expect.poll(async () => (await shown(topic))?.leader, { timeout: 20_000 }).toBe(leader);
  const before = (await shown(topic))?.leaderEpoch ?? -1;
  for (const end of [controller, other]) await inject({ type: 'partition', between: [leader, end], direction: 'both' });
  await expect.poll(async () => (await shown(topic))?.leaderEpoch, { timeout: SESSION_MS + 20_000 }).toBeGreaterThan(before);

  const patched: PartitionRow[] = [];
  page.on('cluster/patched', ({ topics }) => {
    const row = topics.set.find(({ name }) => name === topic)?.partitions[0];
    if (row !== undefined) patched.push(row);
  });
  // Those who know are late from now on, so that the one who does not is asked as well each time.
  for (const end of [controller, other]) {
    await inject({ type: 'slowLink', between: ['clients', end], direction: 'in', latencyMs: 400, jitterMs: 0, bytesPerSecond: 0 });
  }
  const from = (await view()).asOf;
  const seen = [await shown(topic)];
  for (const until = performance.now() + WATCHED_MS; performance.now() < until;) {
    seen.push(await shown(topic));
    await later(50);
  }
  const all = [...seen, ...patched];
  expect(all.map((row) => row?.leader)).not.toContain(leader);
  expect(all.filter((row) => (row?.leaderEpoch ?? -1) <= before)).toEqual([]);
  await expect.poll(async () => (await view()).asOf, { timeout: 30_000 }).toBeGreaterThan(from + WATCHED_MS / 2);
});
