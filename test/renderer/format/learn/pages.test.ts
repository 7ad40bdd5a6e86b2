/** Kafka, Broker, Topic, Partitions, Offset: what each diagram and check says of a given state. */
import { describe, expect, it } from 'vitest';
import type { GroupRow } from '../../../../shared/models/cluster.ts';
import type { TimelineEvent } from '../../../../shared/models/timeline.ts';
import { broker } from '../../../../renderer/format/learn/broker.ts';
import { kafka } from '../../../../renderer/format/learn/kafka.ts';
import { offset } from '../../../../renderer/format/learn/offset.ts';
import { movesOf, partitions, shortKey } from '../../../../renderer/format/learn/partitions.ts';
import { formatSetting } from '../../../../renderer/format/learn/settings.ts';
import { topic } from '../../../../renderer/format/learn/topic.ts';
import { brokerRow, learnState, partitionRow, sentRecord, topicRow } from './learn-fixture.ts';
import { groupPartition } from '../../../helpers/group-partition.ts';

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

  it('ends with the next offset, and marks what the group has yet to read', () => {
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

  it('leads from the group to the record that it reads next', () => {
    const diagram = draw([groupRow('7')]);
    const group = diagram.boxes.find(({ id }) => id === 'group-learn-readers');
    expect(group?.data).toEqual({ group: 'learn-readers', committed: '7', lag: '3', of: 'learn-orders-0' });
    expect(diagram.edges.find(({ id }) => id === 'place-learn-readers')?.toX).toBeGreaterThan(0);
  });

  it('draws no place where nothing is committed', () => {
    const diagram = draw([groupRow(null)]);
    expect(diagram.edges.map(({ id }) => id)).toEqual(['append']);
    expect(diagram.boxes.find(({ id }) => id === 'group-learn-readers')?.lines?.map(({ text }) => text)).toEqual([
      'nothing committed yet',
      'lag ?',
    ]);
  });

  it('is done once the lag was there and is gone, not before', () => {
    const done = (peak: bigint, committed: string) =>
      offset.check.done(learnState({ groups: [groupRow(committed)], lagPeaks: new Map([['learn-readers', peak]]) }));
    expect(done(4n, '10')).toBeNull();
    expect(done(5n, '9')).toBeNull();
    expect(done(5n, '10')).toBe('learn-readers was 5 records behind, and has read them all.');
  });

  it('offers the coordinator to be killed', () => {
    expect(offset.outages(learnState({ groups: [groupRow('7')] })).map(({ label }) => label)).toEqual(['Kill broker 3']);
  });
});

describe('Partitions', () => {
  it('writes the key under what was sent from here, and nothing under what was not', () => {
    const state = learnState({ sent: [sentRecord({ partition: 1, offset: '10', key: 'customer-17' })] });
    const cells = partitions.diagram(state, 778).boxes.find(({ id }) => id === 'partition-1')?.cells ?? [];
    expect(cells.at(-1)).toMatchObject({ text: '10', mark: '…r-17', tone: 'accent' });
    expect(cells.at(-2)?.mark).toBeUndefined();
    expect(shortKey('bob')).toBe('bob');
  });

  it('shows one that holds more than twice the others', () => {
    const rows = ['40', '5', '6'].map((endOffset, i) => partitionRow(i, { endOffset }));
    const { boxes } = partitions.diagram(learnState({ topic: topicRow({ partitions: rows }) }), 778);
    const bars = [0, 1, 2].map((i) => boxes.find(({ id }) => id === `bar-${i}`));
    expect(bars.map((bar) => bar?.tone)).toEqual(['warn', 'plain', 'plain']);
    expect((bars[1]?.width ?? 0) * 8).toBeCloseTo(bars[0]?.width ?? 0, -1);
  });

  it('knows which keys would move', () => {
    expect(movesOf(['ann', 'bob', 'cay', 'dan'], 3, 6)).toEqual([
      { key: 'ann', now: 2, then: 2 },
      { key: 'bob', now: 0, then: 0 },
      { key: 'cay', now: 1, then: 4 },
      { key: 'dan', now: 0, then: 3 },
    ]);
  });

  it('is done by a key in two partitions because there are more, by nothing else', () => {
    const done = (...more: Parameters<typeof sentRecord>[0][]) => partitions.check.done(learnState({ sent: more.map(sentRecord) }));
    expect(done({ partition: 1 }, { partition: 1, partitions: 6 })).toBeNull();
    expect(done({ partition: 1 }, { partition: 2 })).toBeNull();
    expect(done({ partition: 1 }, { partition: 4, partitions: 6 })).toBe(
      'customer-17 went to partition 1 while there were 3, and to 4 since there are 6.',
    );
  });
});

