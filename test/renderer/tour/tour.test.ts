import { describe, expect, it } from 'vitest';
import type { BrokerRow, GroupRow, TopicRow } from '#shared/models/cluster';
import type { LoadRow } from '#shared/models/load';
import {
  LAG_LOW,
  LAG_SEEN,
  WRITES_SEEN,
  freshMemory,
  leaderOf,
  readersOf,
  reliefFor,
  remember,
  stepOf,
  topicsToTake,
  unfitTopic,
  whyNotSafe,
  writerOf,
  type TourFacts,
  type TourMemory,
} from '../../../renderer/tour/tour.ts';
import { describeStep } from '../../../renderer/tour/tour-text.ts';

const topic = (name: string, change: Partial<TopicRow> = {}, leaders: (number | null)[] = [1, 2, 3], isr = [1, 2, 3]): TopicRow => ({
  name,
  id: null,
  internal: false,
  replicationFactor: 3,
  partitions: leaders.map((leader, partition) => ({
    partition,
    leader,
    leaderEpoch: 0,
    replicas: [1, 2, 3].map((broker) => ({ broker, state: broker === leader ? ('leader' as const) : ('inSync' as const) })),
    isr,
    startOffset: '0',
    endOffset: '0',
    sizeBytes: '0',
    error: null,
  })),
  cleanupPolicy: 'delete',
  minInsyncReplicas: 2,
  records: '0',
  sizeBytes: '0',
  recordsEstimated: false,
  offsetsAsOf: null,
  ...change,
});
const broker = (id: number, running = true): BrokerRow => ({
  id,
  host: '127.0.0.1',
  port: 9_091 + id,
  rack: null,
  state: running ? 'online' : 'down',
  since: null,
  isController: id === 1,
  quorumRole: 'follower',
  leaders: 1,
  replicas: 3,
  inSync: 3,
  sessionAgeMs: 100,
  sessionTimeoutMs: 3_000,
  logBytes: '0',
  disk: null,
  lab: { port: 9_091 + id, controllerPort: 9_191 + id, running, memoryBytes: null },
});
const producer = (acknowledged: number, id = 1): LoadRow => ({
  id,
  spec: writerOf('orders'),
  state: 'running',
  since: 0,
  error: null,
  written: { sent: acknowledged, acknowledged, failed: 0, waiting: 0, perSecond: 40, medianMs: 3, p99Ms: 9, audit: null },
  consumed: null,
});
const readers = (): LoadRow => ({
  id: 2,
  spec: readersOf(topic('orders')),
  state: 'running',
  since: 0,
  error: null,
  written: null,
  consumed: { consumed: 1, repeated: 0, perSecond: 20, rebalances: 1, crashes: 0, members: [], positions: [] },
});
const group = (lag: number | null): GroupRow => ({
  id: 'orders-readers',
  state: 'Stable',
  protocolType: 'consumer',
  protocol: 'RoundRobinAssigner',
  coordinator: 1,
  members: [],
  partitions: [],
  lag: lag === null ? null : `${lag}`,
  unknown: 0,
  error: null,
  asOf: 0,
});
const facts = (change: Partial<TourFacts> & { orders?: TopicRow } = {}): TourFacts => {
  const { orders = topic('orders'), ...rest } = change;
  return {
    ready: true,
    topics: new Map([[orders.name, orders]]),
    brokers: [1, 2, 3].map((id) => broker(id)),
    producer: null,
    readers: null,
    group: null,
    watching: false,
    ...rest,
  };
};
const running = (acknowledged: number, lag: number | null, change: Partial<TourFacts> & { orders?: TopicRow } = {}): TourFacts =>
  facts({ producer: producer(acknowledged), readers: readers(), group: group(lag), watching: true, ...change });
const memory = (change: Partial<TourMemory> = {}): TourMemory => ({ ...freshMemory([]), ...change });
const after = (from: TourMemory, ...looks: TourFacts[]): TourMemory => looks.reduce(remember, from);

