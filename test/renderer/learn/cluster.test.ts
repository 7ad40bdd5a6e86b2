import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';
import { cluster } from '../../../renderer/learn/cluster.ts';
import { describeSurvivedOutage as survived } from '../../../renderer/learn/outage-check.ts';
import { brokerRow, learnState, partitionRow, sentRecord, topicRow } from './learn-fixture.ts';
import { expectSound, WIDTHS } from './readers-fixture.ts';

const quorum = (leaderId: number | null) => ({
  leaderId,
  leaderEpoch: 5,
  highWatermark: '1234',
  leaderSince: null,
  voters: [1, 2, 3].map((id) => ({ id, logEndOffset: '1234', lag: '0', lastFetchAt: null, lastCaughtUpAt: null })),
  observers: [],
});
const down = (id: number) => brokerRow(id, { state: 'down', lab: { port: 1, controllerPort: 2, running: false, memoryBytes: null } });
/** Broker 2 is down; broker 3 has taken over its leadership. */
const oneDown = learnState({
  quorum: quorum(1),
  brokers: [brokerRow(1), down(2), brokerRow(3)],
  topic: topicRow({
    partitions: [1, 3, 3].map((leader, partition) =>
      partitionRow(partition, {
        leader,
        isr: [1, 3],
        replicas: [1, 2, 3].map((broker) => ({ broker, state: broker === leader ? 'leader' : broker === 2 ? 'offline' : 'inSync' })),
      }),
    ),
  }),
});
const twoDown = learnState({
  quorum: quorum(null),
  controllerId: null,
  brokers: [brokerRow(1), down(2), down(3)],
  topic: topicRow({
    partitions: [1, null, null].map((leader, partition) =>
      partitionRow(partition, {
        leader,
        isr: leader === null ? [] : [1],
        replicas: [1, 2, 3].map((broker) => ({ broker, state: broker === leader ? 'leader' : broker === 1 ? 'electing' : 'offline' })),
      }),
    ),
  }),
});

