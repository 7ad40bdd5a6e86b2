import { describe, expect, test } from 'vitest';
import { LagHistory } from '../../electron/services/lag-history.ts';
import { lagByTopic } from '../../electron/services/view/lag-sample.ts';
import type { GroupPartition, GroupRow } from '../../shared/models/cluster.ts';
import { groupPartition } from '../helpers/group-partition.ts';

function group(id: string, partitions: readonly Partial<GroupPartition>[]): GroupRow {
  return {
    id,
    state: 'Stable',
    protocolType: 'consumer',
    protocol: null,
    coordinator: 1,
    members: [],
    partitions: partitions.map((fields, partition) => groupPartition({ partition, ...fields })),
    lag: null,
    unknown: 0,
    error: null,
    asOf: null,
  };
}

const read = (topic: string, lag: string): Partial<GroupPartition> => ({ topic, committed: '1', lag });

describe('lagByTopic', () => {
  test('has no sum for a topic of which one partition could not be read: a smaller sum would look like records that were read', () => {
    const unread: Partial<GroupPartition>[] = [
      { topic: 'a', committed: '1', lag: null, unknown: 'offsets' },
      { topic: 'b', committed: '1', lag: null, unknown: 'committed' },
    ];
    const lags = lagByTopic(group('g', [read('a', '1000'), read('a', '1000'), read('b', '7'), read('c', '3'), ...unread]));
    expect(lags).toEqual([
      { topic: 'a', lag: null, atLeast: true },
      { topic: 'b', lag: null, atLeast: true },
      { topic: 'c', lag: 3, atLeast: false },
    ]);
  });

  test('marks the sum as a lower bound where a partition was never committed', () => {
    const never: Partial<GroupPartition> = { topic: 'a', unknown: 'neverCommitted' };
    expect(lagByTopic(group('g', [read('a', '5'), never]))).toEqual([{ topic: 'a', lag: 5, atLeast: true }]);
    expect(lagByTopic(group('g', [never]))).toEqual([{ topic: 'a', lag: null, atLeast: true }]);
  });

  test('counts no partition that does not exist, and has no topic of which none does', () => {
    const absent: Partial<GroupPartition>[] = [
      { topic: 'a', committed: '9', lag: null, unknown: null, absent: 'partition' },
      { topic: 'deleted', committed: '9', lag: null, unknown: null, absent: 'topic' },
    ];
    expect(lagByTopic(group('g', [read('a', '5'), ...absent]))).toEqual([{ topic: 'a', lag: 5, atLeast: false }]);
    expect(lagByTopic(group('g', []))).toEqual([]);
  });

  test('keeps topics apart whose names are properties of every object', () => {
    const names = ['constructor', '__proto__', 'toString'];
    expect(
      lagByTopic(
        group(
          'g',
          names.map((name) => read(name, '2')),
        ),
      ),
    ).toEqual(names.map((topic) => ({ topic, lag: 2, atLeast: false })));
  });
});

describe('LagHistory', () => {
  test('takes a sample a second at the most', () => {
    const history = new LagHistory();
    const row = group('g', [read('a', '1')]);
    expect(history.take(row, 1_000)).toEqual({ at: 1_000, topics: [{ topic: 'a', lag: 1, atLeast: false }] });
    expect(history.take(row, 1_500)).toBeNull();
    expect(history.take(row, 2_000)).not.toBeNull();
    expect(history.of('g').map(({ at }) => at)).toEqual([1_000, 2_000]);
  });

  test('keeps ten minutes', () => {
    const history = new LagHistory();
    for (let second = 0; second < 700; second++) history.take(group('g', []), second * 1_000);
    expect(history.of('g')).toHaveLength(600);
    expect(history.of('g')[0]?.at).toBe(100_000);
  });

  test('a clock that was set back does not stop it', () => {
    const history = new LagHistory();
    history.take(group('g', []), 3_600_000);
    expect(history.take(group('g', []), 1_000)).not.toBeNull();
  });

  test('forgets groups that are gone', () => {
    const history = new LagHistory();
    history.take(group('a', []), 0);
    history.take(group('b', []), 0);
    history.keepOnly(new Set(['b']));
    expect([history.of('a').length, history.of('b').length]).toEqual([0, 1]);
  });
});
