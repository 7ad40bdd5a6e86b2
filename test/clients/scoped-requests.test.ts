/**
 * Requests of the contract name their connection and what was shown: raw calls of clients on two clusters, an embedded one and the
 * embedded cluster of another process as a remote one. Nothing prepared for one of them reaches the other.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Consumer } from 'kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import type { Result } from '../../shared/errors.ts';
import type { ClusterView } from '../../shared/models/cluster.ts';
import type { Events } from '../../shared/ipc.ts';
import { startTestHost, type TestClient, type TestHost } from '../helpers/app-host.ts';
import { EMBEDDED } from '../helpers/embedded-payload.ts';

const SOON = { timeout: 30_000 };
let app: TestHost;
let other: TestHost;
let remoteId: string;

/** A tab: its session, its events, and raw calls. */
interface Tab extends TestClient {
  events: { event: string; payload: unknown }[];
  /** The value; throws where the request was refused. */
  get<T>(channel: string, payload: unknown): Promise<T>;
}

function openTab(connectionId: string | null): Tab {
  const events: Tab['events'] = [];
  const client = app.connect((event, payload) => events.push({ event, payload }));
  if (connectionId !== null) client.session.use(connectionId);
  return {
    ...client,
    events,
    async get(channel, payload) {
      const result = await client.raw(channel, payload);
      if (!result.ok) throw new Error(`${channel}: ${result.error.code}: ${result.error.message}`);
      return result.value as never;
    },
  };
}

const codeOf = (result: Result<unknown>): string => (result.ok ? 'ok' : result.error.code);
async function viewOf(tab: Tab, connectionId: string): Promise<ClusterView> {
  return (await tab.get<{ view: ClusterView }>('cluster/view', { connectionId })).view;
}
async function topicsOf(host: TestHost): Promise<Map<string, string>> {
  const { topics } = await host.client.connection(EMBEDDED).foreground.metadata(null);
  return new Map(topics.map(({ name, topicId }) => [name ?? '', topicId]));
}
const createOn = (host: TestHost, name: string) =>
  host.get('topic/create', { name, partitions: 2, replicationFactor: 1, configs: {}, validateOnly: false });
const idOf = async (host: TestHost, name: string): Promise<string> => (await topicsOf(host)).get(name) ?? '';

beforeAll(async () => {
  app = await startTestHost(1);
  other = await startTestHost(1);
  const added = await app.get('connection/add', { name: 'Other', bootstrap: other.host.bootstrap() ?? '', colour: 'bad' });
  remoteId = added.addedId;
}, 120_000);
afterAll(async () => {
  await Promise.all([app.host.close(), other.host.close()]);
});