describe('the diagram of the cluster', () => {
  it.each([
    ['healthy', learnState({ quorum: quorum(1) })],
    ['one down', oneDown],
    ['two down', twoDown],
  ])('is sound at any width: %s', (_, state) => {
    for (const width of WIDTHS) expectSound(cluster.diagram(state, width));
  });

  it('has a glyph with the state of each replica', () => {
    const { glyphs = [] } = cluster.diagram(oneDown, 778);
    expect(Object.fromEntries(glyphs.map(({ id, state }) => [id, state]))).toMatchObject({
      'replica:learn-orders-0@1': 'leader',
      'replica:learn-orders-0@2': 'offline',
      'replica:learn-orders-0@3': 'inSync',
      'replica:learn-orders-1@3': 'leader',
    });
    expect(glyphs).toHaveLength(9);
  });

  it('has edges from the leader to live followers, with measured rates only', () => {
    const { edges } = cluster.diagram({ ...oneDown, rates: new Map([['learn-orders-0', 12]]) }, 778);
    const copies = edges.filter(({ id }) => id.startsWith('copy-'));
    expect(copies.map(({ id, from, to, perSecond }) => [id, from, to, perSecond])).toEqual([
      ['copy-0-3', 'replica-0-1', 'replica-0-3', 12],
      ['copy-1-1', 'replica-1-3', 'replica-1-1', null],
      ['copy-2-1', 'replica-2-3', 'replica-2-1', null],
    ]);
  });

  it('shows missing heartbeats and the controller', () => {
    const { edges, boxes } = cluster.diagram(oneDown, 778);
    expect(edges.filter(({ cut }) => cut).map(({ id }) => id)).toEqual(['session-2']);
    expect(boxes.find(({ id }) => id === 'broker-1')).toMatchObject({ tone: 'control', note: 'controller' });
    expect(boxes.find(({ id }) => id === 'metadata')?.data).toEqual({ controller: '1', epoch: '5' });
    expect(cluster.diagram(twoDown, 778).boxes.find(({ id }) => id === 'metadata')).toMatchObject({
      tone: 'bad',
      dashed: true,
      data: { controller: 'none' },
    });
  });

  it('describes the tolerated failures and the unavailable operations', () => {
    expect(cluster.diagram(learnState({ quorum: quorum(1) }), 778).caption).toContain('can lose 1 more in-sync replica');
    expect(cluster.diagram(oneDown, 778).caption).toContain('none can lose another in-sync replica');
    expect(cluster.diagram(twoDown, 778).caption).toContain('2 partitions without a leader');
    expect(cluster.wrong(oneDown).join(' ')).toContain('writes continue');
    expect(cluster.wrong(twoDown).join(' ')).toMatch(/no majority.*times out.*Nothing is lost/s);
    const refusing = { ...oneDown, topic: topicRow({ minInsyncReplicas: 3, partitions: oneDown.topic?.partitions ?? [] }) };
    expect(cluster.wrong(refusing).join(' ')).toContain('NOT_ENOUGH_REPLICAS');
  });

  it('does not name a frozen broker as down', () => {
    const frozen = { ...oneDown, brokers: [brokerRow(1), brokerRow(2, { state: 'frozen' }), brokerRow(3)] };
    expect(cluster.wrong(frozen).join(' ')).toMatch(/^Broker 2 is unavailable\./);
    const lost = { ...twoDown, brokers: [brokerRow(1), brokerRow(2, { state: 'frozen' }), down(3)] };
    expect(cluster.wrong(lost).join(' ')).toMatch(/^Brokers 2 and 3 are unavailable, and with 1 of 3 voters/);
  });

  it('describes the loss of one more broker by the ISRs and by the majority of the voters', () => {
    // Without a majority the ISR does not shrink, so a write is not rejected but times out.
    expect(cluster.wrong(oneDown)[1]).toMatch(/^After the loss of another broker, no write with `acks=all` is acknowledged/);
    const low = { ...oneDown, topic: topicRow({ minInsyncReplicas: 1, partitions: oneDown.topic?.partitions ?? [] }) };
    expect(cluster.wrong(low)[1]).toMatch(/no majority/);
    expect(cluster.wrong({ ...low, quorum: null })[1]).toBe('Each partition tolerates the loss of another in-sync replica.');
    const five = [brokerRow(1), down(2), brokerRow(3), brokerRow(4), brokerRow(5)];
    const voters = [1, 2, 3, 4, 5].map((id) => ({ id, logEndOffset: '1234', lag: '0', lastFetchAt: null, lastCaughtUpAt: null }));
    expect(cluster.wrong({ ...low, brokers: five, quorum: { ...quorum(1), voters } })[1]).toBe(
      'The cluster tolerates the loss of another broker.',
    );
    const unknown = { ...oneDown, topic: topicRow({ minInsyncReplicas: null, partitions: oneDown.topic?.partitions ?? [] }) };
    expect(cluster.wrong(unknown)).toHaveLength(1);
  });

  it('makes no statement about writes without a topic', () => {
    const text = cluster.wrong({ ...oneDown, topic: null }).join(' ');
    expect(text).toContain('Broker 2 is down.');
    expect(text).not.toMatch(/Infinity|in-sync|writes continue/);
  });

  it('offers to kill each running broker, and to start each broker that is down', () => {
    expect(cluster.outages(oneDown).map(({ label }) => label)).toEqual([
      'Kill broker 1, the controller',
      'Kill broker 3',
      'Start broker 2',
    ]);
  });
});

describe('the check of the cluster', () => {
  const event = (id: number, type: TimelineEvent['type'], more: Partial<TimelineEvent> = {}): TimelineEvent => ({
    id,
    type,
    at: 6_000 + id,
    node: null,
    ...more,
  });
  const events = [event(1, 'lab/nodeKilled', { broker: 2 }), event(2, 'partition/leadersElected', { broker: 2, count: 1 })];
  const sent = [sentRecord({ partition: 1, offset: '10', at: 5_000 })];

  it('is done when a leader failed, all ISRs are complete, and every acknowledged record exists', () => {
    expect(survived(learnState({ events, sent }))).toContain('broker 2 failed and returned');
    const stopped = [event(1, 'lab/nodeStopped', { broker: 2 }), ...events.slice(1)];
    expect(survived(learnState({ events: stopped, sent }))).toContain('broker 2 was stopped and returned');
  });

  it('is not done while the broker is down, without a record, without an election, or when a record is lost', () => {
    expect(survived({ ...oneDown, events, sent })).toBeNull();
    expect(survived(learnState({ events }))).toBeNull();
    expect(survived(learnState({ events: events.slice(0, 1), sent }))).toBeNull();
    expect(survived(learnState({ events, sent: [sentRecord({ partition: 1, offset: '11', at: 5_000 })] }))).toBeNull();
    expect(survived(learnState({ events, sent: [sentRecord({ at: 7_000 })] }))).toBeNull();
  });
});