describe('the topic', () => {
  it('is one that was created since, or an empty one; one with records needs consent', () => {
    const full = topic('orders', { records: '500' });
    expect(after(memory({ known: ['orders'] }), facts({ orders: full })).topic).toBeNull();
    expect(topicsToTake(facts({ orders: full }))).toEqual(['orders']);
    expect(after(memory({ known: ['orders'] }), facts()).topic).toBe('orders');
    expect(after(memory(), facts({ orders: full })).topic).toBe('orders');
    expect(after(memory(), facts({ orders: topic('__consumer_offsets', { internal: true }) })).topic).toBeNull();
    expect(after(memory({ known: ['orders'] }), facts({ orders: topic('orders', { records: null }) })).topic).toBeNull();
  });

  it('outlives a broker, or it is said why not', () => {
    const single = topic('orders', { replicationFactor: 1 });
    const strict = topic('orders', { minInsyncReplicas: 3 });
    expect(after(memory(), facts({ orders: single })).topic).toBeNull();
    expect(unfitTopic(memory(), facts({ orders: single }))).toMatch(/replication factor 1/);
    expect(unfitTopic(memory(), facts({ orders: strict }))).toMatch(/all 3 replicas/);
    expect(unfitTopic(memory({ known: ['orders'] }), facts({ orders: single }))).toBeNull();
    expect(whyNotSafe(topic('orders', { minInsyncReplicas: null }))).toBeNull();
    expect(describeStep('topic', memory(), facts({ orders: single })).lines).toMatchObject([{ done: false, tone: 'warn' }]);
  });

  it('that is deleted is asked for again; a cluster that does not answer deletes nothing', () => {
    const known = memory({ topic: 'orders', lagSeen: true });
    expect(after(known, { ...facts(), ready: false, topics: new Map() })).toBe(known);
    expect(after(known, { ...facts(), topics: new Map() })).toMatchObject({ topic: null, lagSeen: false });
  });
});

describe('lag', () => {
  const begun = memory({ topic: 'orders' });

  it('counts once both clients run and the page of the group is in front', () => {
    expect(stepOf(begun, facts())).toBe('clients');
    expect(stepOf(begun, running(0, null))).toBe('clients');
    expect(stepOf(begun, running(10, null, { group: null }))).toBe('clients');
    expect(stepOf(begun, running(10, 20))).toBe('lag');
    expect(after(begun, running(500, 500, { watching: false })).lagSeen).toBe(false);
    expect(after(begun, running(500, LAG_SEEN - 1)).lagSeen).toBe(false);
    expect(after(begun, running(500, null))).toBe(begun);
    const seen = after(begun, running(500, LAG_SEEN));
    expect(seen).toMatchObject({ lagSeen: true, peakLag: LAG_SEEN, caughtUp: false });
    expect(stepOf(seen, running(500, LAG_SEEN))).toBe('catchUp');
  });

  it('once seen stays seen, and is over when little is left', () => {
    const seen = after(begun, running(500, 300), running(600, LAG_LOW + 1));
    expect(seen).toMatchObject({ lagSeen: true, peakLag: 300, caughtUp: false });
    const over = after(seen, running(700, LAG_LOW));
    expect(over.caughtUp).toBe(true);
    expect(stepOf(over, running(800, 400))).toBe('outage');
  });

  it('falls with as many members as there are partitions to read, or with less to read', () => {
    expect(reliefFor(6)).toEqual({ members: 4, recordsPerSecond: 40 });
    expect(reliefFor(2)).toEqual({ members: 2, recordsPerSecond: 10 });
    expect(reliefFor(1)).toEqual({ members: 1, recordsPerSecond: 5 });
  });
});

