/** Where clients connect: the address that is bound, the host that is advertised, and the app where that host is not reachable from here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, expect, test } from 'vitest';
import { startTestHost, type TestHost } from '../helpers/app-host.ts';
import { ClusterProcess, somePort } from '../helpers/cluster-process.ts';

const OTHER = '127.0.0.2';
const UNREACHABLE = 'kafka.invalid';

interface ControlledNode {
  host: string;
  port: number;
  controllerPort: number;
  zookeeperPort: number;
}

const scratch = mkdtempSync(join(tmpdir(), 'brokerdesk-listeners-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let cluster: ClusterProcess | undefined;
let app: TestHost | undefined;
afterEach(async () => {
  await cluster?.stop();
  await app?.host.close();
  cluster = app = undefined;
});

function tryConnect(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** How connections to all ports of all brokers end. */
async function tryPorts(host: string, nodes: readonly ControlledNode[]): Promise<Record<'kafka' | 'quorum' | 'zookeeper', string[]>> {
  const tries = (portOf: (node: ControlledNode) => number): Promise<string[]> =>
    Promise.all(nodes.map((node) => tryConnect(host, portOf(node))));
  return {
    kafka: await tries(({ port }) => port),
    quorum: await tries(({ controllerPort }) => controllerPort),
    zookeeper: await tries(({ zookeeperPort }) => zookeeperPort),
  };
}

const all = (outcome: string): string[] => [outcome, outcome, outcome];

test('clients of an advertised host produce and consume through it, and the quorum stays on loopback', async () => {
  const config = join(scratch, 'server.properties');
  writeFileSync(config, 'group.initial.rebalance.delay.ms=0\n');
  const started = await ClusterProcess.start(['--memory', '--config', config, '--bind', '0.0.0.0', '--advertised-host', OTHER]);
  cluster = started;
  await expect
    .poll(() => started.stderr)
    .toMatch(/^Warning: clients connect at 0\.0\.0\.0 without authentication; .* read, write and delete\.$/m);
  const nodes = (await cluster.nodes()) as unknown as ControlledNode[];
  expect(cluster.bootstrap).toBe(nodes.map(({ port }) => `${OTHER}:${port}`).join(','));
  expect(cluster.line.zookeeper).toBe(nodes.map(({ zookeeperPort }) => `${OTHER}:${zookeeperPort}`).join(','));
  expect(nodes.map(({ host }) => host)).toEqual(all('127.0.0.1'));
  expect(await tryPorts(OTHER, nodes)).toEqual({ kafka: all('connected'), quorum: all('ECONNREFUSED'), zookeeper: all('connected') });
  expect(await tryConnect(OTHER, Number(new URL(cluster.line.control).port))).toBe('ECONNREFUSED');

  const kafka = new Kafka({ brokers: [`${OTHER}:${nodes[0]?.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: 'outside' });
  try {
    await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
    const described = await admin.describeCluster();
    expect(described.brokers.map(({ host, port }) => `${host}:${port}`).sort()).toEqual(cluster.bootstrap.split(','));
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'through', numPartitions: 3, replicationFactor: 3 }] });
    const sent = Array.from({ length: 30 }, (_, index) => ({ partition: index % 3, value: `record ${index}` }));
    await producer.send({ topic: 'through', acks: -1, messages: sent });
    const received = new Set<string>();
    await consumer.subscribe({ topic: 'through', fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void received.add(String(message.value)) });
    await expect.poll(() => received.size, { timeout: 60_000 }).toBe(30);
    const metadata = await admin.fetchTopicMetadata({ topics: ['through'] });
    for (const { isr } of metadata.topics[0]?.partitions ?? []) expect([...isr].sort()).toEqual([1, 2, 3]);
  } finally {
    await Promise.allSettled([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }
});

test('by default no port is bound beyond 127.0.0.1, and no warning is printed', async () => {
  cluster = await ClusterProcess.start(['--memory']);
  const nodes = (await cluster.nodes()) as unknown as ControlledNode[];
  expect(cluster.bootstrap).toBe(nodes.map(({ port }) => `127.0.0.1:${port}`).join(','));
  const connected = all('connected');
  const refused = all('ECONNREFUSED');
  expect(await tryPorts('127.0.0.1', nodes)).toEqual({ kafka: connected, quorum: connected, zookeeper: connected });
  expect(await tryPorts(OTHER, nodes)).toEqual({ kafka: refused, quorum: refused, zookeeper: refused });
  expect(cluster.stderr).not.toContain('Warning');
});

test('the app works where the advertised host cannot be resolved here', async () => {
  const started = await startTestHost(3, { firstPort: somePort(), bindHost: '0.0.0.0', advertisedHost: UNREACHABLE });
  app = started;
  const { get, host } = started;
  expect(host.bootstrap()).toMatch(new RegExp(`^(${UNREACHABLE}:\\d+,?){3}$`));
  expect(host.services.info.notices).toEqual([expect.stringContaining('without authentication')]);
  // All three replicas have to be in sync, so nothing is acknowledged unless brokers reach each other.
  const configs = { 'min.insync.replicas': '3' };
  await get('topic/create', { name: 'inside', partitions: 3, replicationFactor: 3, configs, validateOnly: false });
  const text = (value: string) => ({ encoding: 'utf8' as const, text: value });
  for (const idempotent of [false, true]) {
    const record = { topic: 'inside', partition: 0, key: text('k'), value: text('v'), headers: [], acks: -1 as const, idempotent };
    expect((await get('message/produce', record)).partition).toBe(0);
  }
  const producer = await get('load/start', {
    load: {
      kind: 'producer',
      name: 'writer',
      topic: 'inside',
      clients: 1,
      recordsPerSecond: 200,
      valueBytes: 100,
      acks: 'all',
      idempotent: true,
      keys: { kind: 'none' },
      records: 100,
    },
  });
  await get('load/start', {
    load: {
      kind: 'group',
      name: 'readers',
      topics: ['inside'],
      members: 1,
      perRecordMs: 0,
      from: 'oldest',
      sessionTimeoutMs: 6_000,
      crashEveryMs: null,
    },
  });
  const rows = async () => (await get('load/list', {})).loads;
  await expect
    .poll(async () => (await rows()).map((row) => row.written?.acknowledged ?? row.consumed?.consumed ?? 0), { timeout: 60_000 })
    .toEqual([100, 102]);
  expect(await get('load/audit', { id: producer.id })).toMatchObject({ complete: true, found: 100, lost: 0, unread: 0 });
  expect((await get('zookeeper/znode', { path: '/brokers/ids' })).children).toEqual(['1', '2', '3']);
  const brokers = async () => (await get('cluster/view', {})).view.brokers;
  await expect
    .poll(async () => (await brokers()).map((broker) => [broker.host, broker.state]), { timeout: 60_000 })
    .toEqual([1, 2, 3].map(() => [UNREACHABLE, 'online']));
});
