/** Kafka, Broker, Topic, Partitions, Offset: diagrams and checks of given states. */
import { describe, expect, it } from 'vitest';
import type { GroupRow } from '../../../shared/models/cluster.ts';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';
import { broker } from '../../../renderer/learn/broker.ts';
import { kafka } from '../../../renderer/learn/kafka.ts';
import { offset } from '../../../renderer/learn/offset.ts';
import { movesOf, partitions, shortKey } from '../../../renderer/learn/partitions.ts';
import { formatSetting } from '../../../renderer/learn/settings.ts';
import { topic } from '../../../renderer/learn/topic.ts';
import { brokerRow, learnState, partitionRow, sentRecord, topicRow } from './learn-fixture.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

function groupRow(committed: string | null, more: Partial<GroupRow> = {}): GroupRow {
  const lag = committed === null ? null : `${10n - BigInt(committed)}`;
  return {
    id: 'learn-readers',
    state: 'Stable',
    protocolType: 'consumer',
    protocol: 'range',
    coordinator: 3,
    members: [{ memberId: 'm-1', instanceId: null, clientId: 'c', host: 'h', assignment: [] }],
    partitions: [groupPartition({ topic: 'learn-orders', memberId: 'm-1', committed, endOffset: '10', lag })],
    lag,
    unknown: committed === null ? 1 : 0,
    error: null,
    asOf: 1,
    ...more,
  };
}

const event = (id: number, type: TimelineEvent['type'], at: number, about: number): TimelineEvent => ({
  id,
  type,
  at,
  node: null,
  broker: about,
});
const down = brokerRow(2, { state: 'down', lab: { port: 1, controllerPort: 2, running: false, memoryBytes: null }, sessionAgeMs: null });

describe('Offset', () => {
  const draw = (groups: GroupRow[]) => offset.diagram(learnState({ groups }), 778);

  it('ends with the next offset, and marks offsets that the group has not consumed', () => {
    const cells = draw([groupRow('7')]).boxes.find(({ id }) => id === 'log')?.cells ?? [];
    expect(cells.map(({ text, tone }) => `${text} ${tone}`)).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6].map((n) => `${n} plain`),
      '7 warn',
      '8 warn',
      '9 warn',
      '10 faint',
    ]);
    expect(cells[0]?.mark).toBe('start');
    expect(cells.at(-1)?.mark).toBe('end');
  });

  it('has an edge from the group to its next record', () => {
    const diagram = draw([groupRow('7')]);
    const group = diagram.boxes.find(({ id }) => id === 'group-learn-readers');
    expect(group?.data).toEqual({ group: 'learn-readers', committed: '7', lag: '3', of: 'learn-orders-0' });
    expect(diagram.edges.find(({ id }) => id === 'place-learn-readers')?.toX).toBeGreaterThan(0);
  });

  it('has no edge without a committed offset', () => {
    const diagram = draw([groupRow(null)]);
    expect(diagram.edges.map(({ id }) => id)).toEqual(['append']);
    expect(diagram.boxes.find(({ id }) => id === 'group-learn-readers')?.lines?.map(({ text }) => text)).toEqual([
      'nothing committed yet',
      'lag ?',
    ]);
  });

  it('is done when the group has caught up after a lag', () => {
    const done = (peak: bigint, committed: string) =>
      offset.check.done(learnState({ groups: [groupRow(committed)], lagPeaks: new Map([['learn-readers', peak]]) }));
    expect(done(4n, '10')).toBeNull();
    expect(done(5n, '9')).toBeNull();
    expect(done(5n, '10')).toBe('learn-readers had a lag of 5 records and has caught up.');
  });

  it('offers to kill the coordinator', () => {
    expect(offset.outages(learnState({ groups: [groupRow('7')] })).map(({ label }) => label)).toEqual(['Kill broker 3']);
  });
});

