import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clusterFigures, ClusterSampler } from '../../../electron/services/figure-history/cluster-sampler.ts';
import type { ClusterView, GroupRow, TopicRow } from '../../../shared/models/cluster.ts';
import type { FigureSample } from '../../../shared/models/figures.ts';

const NOW = 1_800_000_000_000;

function topic(name: string, partitions: [leader: number | null, isr: number[]][], offsetsAsOf: number | null = null): TopicRow {
  return {
    name,
    offsetsAsOf,
    partitions: partitions.map(([leader, isr], partition) => ({
      partition,
      leader,
      isr,
      replicas: [1, 2, 3].map((broker) => ({ broker, state: 'inSync' })),
    })),
  } as unknown as TopicRow;
}

const group = (id: string, lag: string | null, more: Partial<GroupRow> = {}): GroupRow =>
  ({ id, lag, unknown: 0, error: null, asOf: null, partitions: [{}], ...more }) as unknown as GroupRow;

function view(more: Partial<ClusterView>): ClusterView {
  return {
    asOf: NOW,
    offsetsAsOf: 0,
    groupsAsOf: NOW - 1_000,
    brokers: [1, 2, 3].map((id) => ({ id, state: id === 3 ? 'down' : 'online' })),
    topics: [],
    groups: [],
    rates: { inBytesPerSecond: 10, outBytesPerSecond: null, recordsInPerSecond: 7 },
    ...more,
  } as unknown as ClusterView;
}

const figure = (sampled: ClusterView, name: string): Omit<FigureSample, 'name'> | undefined => {
  const found = clusterFigures(sampled).find((one) => one.name === name);
  return found === undefined ? undefined : { value: found.value, atLeast: found.atLeast };
};

describe('clusterFigures', () => {
  test('counts partitions without a leader and with less than all replicas in sync', () => {
    const sampled = view({ topics: [topic('a', [[1, [1, 2, 3]], [null, []]]), topic('b', [[2, [2]]])] }); // prettier-ignore
    expect([figure(sampled, 'offlinePartitions')?.value, figure(sampled, 'underReplicatedPartitions')?.value]).toEqual([1, 2]);
    expect(figure(sampled, 'brokersOnline')?.value).toBe(2);
  });

  test('counts a partition as offline while its leader does not answer, and none where no broker does', () => {
    const topics = [topic('a', [[1, [1, 2, 3]], [2, [1, 2, 3]]])]; // prettier-ignore
    const counts = (...states: string[]): (number | null | undefined)[] => {
      const brokers = states.map((state, i) => ({ id: i + 1, state })) as unknown as ClusterView['brokers'];
      return ['offlinePartitions', 'underReplicatedPartitions'].map((name) => figure(view({ topics, brokers }), name)?.value);
    };
    expect(counts('online', 'online', 'online')).toEqual([0, 0]);
    expect(counts('frozen', 'online', 'online')).toEqual([1, 0]);
    expect(counts('unreachable', 'online', 'online')).toEqual([1, 0]);
    expect(counts('unreachable', 'unreachable', 'unreachable')).toEqual([null, null]);
    expect(counts('online', 'online', 'online')).toEqual([0, 0]);
  });

  test('an unknown rate stays unknown; the records of a part of the topics are not those of the cluster', () => {
    expect(figure(view({}), 'outBytesPerSecond')?.value).toBeNull();
    expect(figure(view({ topics: [topic('a', [])] }), 'recordsInPerSecond')?.value).toBe(7);
    expect(figure(view({ topics: [topic('a', []), topic('b', [], 0)] }), 'recordsInPerSecond')?.value).toBeNull();
    expect(figure(view({ topics: [topic('a', []), topic('b', [], NOW - 60_000)] }), 'recordsInPerSecond')?.value).toBeNull();
  });

  test.each<[string, GroupRow[], number | null, boolean]>([
    ['no group', [], 0, false],
    ['known groups', [group('a', '5'), group('b', '7')], 12, false],
    ['a group with an unknown partition', [group('a', '5', { unknown: 1 }), group('b', '7')], 12, true],
    ['a group that is unknown', [group('a', null), group('b', '7')], 7, true],
    ['a group with an error', [group('a', '5', { error: 'COORDINATOR_NOT_AVAILABLE' }), group('b', '7')], 7, true],
    ['a group that the last round left out', [group('a', '5', { asOf: NOW - 60_000 }), group('b', '7')], 7, true],
    ['a group without a partition', [group('a', null, { partitions: [] }), group('b', '7')], 7, false],
    ['unknown groups only', [group('a', null), group('b', '9', { asOf: 0 })], null, true],
  ])('total lag of %s', (_name, groups, value, atLeast) => {
    expect(figure(view({ groups }), 'lag')).toEqual({ value, atLeast });
  });

  test('the total lag is unknown while no round has read it for long, as on a page without groups of a remote cluster', () => {
    expect(figure(view({ groups: [group('a', '5')], groupsAsOf: NOW - 60_000 }), 'lag')?.value).toBeNull();
    expect(figure(view({ groups: [], groupsAsOf: 0 }), 'lag')?.value).toBeNull();
  });
});

describe('ClusterSampler', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('takes a sample a second while the cluster answers, and none while it does not', () => {
    let shown = view({ asOf: 0 });
    const taken: number[] = [];
    const sampler = new ClusterSampler(
      () => shown,
      (at) => taken.push(at),
      () => undefined,
    );
    vi.advanceTimersByTime(2_000);
    shown = view({ asOf: NOW });
    vi.advanceTimersByTime(3_000);
    shown = view({ asOf: NOW + 5_000 });
    vi.advanceTimersByTime(1_000);
    sampler.close();
    shown = view({ asOf: NOW + 9_000 });
    vi.advanceTimersByTime(5_000);
    expect(taken).toEqual([NOW, NOW + 5_000]);
  });
});
