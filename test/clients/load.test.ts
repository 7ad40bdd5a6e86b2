/** Load on a real cluster: what it counts is held to what other clients of the same cluster see. */
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { toKafkajsName } from '../../electron/admin/kafkajs-names.ts';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import { Cluster, type ClusterNote } from '../../electron/cluster/cluster.ts';
import { LoadService } from '../../electron/services/loads.ts';
import type { GroupLoad, LoadRow, ProducerLoad } from '../../shared/models/load.ts';
import { builtLoadWorker } from '../helpers/built-load-worker.ts';
import { builtWorker } from '../helpers/built-worker.ts';
import { somePort } from '../helpers/cluster-process.ts';

/** A fail-over or a rebalance takes up to ten seconds on an idle machine. */
const SOON_MS = 90_000;

const PRODUCER: Omit<ProducerLoad, 'name' | 'topic'> = {
  kind: 'producer',
  clients: 2,
  recordsPerSecond: 2_000,
  valueBytes: 100,
  acks: 'all',
  idempotent: true,
  keys: { kind: 'even', distinct: 100 },
  records: null,
};
const GROUP: Omit<GroupLoad, 'name' | 'topics'> = {
  kind: 'group',
  members: 2,
  perRecordMs: 0,
  from: 'oldest',
  sessionTimeoutMs: 6_000,
  crashEveryMs: null,
};

let cluster: Cluster;
let loads: LoadService;
let kafka: Kafka;
let admin: Admin;
const problems: string[] = [];

beforeAll(async () => {
  setUpKafkajs();
  cluster = new Cluster({ workerPath: builtWorker(), firstPort: somePort(), properties: { 'group.initial.rebalance.delay.ms': '0' } });
  await cluster.start();
  loads = new LoadService({
    bootstrap: () => cluster.bootstrap,
    workerPath: builtLoadWorker(),
    onError: (what, error) => problems.push(`${what}: ${String(error)}`),
    note: (note: ClusterNote) => cluster.note(note),
  });
  kafka = new Kafka({
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
  });
  admin = kafka.admin();
  await admin.connect();
});

// A test that failed half-way leaves no broker down for the next.
afterEach(async () => {
  expect(await cluster.healAll()).toEqual([]);
});

afterAll(async () => {
  await admin.disconnect();
  await loads.close();
  await cluster.close();
  expect(problems).toEqual([]);
});

describe('topics and groups that are named like members of Object.prototype', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

  test('are written, consumed and audited like any other', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const name of NAMES) await create(toKafkajsName(name), {}, 2);
    const specs = NAMES.map((topic, index): ProducerLoad => ({
      ...PRODUCER,
      name: `odd-${index}`,
      topic,
      clients: 1,
      recordsPerSecond: 200,
      keys: index % 2 === 0 ? PRODUCER.keys : { kind: 'none' },
      idempotent: index < 2,
    }));
    const started = await Promise.all(specs.map((spec) => loads.start(spec)));
    const group = await loads.start({ ...GROUP, name: 'constructor', topics: NAMES });
    for (const { id } of started) await written(id, 100);
    for (const { id } of started) await loads.stop(id);
    let acknowledged = 0;
    for (const { id } of started) {
      const audit = await loads.audit(id);
      expect(audit).toMatchObject({ complete: true, lost: 0, unread: 0, acknowledged: row(id).written?.acknowledged });
      acknowledged += audit.found;
    }
    await expect.poll(() => row(group.id).consumed?.consumed ?? 0, { timeout: SOON_MS }).toBeGreaterThanOrEqual(acknowledged);
    const assignedTopics = (): string[] =>
      members(group.id, 'consuming').flatMap(({ assignment }) => assignment.map(({ topic }) => topic)).sort(); // prettier-ignore
    await expect.poll(() => [...new Set(assignedTopics())], { timeout: SOON_MS }).toEqual([...NAMES].sort());
    // Its commits, one a second, stand under the names themselves.
    const committed = async (): Promise<number> =>
      (await admin.fetchOffsets({ groupId: toKafkajsName('constructor'), topics: NAMES.map(toKafkajsName) }))
        .flatMap(({ partitions }) => partitions)
        .reduce((total, { offset }) => total + Math.max(0, Number(offset)), 0);
    await expect.poll(committed, { timeout: SOON_MS }).toBeGreaterThanOrEqual(acknowledged);
    await loads.stop(group.id);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });
});