describe('Partitions', () => {
  it('shows the keys of records that were sent on the page', () => {
    const state = learnState({ sent: [sentRecord({ partition: 1, offset: '10', key: 'customer-17' })] });
    const cells = partitions.diagram(state, 778).boxes.find(({ id }) => id === 'partition-1')?.cells ?? [];
    expect(cells.at(-1)).toMatchObject({ text: '10', mark: '…r-17', tone: 'accent' });
    expect(cells.at(-2)?.mark).toBeUndefined();
    expect(shortKey('bob')).toBe('bob');
  });

  it('marks a partition with more than twice the records of the others', () => {
    const rows = ['40', '5', '6'].map((endOffset, i) => partitionRow(i, { endOffset }));
    const { boxes } = partitions.diagram(learnState({ topic: topicRow({ partitions: rows }) }), 778);
    const bars = [0, 1, 2].map((i) => boxes.find(({ id }) => id === `bar-${i}`));
    expect(bars.map((bar) => bar?.tone)).toEqual(['warn', 'plain', 'plain']);
    expect((bars[1]?.width ?? 0) * 8).toBeCloseTo(bars[0]?.width ?? 0, -1);
  });

  it('lists the keys that would move', () => {
    expect(movesOf(['ann', 'bob', 'cay', 'dan'], 3, 6)).toEqual([
      { key: 'ann', now: 2, then: 2 },
      { key: 'bob', now: 0, then: 0 },
      { key: 'cay', now: 1, then: 4 },
      { key: 'dan', now: 0, then: 3 },
    ]);
  });

  it('is done only by a key in two partitions after partitions were added', () => {
    const done = (...more: Parameters<typeof sentRecord>[0][]) => partitions.check.done(learnState({ sent: more.map(sentRecord) }));
    expect(done({ partition: 1 }, { partition: 1, partitions: 6 })).toBeNull();
    expect(done({ partition: 1 }, { partition: 2 })).toBeNull();
    expect(done({ partition: 1 }, { partition: 4, partitions: 6 })).toBe(
      'customer-17 went to partition 1 with 3 partitions, and to 4 with 6.',
    );
  });
});

describe('Broker', () => {
  const glyphs = (state = learnState()) => broker.diagram(state, 778).glyphs?.map(({ id, state: as }) => `${id} ${as}`);

  it('shows leader and follower replicas', () => {
    expect(glyphs()).toEqual(['replica:learn-orders-0@1 leader', 'replica:learn-orders-1@1 inSync', 'replica:learn-orders-2@1 inSync']);
    expect(broker.diagram(learnState({ picked: { broker: 3 } }), 778).boxes[0]?.data).toEqual({ broker: '3', state: 'online', leads: '1' });
  });

  it('shows a broker that is down without heartbeats, and offers only to start it', () => {
    const state = learnState({ brokers: [brokerRow(1), down, brokerRow(3)], picked: { broker: 2 } });
    const diagram = broker.diagram(state, 778);
    expect(diagram.edges.find(({ id }) => id === 'heartbeat')?.cut).toBe(true);
    expect(diagram.boxes.find(({ id }) => id === 'controller')?.lines?.map(({ text }) => text)).toContain('session lost');
    expect(broker.outages(state).map(({ label }) => label)).toEqual(['Start broker 2']);
    expect(broker.outages(learnState()).map(({ label }) => label)).toEqual(['Stop broker 1', 'Kill broker 1', 'Freeze broker 1']);
    const leaving = state.brokers.map((row) => (row.id === 2 ? { ...row, state: 'shuttingDown' as const } : row));
    expect(broker.outages({ ...state, brokers: leaving })).toEqual([]);
  });

  it('is done by a graceful shutdown and a failure', () => {
    const stopped = event(1, 'lab/nodeStopped', 1_000, 2);
    const killed = event(2, 'lab/nodeKilled', 5_000, 3);
    const fenced = event(3, 'cluster/brokerFenced', 8_200, 3);
    const done = (...events: TimelineEvent[]) => broker.check.done(learnState({ events }));
    expect(done(stopped, killed)).toBeNull();
    expect(done(killed, fenced)).toBeNull();
    expect(done(stopped, event(2, 'cluster/brokerFenced', 1_100, 2))).toBeNull();
    expect(done(stopped, killed, fenced)).toBe('broker 2 shut down gracefully; broker 3 was fenced 3.2 s after it failed.');
  });
});

describe('Topic', () => {
  it('has a glyph for each replica, under its broker', () => {
    const { glyphs = [], boxes } = topic.diagram(learnState(), 778);
    expect(glyphs).toHaveLength(9);
    const column = boxes.find(({ id }) => id === 'broker-2');
    const mine = glyphs.filter(({ id }) => id.endsWith('@2'));
    for (const { x } of mine) {
      expect(x).toBeGreaterThan(column?.x ?? Infinity);
      expect(x).toBeLessThan((column?.x ?? 0) + (column?.width ?? 0));
    }
  });

  it('is done by a new topic with more than one partition', () => {
    const own = topicRow({ name: 'mine' });
    const state = learnState();
    const done = (more: object) => topic.check.done({ ...state, topics: [...state.topics, own], ...more });
    expect(done({ topicsBefore: new Set(['mine']) })).toBeNull();
    expect(done({ topicsBefore: null })).toBeNull();
    expect(done({ topics: [...state.topics, topicRow({ name: 'mine', partitions: [partitionRow(0)] })] })).toBeNull();
    expect(done({})).toBe('mine has 3 partitions and replication factor 3.');
  });
});