describe('a request about a cluster', () => {
  let here: Tab;
  let there: Tab;
  beforeAll(async () => {
    for (const host of [app, other]) await createOn(host, 'orders');
  });
  beforeEach(() => {
    here = openTab(EMBEDDED);
    there = openTab(remoteId);
    return () => {
      here.session.end();
      there.session.end();
    };
  });

  test('is answered by the cluster of its connection, for two tabs at once', async () => {
    await createOn(app, 'only-here');
    await createOn(other, 'only-there');
    const names = async (tab: Tab, id: string): Promise<string[]> => (await viewOf(tab, id)).topics.map(({ name }) => name);
    await expect.poll(() => names(here, EMBEDDED), SOON).toEqual(expect.arrayContaining(['only-here', 'orders']));
    await expect.poll(() => names(there, remoteId), SOON).toEqual(expect.arrayContaining(['only-there', 'orders']));
    expect(await names(here, EMBEDDED)).not.toContain('only-there');
    expect(await names(there, remoteId)).not.toContain('only-here');
  });

  test('is refused for a connection that its tab has not selected, and does nothing on either cluster', async () => {
    const payloads = async (id: string, host: TestHost): Promise<[string, object][]> => [
      ['topic/delete', { connectionId: id, name: 'orders', topicId: await idOf(host, 'orders'), typedName: 'orders' }],
      ['topic/addPartitions', { connectionId: id, name: 'orders', topicId: await idOf(host, 'orders'), total: 5 }],
      ['topic/create', { connectionId: id, name: 'new', partitions: 1, replicationFactor: 1, configs: {}, validateOnly: false }],
      ['group/delete', { connectionId: id, group: 'g', shown: { state: 'Empty', members: 0 }, typedName: 'g' }],
      ['lab/kill', { connectionId: id, node: 1 }],
      ['cluster/view', { connectionId: id }],
    ];
    for (const [channel, payload] of await payloads(remoteId, other))
      expect([channel, codeOf(await here.raw(channel, payload))]).toEqual([channel, 'CONNECTION_NOT_SELECTED']);
    for (const [channel, payload] of await payloads(EMBEDDED, app))
      expect([channel, codeOf(await there.raw(channel, payload))]).toEqual([channel, 'CONNECTION_NOT_SELECTED']);
    const none = openTab(null);
    for (const [channel, payload] of await payloads(EMBEDDED, app))
      expect([channel, codeOf(await none.raw(channel, payload))]).toEqual([channel, 'CONNECTION_NOT_SELECTED']);
    for (const host of [app, other]) expect([...(await topicsOf(host)).keys()]).toEqual(expect.arrayContaining(['orders']));
    for (const host of [app, other]) expect((await topicsOf(host)).has('new')).toBe(false);
  });

  test('prepared before its tab switched is refused after, also when the topic has the same name there', async () => {
    const prepared = { connectionId: EMBEDDED, name: 'orders', topicId: await idOf(app, 'orders'), typedName: 'orders' };
    here.session.use(remoteId);
    expect(codeOf(await here.raw('topic/delete', prepared))).toBe('CONNECTION_NOT_SELECTED');
    // A page that mixed the two up is refused by the topic's id.
    expect(codeOf(await here.raw('topic/delete', { ...prepared, connectionId: remoteId }))).toBe('SUBJECT_CHANGED');
    for (const host of [app, other]) expect((await topicsOf(host)).has('orders')).toBe(true);
  });

  test.each([
    ['lab/kill', { node: 1 }],
    ['lab/faults', {}],
    ['load/list', {}],
    ['load/start', { load: { kind: 'producer', name: 'n', topic: 'orders', clients: 1, recordsPerSecond: 1, valueBytes: 100, acks: 'all', idempotent: true, keys: { kind: 'none' }, records: 1 } }], // prettier-ignore
    ['scenario/list', {}],
    ['scenario/run', { text: 'name: x' }],
    ['zookeeper/clients', {}],
    ['zookeeper/openSession', {}],
    ['zookeeper/znode', { path: '/' }],
  ])('%s is for the embedded cluster only', async (channel, payload) => {
    const result = await there.raw(channel, { connectionId: remoteId, ...payload });
    expect(result).toMatchObject({ ok: false, error: { code: 'NOT_EMBEDDED', message: expect.stringContaining('Other') as string } });
  });
});

test('a bootstrap list of two clusters is refused, with both addresses; one with an address that does not answer is not', async () => {
  const [one, another] = [app.host.bootstrap() ?? '', other.host.bootstrap() ?? ''];
  const before = (await app.get('connection/list', {})).connections.length;
  const refused = await app.ask('connection/add', { name: 'Mixed', bootstrap: `${another},${one}`, colour: 'warn' });
  expect(refused).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD', field: 'bootstrap' } });
  if (!refused.ok) for (const address of [one, another]) expect(refused.error.message).toContain(address);
  expect((await app.get('connection/list', {})).connections).toHaveLength(before);
  const added = await app.get('connection/add', { name: 'Half', bootstrap: `${another},127.0.0.1:9`, colour: 'warn' });
  await app.get('connection/remove', { id: added.addedId });
}, 60_000);