describe('a producer load', () => {
  test('loses no acknowledged record while a leader is killed', async () => {
    const topic = await create('leader-killed');
    const { id } = await loads.start({ ...PRODUCER, name: 'steady', topic });
    await written(id, 4_000);
    const leader = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.leader as number;
    await cluster.kill(leader);
    const before = row(id).written?.acknowledged ?? 0;
    await written(id, before + 6_000);
    await cluster.startNode(leader);
    await loads.stop(id);
    const counts = row(id).written;
    const audit = await loads.audit(id);
    expect(counts).toMatchObject({ waiting: 0 });
    expect(audit).toMatchObject({ complete: true, acknowledged: counts?.acknowledged, found: counts?.acknowledged, lost: 0, unread: 0 });
    // A client that knows nothing of the load counts the same.
    expect(await recordsIn(topic)).toBe(audit.found + audit.duplicated + audit.storedThoughFailed);
  });

  test('continues after a leader was frozen, and after all brokers were down', async () => {
    const topic = await create('outages');
    const { id } = await loads.start({ ...PRODUCER, name: 'patient', topic, recordsPerSecond: 500 });
    await written(id, 1_000);
    const leader = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.leader as number;
    const { id: freeze } = await cluster.inject({ type: 'freeze', node: leader });
    const frozen = row(id).written?.acknowledged ?? 0;
    // While it is frozen: other brokers lead, and requests to it have timed out.
    await written(id, frozen + 2_000);
    await cluster.heal(freeze);
    await Promise.all([1, 2, 3].map((node) => cluster.kill(node)));
    await expect.poll(() => row(id).error, { timeout: SOON_MS }).not.toBeNull();
    const down = row(id).written?.acknowledged ?? 0;
    expect(await cluster.healAll()).toEqual([]);
    await written(id, down + 1_000);
    expect(row(id)).toMatchObject({ state: 'running' });
    await loads.stop(id);
    const counts = row(id).written;
    expect(counts).toMatchObject({ waiting: 0 });
    const audit = await loads.audit(id);
    expect(audit).toMatchObject({ complete: true, acknowledged: counts?.acknowledged, lost: 0, unread: 0 });
    expect(await recordsIn(topic)).toBe(audit.found + audit.duplicated + audit.storedThoughFailed);
  });

  test('writes 10,000 a second', async () => {
    const topic = await create('firehose');
    const { id } = await loads.start({ ...PRODUCER, name: 'firehose', topic, clients: 4, recordsPerSecond: 10_000 });
    await written(id, 60_000);
    // Of the last 3 s, in which a slow machine may not have run the cluster.
    await expect.poll(() => row(id).written?.perSecond ?? 0, { timeout: SOON_MS }).toBeGreaterThan(1_000);
    await loads.stop(id);
    expect(await loads.audit(id)).toMatchObject({ complete: true, lost: 0, duplicated: 0 });
  });
});

