/** What the app observes of a remote cluster while its brokers die: events, one incident, and unknown leaders once no broker answers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assessBrokers, assessTopic, leaderStateOf } from '../../shared/health.ts';
import { deriveIncidents } from '../../shared/incidents/reducer.ts';
import type { ClusterView } from '../../shared/models/cluster.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import { startTestHost, type TestClient, type TestHost } from '../helpers/app-host.ts';

const SOON = { timeout: 60_000, interval: 200 };
const TOPIC = 'orders';
let app: TestHost;
let other: TestHost;
let tab: TestClient;
let connectionId: string;

beforeAll(async () => {
  [app, other] = await Promise.all([startTestHost(1), startTestHost(3)]);
  await other.get('topic/create', { name: TOPIC, partitions: 6, replicationFactor: 3, configs: {}, validateOnly: false });
  const added = await app.get('connection/add', { name: 'Other', bootstrap: other.host.bootstrap() ?? '', colour: 'bad' });
  connectionId = added.addedId;
  tab = app.connect(() => undefined);
  tab.session.use(connectionId);
  await get('cluster/watch', { topics: 'all', groups: 'all' });
}, 120_000);
afterAll(async () => {
  tab.session.end();
  await Promise.all([app.host.close(), other.host.close()]);
});

async function get<T>(channel: string, payload: object): Promise<T> {
  const result = await tab.raw(channel, { connectionId, ...payload });
  if (!result.ok) throw new Error(`${channel}: ${result.error.code}: ${result.error.message}`);
  return result.value as T;
}
const events = async (): Promise<TimelineEvent[]> => (await get<{ events: TimelineEvent[] }>('timeline/list', { sinceId: 0 })).events;
const view = async (): Promise<ClusterView> => (await get<{ view: ClusterView }>('cluster/view', {})).view;
/** Of one broker only: a slow machine may fence another one, change the controller or shorten an ISR, which are incidents of their own. */
const incidents = async (broker: number) =>
  deriveIncidents(await events()).filter(({ subject }) => subject.kind === 'broker' && subject.broker === broker);

/** By partition, as every page reads it. */
async function leaders(): Promise<string[]> {
  const { brokers, topics } = await view();
  const row = topics.find(({ name }) => name === TOPIC);
  return row === undefined ? [] : assessTopic(row, assessBrokers(brokers)).partitions.map(leaderStateOf);
}

test('records one incident of a broker that is killed and restarted, with the leaders that moved', async () => {
  await expect
    .poll(async () => (await view()).topics.find(({ name }) => name === TOPIC)?.partitions.every(({ isr }) => isr.length === 3), SOON)
    .toBe(true);
  const controller = (await view()).controllerId;
  const node = [1, 2, 3].find((id) => id !== controller) ?? 3;
  await other.get('lab/kill', { node });
  await expect.poll(async () => (await incidents(node)).at(-1)?.failedOverAt ?? null, SOON).not.toBeNull();
  const [incident] = await incidents(node);
  expect(incident).toMatchObject({ cause: 'observed', subject: { kind: 'broker', broker: node }, closedAt: null, leaderless: 0 });
  expect(incident?.underReplicated).toBeGreaterThanOrEqual(6);
  const moved = (await events()).find(({ type, broker }) => type === 'partition/leadersElected' && broker === node);
  expect(moved).toMatchObject({ broker: node, causeId: incident?.id });
  await other.get('lab/start', { node });
  await expect.poll(async () => (await incidents(node)).map(({ closedAt }) => closedAt !== null), SOON).toEqual([true]);
  expect((await incidents(node))[0]).toMatchObject({ underReplicated: 0, recoveredAt: expect.any(Number) as number });
}, 150_000);

test('marks every leader as unknown when no broker answers', async () => {
  for (const node of [1, 2, 3]) await other.get('lab/kill', { node });
  await expect.poll(leaders, SOON).toEqual(Array.from({ length: 6 }, () => 'unknown'));
  expect(assessBrokers((await view()).brokers).reachable).toBe(false);
}, 90_000);
