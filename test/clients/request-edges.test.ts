/**
 * Every channel of the contract with values at and beyond the edges of Kafka's types, through the real services over an embedded
 * cluster. Each is answered, by a value or by an error with a name: INTERNAL would be a bug of ours, and is logged with its stack.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../shared/errors.ts';
import { requestSchemas, type RequestChannel, type Results } from '../../shared/ipc.ts';
import { setCommitted } from '../../electron/admin/group-offsets.ts';
import { startTestHost, type TestHost } from '../helpers/app-host.ts';
import { EMBEDDED, onEmbedded, type TestPayload } from '../helpers/embedded-payload.ts';

const INT16_MAX = 2 ** 15 - 1;
const INT32_MAX = 2 ** 31 - 1;
const LONG = 'x'.repeat(40_000);
const HOSTILE: readonly unknown[] = [
  -1,
  0,
  0.5,
  INT16_MAX,
  INT16_MAX + 1,
  INT32_MAX,
  INT32_MAX + 1,
  -(2 ** 31) - 1,
  2 ** 53 - 1,
  2 ** 53,
  1e308,
  NaN,
  Infinity,
  '',
  ' ',
  'a\u0000b',
  '\ud800',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '999999999999999999',
  LONG,
  '\u20ac'.repeat(32_767),
  '__proto__',
  'constructor',
  'toString',
  null,
  true,
  [],
  {},
  JSON.parse('{"__proto__": "x", "constructor": "y"}') as unknown,
  [[[[]]]],
];

/** Names a topic and a group of the cluster, and no broker, load or fault that exists. */
const VALID: { [C in RequestChannel]: TestPayload<C> | null } = {
  'app/info': {},
  'connection/list': {},
  'connection/use': { id: 'embedded' },
  'embedded/listeners': {},
  'embedded/saveListeners': { bindHost: null, advertisedHost: null },
  'connection/add': { name: 'n', bootstrap: '127.0.0.1:1', colour: 'flow' },
  'connection/remove': { id: 'x' },
  'connection/restore': { id: 'x' },
  'cluster/view': {},
  'cluster/watch': { topics: ['edge'], groups: ['g'] },
  'cluster/refresh': {},
  'cluster/figureRange': { figures: ['inBytesPerSecond'], from: 0, until: 1_000, points: 100 },
  'cluster/topicRateRange': { direction: 'written', from: 0, until: 1, points: 10 },
  'topic/create': { name: 'new', partitions: 1, replicationFactor: 1, configs: { 'retention.ms': '1000' }, validateOnly: true },
  'topic/delete': { name: 'none', topicId: null, typedName: 'none' },
  'topic/addPartitions': { name: 'edge', topicId: null, total: 3 },
  'topic/deleteRecords': { name: 'edge', topicId: null, places: [{ partition: 0, before: '0' }] },
  'topic/electPreferred': { name: 'edge' },
  'topic/configs': { name: 'edge' },
  'topic/setConfigs': { name: 'edge', topicId: null, configs: { 'retention.ms': '1000000' } },
  'message/browse': { topic: 'edge', partitions: [0], from: { kind: 'offset', offset: '0' }, limit: 10 },
  'message/produce': {
    topic: 'edge',
    partition: 0,
    key: { encoding: 'utf8', text: 'k' },
    value: { encoding: 'hex', text: '00' },
    headers: [{ key: 'h', value: { encoding: 'utf8', text: 'v' } }],
    acks: -1,
    idempotent: false,
  },
  'message/value': { topic: 'edge', partition: 0, offset: '0', part: { kind: 'header', index: 0 } },
  'message/tail': { topic: 'edge', partitions: [0] },
  'message/untail': { tailId: 'x' },
  'group/lagRange': { group: 'g', from: 0, until: 1_000, points: 100 },
  'group/delete': { group: 'none', shown: { state: 'Empty', members: 0 }, typedName: 'none' },
  'group/reset': { group: 'g', shown: { state: 'Empty', members: 0 }, topic: 'edge', to: { kind: 'offset', offset: '0' } },
  'broker/configs': { broker: 99 },
  'lab/stop': { node: 99 },
  'lab/kill': { node: 99 },
  'lab/start': { node: 99 },
  'lab/inject': { fault: { type: 'corrupt', node: 99, topic: 'edge', partition: 0, where: 'tail' } },
  'lab/heal': { id: 99 },
  'lab/healAll': {},
  'lab/faults': {},
  // A broker more is started by whatever it is sent.
  'lab/addNode': null,
  'lab/removeNode': { node: 99 },
  'load/list': {},
  'load/start': {
    load: {
      kind: 'group',
      name: 'readers',
      topics: ['none'],
      members: 1,
      perRecordMs: 0,
      from: 'oldest',
      sessionTimeoutMs: 10_000,
      crashEveryMs: null,
    },
  },
  'load/stop': { id: 99 },
  'load/remove': { id: 99 },
  'load/change': { id: 99, recordsPerSecond: 1, members: 1 },
  'load/member': { id: 99, number: 1, action: 'crash' },
  'load/audit': { id: 99 },
  'scenario/list': {},
  'scenario/open': { name: 'leader-killed' },
  'scenario/check': { text: 'name: x' },
  'scenario/run': { text: 'name: x' },
  'scenario/cancel': {},
  'scenario/report': {},
  'scenario/record': { sinceAt: 0 },
  'zookeeper/znode': { path: '/brokers' },
  'zookeeper/clients': {},
  'zookeeper/openSession': { timeoutMs: 4_000 },
  'zookeeper/create': { path: '/learn/edge', data: 'd', ephemeral: false },
  'zookeeper/set': { path: '/learn/edge', data: 'd' },
  'zookeeper/delete': { path: '/learn/none' },
  'zookeeper/watch': { path: '/learn', kind: 'node' },
  'zookeeper/suspendSession': {},
  'zookeeper/resumeSession': {},
  'zookeeper/closeSession': { role: 'own' },
  'incident/list': { from: 0, until: 1 },
  'timeline/list': { sinceId: 0 },
  'history/range': {},
  'history/at': { at: 0 },
};