describe('a topic that was created again after it was shown', () => {
  test.each<[string, (name: string) => object]>([
    ['topic/delete', (name) => ({ typedName: name })],
    ['topic/addPartitions', () => ({ total: 4 })],
    ['topic/deleteRecords', () => ({ places: [{ partition: 0, before: '1' }] })],
    ['topic/setConfigs', () => ({ configs: { 'retention.ms': '1000' } })],
  ])('is not touched by %s', async (channel, more) => {
    const name = channel.replace('/', '-');
    await createOn(app, name);
    const topicId = await idOf(app, name);
    await app.get('topic/delete', { name, topicId, typedName: name });
    const plan = { name, partitions: 2, replicationFactor: 1, configs: {}, validateOnly: false };
    await expect.poll(async () => codeOf(await app.ask('topic/create', plan)), SOON).toBe('ok');
    const present = await idOf(app, name);
    expect(present).not.toBe(topicId);
    const ask = (id: string | null) => app.host.invoke(app.client, channel, { connectionId: EMBEDDED, name, topicId: id, ...more(name) });
    for (const wrong of [topicId, null]) {
      expect(await ask(wrong)).toMatchObject({
        ok: false,
        error: {
          code: 'SUBJECT_CHANGED',
          subject: name,
          message: expect.stringMatching(/^Topic .* was not (deleted|changed): /) as string,
        },
      });
    }
    expect(await idOf(app, name)).toBe(present);
    expect(codeOf(await ask(present))).toBe('ok');
  });

  test('that does not exist any more is reported as such', async () => {
    const result = await app.ask('topic/delete', { name: 'never', topicId: 'q'.repeat(22), typedName: 'never' });
    expect(result).toMatchObject({ ok: false, error: { code: 'UNKNOWN_TOPIC_OR_PARTITION' } });
  });
});

describe('a group that got a member after it was shown empty', () => {
  const GROUP = 'readers';
  let consumer: Consumer;

  beforeAll(async () => {
    await createOn(app, 'read');
    const kafka = new Kafka({ brokers: (app.host.bootstrap() ?? '').split(','), logLevel: logLevel.NOTHING });
    consumer = kafka.consumer({ groupId: GROUP });
    await consumer.connect();
    await consumer.subscribe({ topic: 'read', fromBeginning: true });
    const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.run({ eachMessage: () => Promise.resolve() });
    await joined;
  }, 60_000);
  afterAll(() => consumer.disconnect());

  const requests: [string, object][] = [
    ['group/delete', { group: GROUP, typedName: GROUP }],
    ['group/reset', { group: GROUP, topic: 'read', to: { kind: 'earliest' } }],
  ];

  test.each(requests)('is not touched by %s', async (channel, payload) => {
    const ask = (state: string, members: number) =>
      app.host.invoke(app.client, channel, { connectionId: EMBEDDED, shown: { state, members }, ...payload });
    const refused = await ask('Empty', 0);
    expect(refused).toMatchObject({ ok: false, error: { code: 'SUBJECT_CHANGED', subject: GROUP } });
    expect(!refused.ok && refused.error.message).toMatch(
      /^Group readers was not (deleted|reset): it was shown as Empty with 0 members, and is Stable with 1 member now\.$/,
    );
    // What was shown is so: its coordinator has the last word.
    expect(['NON_EMPTY_GROUP', 'UNKNOWN_MEMBER_ID']).toContain(codeOf(await ask('Stable', 1)));
  });

  test.each([
    ['group/delete', { group: 'never', typedName: 'never' }],
    ['group/reset', { group: 'never', topic: 'read', to: { kind: 'earliest' } }],
  ])('%s of a group that does not exist is reported as such', async (channel, payload) => {
    const shown = { state: 'Empty', members: 0 };
    expect(codeOf(await app.host.invoke(app.client, channel, { connectionId: EMBEDDED, shown, ...payload }))).toBe('GROUP_ID_NOT_FOUND');
  });
});