describe('Broker', () => {
  const glyphs = (state = learnState()) => broker.diagram(state, 778).glyphs?.map(({ id, state: as }) => `${id} ${as}`);

  it('shows what it leads and what it follows', () => {
    expect(glyphs()).toEqual(['replica:learn-orders-0@1 leader', 'replica:learn-orders-1@1 inSync', 'replica:learn-orders-2@1 inSync']);
    expect(broker.diagram(learnState({ picked: { broker: 3 } }), 778).boxes[0]?.data).toEqual({ broker: '3', state: 'online', leads: '1' });
  });

  it('cuts the heartbeat of one that is down, and offers its way back only', () => {
    const state = learnState({ brokers: [brokerRow(1), down, brokerRow(3)], picked: { broker: 2 } });
    const diagram = broker.diagram(state, 778);
    expect(diagram.edges.find(({ id }) => id === 'heartbeat')?.cut).toBe(true);
    expect(diagram.boxes.find(({ id }) => id === 'controller')?.lines?.map(({ text }) => text)).toContain('session lost');
    expect(broker.outages(state).map(({ label }) => label)).toEqual(['Start broker 2']);
    expect(broker.outages(learnState()).map(({ label }) => label)).toEqual(['Stop broker 1', 'Kill broker 1', 'Freeze broker 1']);
    const leaving = state.brokers.map((row) => (row.id === 2 ? { ...row, state: 'shuttingDown' as const } : row));
    expect(broker.outages({ ...state, brokers: leaving })).toEqual([]);
  });

  it('is done by both ways, as recorded', () => {
    const stopped = event(1, 'lab/nodeStopped', 1_000, 2);
    const killed = event(2, 'lab/nodeKilled', 5_000, 3);
    const fenced = event(3, 'cluster/brokerFenced', 8_200, 3);
    const done = (...events: TimelineEvent[]) => broker.check.done(learnState({ events }));
    expect(done(stopped, killed)).toBeNull();
    expect(done(killed, fenced)).toBeNull();
    expect(done(stopped, event(2, 'cluster/brokerFenced', 1_100, 2))).toBeNull();
    expect(done(stopped, killed, fenced)).toBe('broker 2 handed over and left; broker 3 was gone 3.2 s before it was fenced.');
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

  it('is done by a topic that was not there before, with more than one partition', () => {
    const own = topicRow({ name: 'mine' });
    const state = learnState();
    const done = (more: object) => topic.check.done({ ...state, topics: [...state.topics, own], ...more });
    expect(done({ topicsBefore: new Set(['mine']) })).toBeNull();
    expect(done({ topicsBefore: null })).toBeNull();
    expect(done({ topics: [...state.topics, topicRow({ name: 'mine', partitions: [partitionRow(0)] })] })).toBeNull();
    expect(done({})).toBe('mine has 3 partitions, each on 3 brokers.');
  });
});

describe('Kafka', () => {
  it('lets a group with members read from the leaders of its partitions', () => {
    const { edges } = kafka.diagram(learnState({ groups: [groupRow('7')] }), 778);
    expect(edges.filter(({ id }) => id.startsWith('read-')).map(({ from, to }) => [from, to])).toEqual([
      ['broker-1', 'group-learn-readers'],
    ]);
  });

  it('moves nothing to one that is away', () => {
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
    expect(done(read, { ...read, n: 2 })).toBe('offset 1,204 of partition 2 was read twice, and is still there.');
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
])('reads %s=%s as %s', (name, value, shown) => {
  expect(formatSetting(name, value)).toBe(shown);
});