/** Of a payload, every copy in which one value, a list or an object too, is a hostile one. */
function variants(value: unknown): unknown[] {
  const below = Array.isArray(value)
    ? value.flatMap((item, i) => variants(item).map((changed) => value.with(i, changed) as unknown))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => variants(inner).map((changed) => ({ ...value, [key]: changed })))
      : [];
  return [...HOSTILE, ...below];
}

let app: TestHost;
/** That of `edge`: its requests are to get past the check of the topic that was shown. */
let topicId: string | null;
function payloadOf(channel: RequestChannel): object {
  const valid = onEmbedded(VALID[channel] ?? {});
  return 'name' in valid && valid.name === 'edge' && 'topicId' in valid ? { ...valid, topicId } : valid;
}
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onUnhandled);
  app = await startTestHost(1);
  await app.get('topic/create', { name: 'edge', partitions: 2, replicationFactor: 1, configs: {}, validateOnly: false });
  const on = app.client.connection(EMBEDDED);
  const found = (await on.foreground.metadata(['edge'])).topics[0];
  topicId = found?.topicId ?? null;
  await setCommitted(on.foreground, 'g', 'edge', new Map([[0, 0n]]));
});
afterAll(async () => {
  await app.host.close();
  process.off('unhandledRejection', onUnhandled);
  process.off('uncaughtException', onUnhandled);
});

/** Some at a time: several of them wait for what does not exist. */
const AT_ONCE = 64;