describe('clients of one process', () => {
  test('get patches of their connection only', async () => {
    const [here, there] = [openTab(EMBEDDED), openTab(remoteId)];
    const patched = (tab: Tab): Set<string> =>
      new Set(
        tab.events.flatMap(({ event, payload }) =>
          event === 'cluster/patched' ? [(payload as Events['cluster/patched']).connectionId] : [],
        ),
      );
    await expect.poll(() => [[...patched(here)], [...patched(there)]], SOON).toEqual([[EMBEDDED], [remoteId]]);
    there.session.use(EMBEDDED);
    there.events.length = 0;
    await expect.poll(() => patched(there).size, SOON).toBe(1);
    expect([...patched(there)]).toEqual([EMBEDDED]);
    for (const tab of [here, there]) tab.session.end();
  });

  test('read together what their pages show of a remote cluster, and rows that none shows keep their age', async () => {
    await createOn(other, 'shown');
    await createOn(other, 'hidden');
    const [one, two] = [openTab(remoteId), openTab(remoteId)];
    const row = async (name: string) => (await viewOf(one, remoteId)).topics.find((topic) => topic.name === name);
    await expect.poll(async () => [await row('shown'), await row('hidden')].map((found) => found?.offsetsAsOf), SOON).toEqual([null, null]);
    await one.get('cluster/watch', { connectionId: remoteId, topics: ['shown'], groups: 'none' });
    await two.get('cluster/watch', { connectionId: remoteId, topics: ['hidden'], groups: 'none' });
    const { offsetsAsOf } = await viewOf(one, remoteId);
    await expect.poll(async () => (await viewOf(one, remoteId)).offsetsAsOf, SOON).toBeGreaterThan(offsetsAsOf);
    expect([await row('shown'), await row('hidden')].map((found) => found?.offsetsAsOf)).toEqual([null, null]);
    // The other tab is closed: what only it showed is read no more, and says so.
    two.session.end();
    await expect.poll(async () => (await row('hidden'))?.offsetsAsOf, SOON).toBeGreaterThan(0);
    expect((await row('shown'))?.offsetsAsOf).toBeNull();
    one.session.end();
  });

  test('get the records of their own live tails only, and lose them when they leave', async () => {
    await createOn(app, 'tailed');
    const [mine, others] = [openTab(EMBEDDED), openTab(EMBEDDED)];
    const tailed = (tab: Tab): number =>
      tab.events.flatMap(({ event, payload }) => (event === 'message/tailed' ? (payload as Events['message/tailed']).records : [])).length;
    const begun = (): boolean =>
      mine.events.some(({ event, payload }) => event === 'message/tailed' && (payload as Events['message/tailed']).begins.length > 0);
    const { tailId } = await mine.get<{ tailId: string }>('message/tail', { connectionId: EMBEDDED, topic: 'tailed', partitions: null });
    await expect.poll(begun, SOON).toBe(true);
    await others.get('message/untail', { connectionId: EMBEDDED, tailId });
    const write = (value: string) =>
      app.get('message/produce', {
        topic: 'tailed',
        partition: 0,
        key: { encoding: 'null', text: '' },
        value: { encoding: 'utf8', text: value },
        headers: [],
        acks: -1,
      });
    await write('1');
    await expect.poll(() => tailed(mine), SOON).toBe(1);
    expect(tailed(others)).toBe(0);
    mine.session.end();
    others.session.end();
  });
});

test('a removed connection ends for its clients; none of them is moved to another cluster', async () => {
  const { addedId } = await app.get('connection/add', { name: 'Gone soon', bootstrap: other.host.bootstrap() ?? '', colour: 'warn' });
  const tab = openTab(addedId);
  const name = 'kept';
  await createOn(other, name);
  const prepared = { connectionId: addedId, name, topicId: await idOf(other, name), typedName: name };
  tab.events.length = 0;
  await app.get('connection/remove', { id: addedId });
  const lists = tab.events
    .filter(({ event }) => event === 'connection/changed')
    .map(({ payload }) => payload as Events['connection/changed']);
  expect(lists.at(-1)?.connections.map(({ id }) => id)).toEqual([EMBEDDED, remoteId]);
  expect(codeOf(await tab.raw('topic/delete', prepared))).toBe('NOT_FOUND');
  expect(codeOf(await tab.raw('cluster/view', { connectionId: EMBEDDED }))).toBe('CONNECTION_NOT_SELECTED');
  expect(codeOf(await tab.raw('connection/use', { id: addedId }))).toBe('NOT_FOUND');
  expect((await topicsOf(other)).has(name)).toBe(true);
  await tab.get('connection/use', { id: EMBEDDED });
  expect(codeOf(await tab.raw('cluster/view', { connectionId: EMBEDDED }))).toBe('ok');
  tab.session.end();
});
