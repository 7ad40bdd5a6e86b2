import { describe, expect, test } from 'vitest';
import { AwaitedFetches } from '../../../electron/cluster/broker/awaited-fetches.ts';
import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import { ManualClock } from '../log/helpers.ts';

const FOLLOWER = 2;
const MAX_WAIT_MS = 400;
/** 30,000 partitions take some 20 ms; a walk over all of them in every call takes more than 5 s. */
const LIMIT_MS = 3_000;

const partitionOf = (name: string): Partition => ({ name }) as unknown as Partition;

describe('AwaitedFetches', () => {
  test('shortens the hold until the follower has fetched every expected partition or 500 ms have passed', () => {
    const clock = new ManualClock();
    const awaited = new AwaitedFetches(clock);
    const [first, second] = [partitionOf('orders-0'), partitionOf('orders-1')];
    const hold = (...partitions: Partition[]): number => awaited.holdMs(FOLLOWER, MAX_WAIT_MS, () => partitions);
    expect(hold()).toBe(MAX_WAIT_MS);
    awaited.expect(first, FOLLOWER);
    clock.time += 100;
    awaited.expect(second, FOLLOWER);
    clock.time += 300;
    // Expected again: its 500 ms start now.
    awaited.expect(first, FOLLOWER);
    expect(hold(second)).toBe(50);
    clock.time += 499;
    expect(hold()).toBe(50);
    clock.time += 1;
    expect(hold()).toBe(MAX_WAIT_MS);
    awaited.expect(first, FOLLOWER);
    expect(hold(first)).toBe(MAX_WAIT_MS);
  });

  test('takes time in proportion to the number of expected partitions', () => {
    const awaited = new AwaitedFetches(new ManualClock());
    const partitions = Array.from({ length: 30_000 }, (_, index) => partitionOf(`orders-${index}`));
    const start = performance.now();
    for (const partition of partitions) awaited.expect(partition, FOLLOWER);
    expect(performance.now() - start).toBeLessThan(LIMIT_MS);
  });
});