async function sendAll(channel: RequestChannel, payloads: readonly unknown[]): Promise<{ payload: unknown; result: Result<unknown> }[]> {
  const queue = [...payloads];
  const answers: { payload: unknown; result: Result<unknown> }[] = [];
  const next = async (): Promise<void> => {
    for (let payload = queue.shift(); queue.length > 0 || payload !== undefined; payload = queue.shift())
      answers.push({ payload, result: await app.host.invoke(app.client, channel, payload) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return answers;
}

const shortened = (payload: unknown): string =>
  JSON.stringify(payload, (_key, value: unknown) => (typeof value === 'string' ? value.slice(0, 40) : value)).slice(0, 300);

describe('every channel answers values at the edges by name', () => {
  const channels = (Object.keys(requestSchemas) as RequestChannel[]).filter((channel) => VALID[channel] !== null);

  test.each(channels)('%s', async (channel) => {
    const at = app.lines.length;
    const answers = await sendAll(channel, variants(payloadOf(channel)));
    app.client.use(EMBEDDED);
    // A tail that is left waits for records on the connection that later requests use.
    app.host.services.tails.close();
    expect(answers.length).toBeGreaterThanOrEqual(HOSTILE.length);
    const bugs = answers.flatMap(({ payload, result }) =>
      result.ok || result.error.code !== 'INTERNAL' ? [] : [`${shortened(payload)} → ${result.error.message}`],
    );
    expect(bugs).toEqual([]);
    expect(app.lines.slice(at)).toEqual([]);
    expect(unhandled).toEqual([]);
    const unnamed = answers.flatMap(({ payload, result }) =>
      result.ok || (/^[A-Z_]+$/.test(result.error.code) && result.error.message.length > 0) ? [] : [shortened(payload)],
    );
    expect(unnamed).toEqual([]);
    // Nothing that a payload names reaches the prototype of every object.
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('the app serves as before', async () => {
    expect((await app.get('message/browse', { topic: 'edge', partitions: null, from: { kind: 'oldest' }, limit: 5 })).failed).toEqual([]);
    expect((await app.host.lab.nodes()).map(({ state }) => state)).toEqual(['running']);
  });
});

describe('names that every object has', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

  test('are topics, headers and keys like any other, with and without numbered batches', async () => {
    for (const name of NAMES) {
      await app.get('topic/create', { name, partitions: 1, replicationFactor: 1, configs: {}, validateOnly: false });
      for (const idempotent of [true, false, true]) {
        const text = { encoding: 'utf8' as const, text: name };
        const headers = ['a', name, 'b', 'a', ''].map((key, i) => ({ key, value: { encoding: 'utf8' as const, text: `${i}` } }));
        await app.get('message/produce', { topic: name, partition: null, key: text, value: text, headers, acks: -1, idempotent });
      }
      await app.get('message/produce', {
        topic: name,
        partition: 0,
        key: { encoding: 'null', text: '' },
        value: { encoding: 'utf8', text: 'acks=0' },
        headers: [],
        acks: 0,
      });
      const browse = (): Promise<Results['message/browse']> =>
        app.get('message/browse', { topic: name, partitions: null, from: { kind: 'oldest' }, limit: 10 });
      await expect.poll(async () => (await browse()).records.length, { timeout: 30_000 }).toBe(4);
      const [first, , , last] = (await browse()).records;
      expect(first?.headers.map(({ key, value }) => [key, value.text])).toEqual([['a', '0'], [name, '1'], ['b', '2'], ['a', '3'], ['', '4']]); // prettier-ignore
      expect([first?.key.text, first?.value.text, last?.key.encoding, last?.value.text]).toEqual([name, name, 'null', 'acks=0']);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['0']).toBeUndefined();
  });
});

describe('by name', () => {
  test.each<[RequestChannel, unknown, { code: string; message: string; field?: string }]>([
    [
      'topic/create',
      { name: 'new', partitions: 1, replicationFactor: 32_768, configs: {}, validateOnly: true },
      {
        code: 'INVALID_PAYLOAD',
        message: 'Replication factor must be at most 32,767.',
        field: 'replicationFactor',
      },
    ],
    [
      'topic/addPartitions',
      { name: 'edge', topicId: null, total: 2 ** 31 },
      {
        code: 'INVALID_PAYLOAD',
        message: 'Number of partitions must be at most 2,147,483,647.',
        field: 'total',
      },
    ],
    [
      'topic/addPartitions',
      { name: 'edge', topicId: null, total: 2 ** 31 - 1 },
      {
        code: 'INVALID_PARTITIONS',
        message: 'Topic edge was not changed: a topic has 1 to 10,000 partitions here.',
        field: 'total',
      },
    ],
    [
      'message/browse',
      { topic: 'edge', partitions: null, from: { kind: 'time', timestamp: -1 }, limit: 10 },
      { code: 'INVALID_PAYLOAD', message: 'Start, time must be at least 0.' },
    ],
  ])('%s %j', async (channel, payload, error) => {
    const sent = typeof payload === 'object' && payload !== null && 'topicId' in payload ? { ...payload, topicId } : payload;
    expect(await app.host.invoke(app.client, channel, onEmbedded(sent as object))).toMatchObject({ ok: false, error });
  });

  test('topic/deleteRecords of a partition that does not exist is answered within seconds', async () => {
    const from = performance.now();
    const { partitions } = await app.get('topic/deleteRecords', { name: 'edge', topicId, places: [{ partition: 9, before: '1' }] });
    expect(partitions).toMatchObject([
      {
        partition: 9,
        startOffset: null,
        error: { code: 'UNKNOWN_TOPIC_OR_PARTITION', message: expect.stringContaining('has no partition 9') as string },
      },
    ]);
    // It was retried for 15 s before.
    expect(performance.now() - from).toBeLessThan(8_000);
  });
});

describe('a record of any bytes', () => {
  test('is sent as it was given and read in full', async () => {
    await app.get('topic/create', { name: 'bytes', partitions: 1, replicationFactor: 1, configs: {}, validateOnly: false });
    const long = `\ufeff${'é'.repeat(50_000)}`;
    const binary = 'ff00'.repeat(100_000);
    const sent = {
      key: { encoding: 'utf8' as const, text: '' },
      value: { encoding: 'utf8' as const, text: long },
      headers: [
        { key: '', value: { encoding: 'null' as const, text: '' } },
        { key: 'b', value: { encoding: 'hex' as const, text: binary } },
      ],
    };
    await app.get('message/produce', { topic: 'bytes', partition: 0, ...sent, acks: -1 });
    const { records } = await app.get('message/browse', { topic: 'bytes', partitions: null, from: { kind: 'oldest' }, limit: 10 });
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ key: { encoding: 'utf8', text: '' }, value: { truncated: true, sizeBytes: 100_003 } });
    expect(records[0]?.headers[0]).toMatchObject({ key: '', value: { encoding: 'null' } });
    const whole = (part: TestPayload<'message/value'>['part']): Promise<Results['message/value']> =>
      app.get('message/value', { topic: 'bytes', partition: 0, offset: '0', part });
    expect(await whole({ kind: 'key' })).toEqual(sent.key);
    expect((await whole({ kind: 'value' })).text === long).toBe(true);
    expect((await whole({ kind: 'header', index: 1 })).text === binary).toBe(true);
    expect(await whole({ kind: 'header', index: 0 })).toEqual(sent.headers[0]?.value);
  });

  test('that does not exist is refused by name', async () => {
    const payload = { topic: 'bytes', partition: 0, offset: '7', part: { kind: 'value' } };
    expect(await app.host.invoke(app.client, 'message/value', onEmbedded(payload))).toMatchObject({
      ok: false,
      error: { code: 'NOT_FOUND', subject: 'bytes-0 @ 7' },
    });
  });
});
