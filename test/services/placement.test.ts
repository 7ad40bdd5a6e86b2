import { describe, expect, test } from 'vitest';
import { placePartitions } from '../../electron/services/placement.ts';

const brokers = (...ids: number[]) => ids.map((id) => ({ id, up: true }));

function countBy(numbers: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const one of numbers) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

describe('placePartitions', () => {
  test('no broker holds two replicas of a partition', () => {
    for (const replicas of placePartitions(brokers(1, 2, 3, 4, 5), 40, 3, 'orders') ?? []) expect(new Set(replicas).size).toBe(3);
  });

  test('leaders and replicas spread evenly', () => {
    const placed = placePartitions(brokers(1, 2, 3), 9, 2, 'orders') ?? [];
    expect([...countBy(placed.map(([leader]) => leader as number)).values()]).toEqual([3, 3, 3]);
    expect([...countBy(placed.flat()).values()]).toEqual([6, 6, 6]);
  });

  test("one broker's followers spread over all others, so that its load does when it dies", () => {
    const placed = placePartitions(brokers(1, 2, 3, 4), 24, 2, 'orders') ?? [];
    const followersOfOne = placed.filter(([leader]) => leader === 1).map(([, follower]) => follower as number);
    expect([...countBy(followersOfOne).values()]).toEqual([2, 2, 2]);
  });

  test('the start turns with the name, so that small topics do not all lead on one broker', () => {
    const leaders = Array.from({ length: 60 }, (_, i) => placePartitions(brokers(1, 2, 3), 1, 1, `topic-${i}`)?.[0]?.[0] as number);
    for (const count of countBy(leaders).values()) expect(count).toBeGreaterThan(8);
  });

  test('the same question has the same answer, in whatever order brokers are listed', () => {
    expect(placePartitions(brokers(3, 1, 2), 6, 2, 'a')).toEqual(placePartitions(brokers(1, 2, 3), 6, 2, 'a'));
  });

  test('brokers that are down come last: every partition can start', () => {
    const some = [
      { id: 1, up: false },
      { id: 2, up: true },
      { id: 3, up: true },
    ];
    for (const replicas of placePartitions(some, 6, 3, 'a') ?? []) {
      expect([2, 3]).toContain(replicas[0]);
      expect(replicas[2]).toBe(1);
    }
    for (const replicas of placePartitions(some, 6, 2, 'a') ?? []) expect(replicas).not.toContain(1);
  });

  test('all down: it is still placed', () => {
    expect(placePartitions([{ id: 1, up: false }], 2, 1, 'a')).toEqual([[1], [1]]);
  });

  test.each([
    [3, 1, 4],
    [3, 1, 0],
    [3, 0, 1],
    [0, 1, 1],
  ])('%i brokers, %i partitions, %i replicas cannot be placed', (count, partitions, replicas) => {
    expect(placePartitions(brokers(...Array.from({ length: count }, (_, i) => i)), partitions, replicas, 'a')).toBeNull();
  });
});