describe('the loss of a broker on the Topic page', () => {
  const alone = (id: number, broker: number) =>
    partitionRow(id, { leader: broker, isr: [broker], replicas: [{ broker, state: 'leader' }] });
  const state = (rows: ReturnType<typeof partitionRow>[], isStopped: boolean) =>
    learnState({ brokers: [brokerRow(1), isStopped ? down : brokerRow(2), brokerRow(3)], topic: topicRow({ partitions: rows }) });

  it('claims availability only where another replica is in sync', () => {
    const replicated = partitionRow(1, { leader: 2 });
    expect(topic.wrong(state([replicated], false)).join(' ')).toContain('Kill broker 2: the topic stays available');
    const text = topic.wrong(state([alone(0, 2), replicated], false)).join(' ');
    expect(text).toContain('Kill broker 2: 1 partition of learn-orders becomes offline');
    expect(text).not.toContain('stays available');
  });

  it('distinguishes offline partitions from under-replicated ones', () => {
    const [first, second] = topic.wrong(state([alone(0, 2), partitionRow(1, { leader: 1, isr: [1, 3] })], true));
    expect(first).toMatch(/^Broker 2 is down: 1 partition of learn-orders is under-replicated\./);
    expect(second).toBe('1 partition of learn-orders has no other in-sync replica: offline until broker 2 returns.');
    expect(topic.wrong(state([alone(0, 2)], true))[0]).toMatch(/^Broker 2 is down\. Nothing is lost/);
    expect(topic.wrong(state([partitionRow(1)], true))).toHaveLength(1);
    expect(topic.wrong({ ...state([], true), topic: null })[0]).toMatch(/^Broker 2 is down\. Nothing is lost/);
  });
});

describe('an outage of one broker', () => {
  const led = (...leaders: (number | null)[]) => topicRow({ partitions: leaders.map((leader, id) => partitionRow(id, { leader })) });
  const during = (...leaders: (number | null)[]) => learnState({ brokers: [brokerRow(1), down, brokerRow(3)], topic: led(...leaders) });

  it.each([kafka, partitions])('$title: does not claim a new leader for partitions of other brokers', (concept) => {
    const text = concept.wrong(during(1, 3, 3)).join(' ');
    expect(text).toContain('Every partition has a leader');
    expect(text).not.toContain('new leader');
  });

  it('Offset: names no coordinator while the group still names the stopped broker', () => {
    const of = (coordinator: number | null) => offset.wrong({ ...during(1, 3, 3), groups: [groupRow('5', { coordinator })] }).join(' ');
    for (const coordinator of [2, null]) expect(of(coordinator)).toContain('learn-readers has no coordinator');
    expect(of(3)).toContain('learn-readers commits to broker 3');
  });

  it.each([kafka, partitions])('$title: counts a partition that still names the stopped broker as offline', (concept) => {
    const text = concept.wrong(during(1, 2, null)).join(' ');
    expect(text).toContain('2 partitions');
    expect(text).not.toContain('Every partition');
  });
});

describe('Kafka', () => {
  it('has edges from the leaders of consumed partitions to a group with members', () => {
    const { edges } = kafka.diagram(learnState({ groups: [groupRow('7')] }), 778);
    expect(edges.filter(({ id }) => id.startsWith('read-')).map(({ from, to }) => [from, to])).toEqual([
      ['broker-1', 'group-learn-readers'],
    ]);
  });

  it('has no rate to a broker that is down', () => {
    const state = learnState({
      brokers: [brokerRow(1), down, brokerRow(3)],
      flows: new Map([
        ['clients>2', 10],
        ['clients>1', 4],
      ]),
    });
    const { edges } = kafka.diagram(state, 778);
    expect(edges.find(({ id }) => id === 'write-2')).toMatchObject({ perSecond: null, dashed: true });
    expect(edges.find(({ id }) => id === 'write-1')?.perSecond).toBe(4);
  });

  it('is done by the same record read twice', () => {
    const read = { n: 1, at: 1, topic: 't', partition: 2, offset: '1204', key: null, value: 'x', timestamp: null };
    const done = (...reads: (typeof read)[]) => kafka.check.done(learnState({ reads }));
    expect(done(read)).toBeNull();
    expect(done(read, { ...read, offset: '1205' })).toBeNull();
    expect(done(read, { ...read, n: 2 })).toBe('offset 1,204 of partition 2 was read twice and still exists.');
  });
});

it.each([
  ['retention.ms', '604800000', '7 days'],
  ['retention.ms', '-1', 'no limit'],
  ['segment.bytes', '1073741824', '1.07 GB'],
  ['offsets.retention.minutes', '10080', '7 days'],
  ['min.insync.replicas', '2', '2'],
  ['cleanup.policy', 'compact,delete', 'compact,delete'],
  ['log.dirs', '', 'none'],
])('formats %s=%s as %s', (name, value, shown) => {
  expect(formatSetting(name, value)).toBe(shown);
});