describe('what is lost', () => {
  test('by a leader that was cut off, exactly, with acks=1', async () => {
    const topic = await create('cut-off', {}, 1);
    const { id } = await loads.start({ ...PRODUCER, name: 'hasty', topic, acks: 'one', idempotent: false, recordsPerSecond: 500 });
    await written(id, 500);
    const leader = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.leader as number;
    const cuts = [1, 2, 3]
      .filter((other) => other !== leader)
      .map((other) => cluster.inject({ type: 'partition', between: [leader, other], direction: 'both' }));
    await Promise.all(cuts);
    // The other nodes elect a leader; this one and the clients that write to it do not know.
    await expect.poll(() => row(id).written?.audit?.lost ?? 0, { timeout: SOON_MS }).toBeGreaterThan(0);
    expect(await cluster.healAll()).toEqual([]);
    await loads.stop(id);
    const audit = await loads.audit(id);
    const counts = row(id).written;
    const stored = await valuesIn(topic);
    expect(audit).toMatchObject({ complete: true, removed: 0, unread: 0, acknowledged: counts?.acknowledged });
    expect(audit.lost).toBeGreaterThan(0);
    expect(audit.lost).toBe(audit.acknowledged + audit.storedThoughFailed - new Set(stored).size);
    expect(audit.duplicated).toBe(stored.length - new Set(stored).size);
    expect(audit.lostRanges.reduce((sum, { count }) => sum + count, 0)).toBe(audit.lost);
    const numbers = new Set(stored.map((value) => Number(value.split(' ')[3])));
    for (const { from, to } of audit.lostRanges) expect([numbers.has(from), numbers.has(to)]).toEqual([false, false]);
  });

  test('by an unclean election, exactly, though every replica in sync had acknowledged', async () => {
    const topic = 'unclean';
    const configs = { 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' };
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic,
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    const { id } = await loads.start({ ...PRODUCER, name: 'unlucky', topic, clients: 1, recordsPerSecond: 300 });
    await written(id, 600);
    // The follower falls behind; the leader is the only in-sync replica and continues until it is stopped too.
    await cluster.kill(2);
    await expect
      .poll(async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.isr, { timeout: SOON_MS })
      .toEqual([1]);
    await written(id, (row(id).written?.acknowledged ?? 0) + 600);
    await cluster.kill(1);
    await cluster.startNode(2);
    await expect.poll(() => row(id).written?.audit?.lost ?? 0, { timeout: SOON_MS }).toBeGreaterThan(500);
    await cluster.startNode(1);
    await loads.stop(id);
    const audit = await loads.audit(id);
    const stored = await valuesIn(topic);
    expect(audit).toMatchObject({ complete: true, removed: 0, unread: 0, acknowledged: row(id).written?.acknowledged });
    expect(audit.lost).toBe(audit.acknowledged + audit.storedThoughFailed - new Set(stored).size);
    expect(audit.duplicated).toBe(stored.length - new Set(stored).size);
  });

  test('by the deletion of the topic: all of it; by DeleteRecords: nothing, it was removed', async () => {
    const topic = await create('deleted');
    const { id } = await loads.start({ ...PRODUCER, name: 'finite', topic, records: 3_000 });
    await expect.poll(() => row(id).state, { timeout: SOON_MS }).toBe('ended');
    expect(row(id).written).toMatchObject({ sent: 3_000, acknowledged: 3_000, failed: 0 });
    const offsets = await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '20' }] });
    expect(offsets.find(({ partition }) => partition === 0)?.low).toBe('0');
    expect(await loads.audit(id)).toMatchObject({ complete: true, acknowledged: 3_000, found: 2_980, removed: 20, lost: 0, duplicated: 0 });
    await admin.deleteTopics({ topics: [topic] });
    await expect.poll(() => admin.listTopics(), { timeout: SOON_MS }).not.toContain(topic);
    await expect.poll(async () => (await loads.audit(id)).lost, { timeout: SOON_MS }).toBe(3_000);
    await create('deleted');
    expect(await loads.audit(id)).toMatchObject({ complete: true, found: 0, lost: 3_000 });
  });

  test('nothing where a later record of the same key took its place', async () => {
    const topic = await create('compacted', {
      'cleanup.policy': 'compact',
      'segment.ms': '1000',
      'min.cleanable.dirty.ratio': '0',
      'min.compaction.lag.ms': '0',
    });
    const { id } = await loads.start({
      ...PRODUCER,
      name: 'keyed',
      topic,
      keys: { kind: 'hot', distinct: 20, share: 0.5 },
      recordsPerSecond: 500,
    });
    await written(id, 2_000);
    await expect.poll(async () => (await loads.audit(id)).removed, { timeout: SOON_MS, interval: 1_000 }).toBeGreaterThan(0);
    await loads.stop(id);
    expect(await loads.audit(id)).toMatchObject({ complete: true, lost: 0 });
  });
});

test('refuses what cannot be', async () => {
  await expect(loads.start({ ...PRODUCER, name: 'nowhere', topic: 'no-such-topic' })).rejects.toMatchObject({
    app: { code: 'NOT_FOUND', field: 'topic', message: 'There is no topic no-such-topic.' },
  });
  const topic = await create('refusals');
  const { id } = await loads.start({ ...PRODUCER, name: 'only', topic, recordsPerSecond: 10 });
  await expect(loads.start({ ...PRODUCER, name: 'only', topic })).rejects.toMatchObject({ app: { field: 'name' } });
  await expect(loads.change(id, { members: 2 })).rejects.toMatchObject({ app: { field: 'members' } });
  expect(() => loads.remove(id)).toThrow(/still running/);
  await loads.stop(id);
  loads.remove(id);
  expect(loads.list().map((load) => load.id)).not.toContain(id);
});

