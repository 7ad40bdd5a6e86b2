import { describe, expect, test } from 'vitest';
import { lagByTopic } from '../../../electron/services/view/lag-sample.ts';
import type { GroupPartition, GroupRow } from '../../../shared/models/cluster.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

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
