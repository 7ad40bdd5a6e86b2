import { describe, expect, it } from 'vitest';
import type { ReplicaState, TopicRow } from '#shared/models/cluster';
import {
  buildLanes,
  describeCounts,
  describeTopics,
  leaderShare,
  planHeatMap,
  tileState,
  troubledTopics,
} from '../../../renderer/matrix/heat-map.ts';
import { addLoads, ClusterTotals, noReplicas, topicFacts } from '../../../renderer/topics/topic-facts.ts';

/** By partition: the state of each broker's replica, the first one preferred. */
function topic(name: string, partitions: Record<number, ReplicaState>[]): TopicRow {
  return {
    name,
    minInsyncReplicas: 1,
    partitions: partitions.map((replicas, partition) => {
      const entries = Object.entries(replicas).map(([broker, state]) => ({ broker: Number(broker), state }));
      return {
        partition,
        leader: entries.find(({ state }) => state === 'leader')?.broker ?? null,
        replicas: entries,
        isr: entries.filter(({ state }) => state === 'leader' || state === 'inSync').map(({ broker }) => broker),
        error: null,
      };
    }),
  } as unknown as TopicRow;
}
const healthy = (name: string): TopicRow =>
  topic(name, [
    { 1: 'leader', 2: 'inSync', 3: 'inSync' },
    { 2: 'leader', 3: 'inSync', 1: 'inSync' },
  ]);

describe('the heat map', () => {
  it('has a place for every topic at any size, within its width and height', () => {
    for (const topics of [26, 200, 2_000, 10_000, 50_000]) {
      for (const brokers of [1, 3, 6, 30]) {
        const plan = planHeatMap(topics, brokers, 900, 330);
        expect(plan.tiles * plan.topicsPerTile).toBeGreaterThanOrEqual(topics);
        expect((plan.tiles - 1) * plan.topicsPerTile).toBeLessThan(topics);
        expect(plan.columns * plan.pitch).toBeLessThanOrEqual(900);
        expect(plan.lines * plan.columns).toBeGreaterThanOrEqual(plan.tiles);
        expect(plan.pitch).toBeGreaterThanOrEqual(9);
        if (brokers <= 6) expect(plan.lines * plan.pitch * brokers).toBeLessThanOrEqual(330);
      }
    }
    expect(planHeatMap(200, 3, 900, 330)).toMatchObject({ topicsPerTile: 1, pitch: 16 });
    expect(planHeatMap(0, 0, 900, 330).tiles).toBe(0);
  });

  it('shows one offline replica among 50,000 partitions', () => {
    const topics = Array.from({ length: 10_000 }, (_, i) => healthy(`t${String(i).padStart(5, '0')}`));
    topics[7_777] = topic('t07777', [{ 1: 'leader', 2: 'inSync', 3: 'offline' }]);
    const plan = planHeatMap(topics.length, 3, 900, 330);
    const lanes = buildLanes(topics, [1, 2, 3], plan);
    const states = lanes.map((lane) => lane.map(tileState));
    expect(states[2]?.filter((state) => state === 'offline')).toEqual(['offline']);
    expect(states[2]?.indexOf('offline')).toBe(Math.floor(7_777 / plan.topicsPerTile));
    expect(new Set([...(states[0] ?? []), ...(states[1] ?? [])])).toEqual(new Set(['inSync']));
    expect(describeTopics(topics, Math.floor(7_777 / plan.topicsPerTile), plan.topicsPerTile)).toMatch(
      /^t0777\d to t077\d\d \(\d+ topics\)$/,
    );
  });

  it('gives a tile the worst state: offline, without a leader, unknown, lagging', () => {
    const counts = { ...noReplicas(), leader: 90, inSync: 90 };
    expect(tileState(noReplicas())).toBe('none');
    expect(tileState(counts)).toBe('inSync');
    expect(tileState({ ...counts, lagging: 1 })).toBe('lagging');
    expect(tileState({ ...counts, lagging: 9, unknown: 1 })).toBe('unknown');
    expect(tileState({ ...counts, unknown: 9, electing: 1 })).toBe('electing');
    expect(tileState({ ...counts, unknown: 9, offline: 1 })).toBe('offline');
    expect(leaderShare(counts)).toBe(0.5);
    expect(describeCounts({ ...counts, offline: 1 })).toBe('1 offline, 90 leaders, 90 in sync');
    expect(describeCounts(noReplicas())).toBe('no replica here');
  });

  it('counts replicas of a topic once for each broker, and escapes names', () => {
    const lanes = buildLanes([healthy('a'), healthy('b')], [3, 1], { pitch: 9, columns: 1, lines: 1, tiles: 1, topicsPerTile: 2 });
    expect(lanes.map(([tile]) => tile)).toMatchObject([
      { leader: 0, inSync: 4 },
      { leader: 2, inSync: 2 },
    ]);
    expect(describeTopics([healthy('a\u202eb')], 0, 1)).not.toContain('\u202e');
  });

  it('lists topics that need attention, worst first', () => {
    const topics = [
      healthy('fine'),
      topic('short', [{ 1: 'leader', 2: 'lagging' }]),
      topic('lost', [{ 1: 'offline', 2: 'offline' }]),
      topic('short-twice', [
        { 1: 'leader', 2: 'lagging' },
        { 1: 'leader', 2: 'offline' },
      ]),
    ];
    expect(troubledTopics(topics, 20)).toMatchObject([
      { name: 'lost', text: '1 offline, 1 under-replicated' },
      { name: 'short-twice', text: '2 under-replicated' },
      { name: 'short' },
    ]);
    expect(troubledTopics(topics, 1)).toHaveLength(1);
    // Its leader has not removed it from the ISR, so that no count of under-replicated partitions has it.
    const [row] = healthy('waits').partitions;
    const waits = { ...healthy('waits'), partitions: row === undefined ? [] : [{ ...row, stopped: [2] }] };
    expect(troubledTopics([healthy('whole'), waits], 20)).toEqual([
      expect.objectContaining({ name: 'waits', text: '1 with a stopped replica' }),
    ]);
    const totals = new ClusterTotals();
    expect(totals.update(new Map([['waits', waits]]))).toMatchObject({ waiting: 1, health: { underReplicated: 0 } });
    expect(totals.update(new Map([['waits', healthy('waits')]])).waiting).toBe(0);
  });
});