describe('the outage', () => {
  const ready = memory({ topic: 'orders', lagSeen: true, caughtUp: true });
  const down = [broker(1), broker(2, false), broker(3)];
  const before = running(100, 0, { brokers: down });
  const moved = running(120, 0, { brokers: down, orders: topic('orders', {}, [1, 1, 3], [1, 3]) });
  const writesContinue = running(120 + WRITES_SEEN, 0, { brokers: down, orders: topic('orders', {}, [1, 1, 3], [1, 3]) });

  it('ends when the leaders moved and writes continue', () => {
    expect(after(ready, running(90, 0)).outage).toBeNull();
    const seen = after(ready, before);
    expect(seen.outage).toMatchObject({ broker: 2, before: 100, moved: null, writesContinue: false });
    expect(after(ready, before, moved).outage).toMatchObject({ moved: 120, writesContinue: false });
    expect(stepOf(after(ready, before, moved), moved)).toBe('outage');
    expect(stepOf(after(ready, before, moved, writesContinue), writesContinue)).toBe('start');
  });

  it('is not, while a partition has no leader or the dead one is still named', () => {
    expect(after(ready, before, running(900, 0, { brokers: down, orders: topic('orders', {}, [1, null, 3]) })).outage?.moved).toBeNull();
    expect(after(ready, before, running(900, 0, { brokers: down, orders: topic('orders', {}, [1, 2, 3]) })).outage?.moved).toBeNull();
  });

  it('that ended before anything was seen has to be had again', () => {
    expect(after(ready, before, running(130, 0)).outage).toBeNull();
  });

  it('is counted from one producer: another counts from nothing', () => {
    const other = { ...before, producer: producer(5, 9) };
    expect(after(ready, before, other).outage).toMatchObject({ producer: 9, before: 5 });
    expect(stepOf(after(ready, before), { ...before, producer: null })).toBe('clients');
  });

  it('a broker that was down already counts from now', () => {
    expect(after(memory({ topic: 'orders', lagSeen: true }), before).outage).toMatchObject({ broker: 2, before: 100 });
  });

  it('is healed when the broker is in sync everywhere; the figures are those of the time it was down', () => {
    const back = running(1_340, 0, { orders: topic('orders', {}, [1, 1, 3], [1, 3]) });
    const half = after(ready, before, moved, writesContinue, back);
    expect(half).toMatchObject({ outage: { after: 1_340 }, healed: false });
    expect(describeStep('start', half, back).lines).toMatchObject([
      { done: true },
      { done: false, text: 'in sync in 0 of its 3 partitions of orders' },
    ]);
    const healed = after(half, running(1_400, 0, { orders: topic('orders', {}, [1, 1, 3]) }));
    expect(healed).toMatchObject({ outage: { before: 100, after: 1_340 }, healed: true });
    expect(stepOf(healed, facts())).toBe('end');
    const end = (audit: Partial<NonNullable<TourMemory['audit']>>) =>
      describeStep(
        'end',
        { ...healed, audit: { acknowledged: 1_400, found: 1_400, lost: 0, removed: 0, unread: 0, duplicated: 0, ...audit } },
        facts(),
      );
    expect(end({}).text).toBe('1,240 records were acknowledged while broker 2 was down; none of them is lost.');
    expect(end({ lost: 3, found: 1_397 })).toMatchObject({ title: 'Some records are lost', lines: [{ done: false, tone: 'bad' }] });
    expect(end({ unread: 9, found: 1_391 }).text).toMatch(/none of what can be read is missing/);
    expect(describeStep('end', healed, facts()).title).toBe('Is every record still stored?');
  });

  it('names the broker to kill, and the page where', () => {
    expect(leaderOf(topic('orders', {}, [null, 3]))).toBe(3);
    expect(leaderOf(undefined)).toBeNull();
    expect(describeStep('outage', ready, running(90, 0))).toMatchObject({
      title: 'Kill broker 1',
      show: { to: '/brokers', target: 'kill-1' },
    });
    expect(describeStep('outage', ready, running(90, 0)).text).toMatch(/once 3 s pass/);
  });
});