describe('a group load', () => {
  test('a member that crashes is missed, and one that is paused loses its session', async () => {
    const topic = await create('read');
    const writer = await loads.start({ ...PRODUCER, name: 'writer', topic, recordsPerSecond: 200 });
    const { id } = await loads.start({ ...GROUP, name: 'readers', topics: [topic], members: 3 });
    await expect.poll(() => assigned(id), { timeout: SOON_MS }).toEqual([2, 2, 2]);
    await loads.member(id, 1, 'crash');
    await expect.poll(() => assigned(id), { timeout: SOON_MS }).toEqual([3, 3]);
    await loads.member(id, 2, 'pause');
    await expect
      .poll(() => members(id, 'consuming').map(({ assignment }) => assignment[0]?.partitions.length), { timeout: SOON_MS })
      .toEqual([6]);
    await expect.poll(async () => (await admin.describeGroups(['readers'])).groups[0]?.members.length, { timeout: SOON_MS }).toBe(1);
    await loads.member(id, 2, 'resume');
    await expect.poll(() => assigned(id), { timeout: SOON_MS }).toEqual([3, 3]);
    await loads.stop(writer.id);
    const stored = await recordsIn(topic);
    await expect.poll(() => (row(id).consumed?.consumed ?? 0) - (row(id).consumed?.repeated ?? 0), { timeout: SOON_MS }).toBe(stored);
    await loads.stop(id);
    expect(row(id).consumed).toMatchObject({ crashes: 1 });
    const events = cluster.timeline();
    const why = (type: string): string[] => causes(events, type, 'readers');
    expect(why('group/memberExpired')).toEqual(['load/memberCrashed', 'load/memberPaused']);
    expect(why('group/memberJoined').filter((cause) => !cause.startsWith('load/'))).toEqual([]);
    expect(why('group/memberLeft')).toEqual(expect.arrayContaining(['load/ended']));
  });
});

test('ends at once, whatever its clients are at', async () => {
  const topic = await create('closing');
  await loads.start({ ...PRODUCER, name: 'to-be-closed', topic });
  const { id } = await loads.start({ ...GROUP, name: 'closed', topics: [topic], crashEveryMs: 1_000 });
  await expect.poll(() => row(id).consumed?.crashes ?? 0, { timeout: SOON_MS }).toBeGreaterThan(1);
  const [member] = (row(id).consumed?.members ?? []).filter(({ state }) => state !== 'ended');
  await loads.member(id, member?.number as number, 'pause');
  const from = performance.now();
  await loads.close();
  expect(performance.now() - from).toBeLessThan(20_000);
  expect(loads.list().map(({ state }) => state)).not.toContain('running');
  await expect(loads.start({ ...PRODUCER, name: 'late', topic })).rejects.toMatchObject({ app: { code: 'NOT_CONNECTED' } });
});

async function create(topic: string, configs: Record<string, string> = {}, numPartitions = 6): Promise<string> {
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      {
        topic,
        numPartitions,
        replicationFactor: 3,
        configEntries: Object.entries({ 'min.insync.replicas': '2', ...configs }).map(([name, value]) => ({ name, value })),
      },
    ],
  });
  return topic;
}

function row(id: number): LoadRow {
  const found = loads.list().find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no load ${id}`);
  return found;
}

async function written(id: number, records: number): Promise<void> {
  await expect.poll(() => row(id).written?.acknowledged ?? 0, { timeout: SOON_MS }).toBeGreaterThanOrEqual(records);
}

function members(id: number, state: string) {
  return (row(id).consumed?.members ?? []).filter((member) => member.state === state);
}

/** How many partitions each member has that consumes. */
function assigned(id: number): number[] {
  return members(id, 'consuming').map(({ assignment }) => assignment.reduce((sum, { partitions }) => sum + partitions.length, 0));
}

/** All values, by a consumer that knows nothing of loads. */
async function valuesIn(topic: string): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 300 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch }) => {
      values.push(...batch.messages.map(({ value }) => value?.toString() ?? ''));
      return Promise.resolve();
    },
  });
  // Retried: right after an outage the queried broker may not know the leader yet.
  await expect.poll(async () => values.length - (await recordsIn(topic)), { timeout: SOON_MS, interval: 200 }).toBe(0);
  await consumer.disconnect();
  return values;
}

async function recordsIn(topic: string): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}

function causes(events: readonly TimelineEvent[], type: string, group: string): string[] {
  return events
    .filter((event) => event.type === type && event.group === group)
    .map(({ causeId }) => events.find(({ id }) => id === causeId)?.type ?? 'nothing');
}