describe('topicFacts', () => {
  it('is computed once for a row, and again for the row that replaces it', () => {
    const row = healthy('a');
    expect(topicFacts(row)).toBe(topicFacts(row));
    expect(topicFacts({ ...row })).not.toBe(topicFacts(row));
  });

  it('adds leaders, and partitions that an election moves to their preferred broker', () => {
    const displaced = topic('a', [{ 1: 'inSync', 3: 'leader' }]);
    const lagging = topic('b', [{ 1: 'lagging', 3: 'leader' }]);
    const load = addLoads([healthy('c'), displaced, lagging]);
    expect(load.partitions).toBe(4);
    expect(load.brokers.get(1)).toMatchObject({ movable: 2, counts: { leader: 1, inSync: 2, lagging: 1 } });
    expect(load.brokers.get(3)?.counts.leader).toBe(2);
    expect([topicFacts(displaced).displaced, topicFacts(lagging).displaced]).toEqual([1, 1]);
  });

  it('adds only what changed, and comes to the same sums as from the start', () => {
    const totals = new ClusterTotals();
    const topics = new Map(['a', 'b', 'c', 'd'].map((name) => [name, healthy(name)]));
    totals.update(topics);
    topics.set('b', topic('b', [{ 1: 'leader', 2: 'lagging', 4: 'offline' }]));
    topics.set('e', topic('e', [{ 1: 'offline', 2: 'offline' }]));
    topics.delete('c');
    totals.update(topics);
    // Deleted and created under the same name, with another deleted in the same patch.
    topics.delete('d');
    topics.set('a', topic('a', [{ 2: 'inSync', 3: 'leader' }]));
    topics.set('f', healthy('f'));
    const sums = totals.update(topics);
    const { brokers, ...fresh } = addLoads([...topics.values()]);
    expect(sums).toMatchObject(fresh);
    for (const [broker, load] of sums.brokers)
      expect(load, `broker ${broker}`).toEqual(brokers.get(broker) ?? { counts: noReplicas(), movable: 0 });
    expect(sums.health).toMatchObject({ offline: 1, underReplicated: 2 });
  });
});
