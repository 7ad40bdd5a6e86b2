import { describe, expect, test } from 'vitest';
import { LagHistory, lagByTopic } from '../../electron/services/lag-history.ts';
import type { GroupRow } from '../../shared/models/cluster.ts';

function group(id: string, lags: readonly [topic: string, lag: string | null][]): GroupRow {
  return {
    id,
    state: 'Stable',
    protocolType: 'consumer',
    protocol: null,
    coordinator: 1,
    members: [],
    partitions: lags.map(([topic, lag], partition) => ({
      topic,
      partition,
      memberId: null,
      leader: null,
      committed: null,
      endOffset: null,
      lag,
      committedAt: null,
      metadata: null,
    })),
    lag: null,
    unknown: 0,
    error: null,
    asOf: 0,
  };
}

describe('lagByTopic', () => {
  test('sums what is known; a topic of which nothing is known is a gap, not 0', () => {
    const lags = lagByTopic(group('g', [['a', '5'], ['a', '7'], ['b', null], ['c', null], ['c', '0']])); // prettier-ignore
    expect(lags).toEqual({ a: 12, b: null, c: 0 });
  });

  test('a group that reads nothing has no topics', () => {
    expect(lagByTopic(group('g', []))).toEqual({});
  });
});

describe('LagHistory', () => {
  test('takes a sample a second at the most', () => {
    const history = new LagHistory();
    const row = group('g', [['a', '1']]);
    expect(history.take(row, 1_000)).toEqual({ at: 1_000, topics: { a: 1 } });
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
