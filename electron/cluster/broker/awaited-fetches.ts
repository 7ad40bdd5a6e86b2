/**
 * Followers that have not yet fetched a partition that this broker has begun to lead. While a write to the partition waits, a fetch of such a
 * follower that does not name the partition is held only briefly. A running fetch is never interrupted: on a slow link the follower would
 * fetch nothing as long as partitions are added.
 */
import type { Clock } from '../lib/clock.ts';
import type { Partition } from './partition.ts';

/** How long, in ms, the fetch of a follower is awaited; it applies the same metadata at nearly the same time. */
const AWAITED_MS = 500;
/** How long, in ms, its other fetches are held meanwhile. */
const BRIEFLY_MS = 50;

export class AwaitedFetches {
  private readonly clock: Clock;
  /** By follower: until when (monotonic ms) each partition is awaited, in ascending order of that time. */
  private readonly awaited = new Map<number, Map<Partition, number>>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** This broker has begun to lead the partition, or that follower has been added to it. */
  expect(partition: Partition, follower: number): void {
    const until = this.clock.monotonic() + AWAITED_MS;
    const partitions = this.awaited.get(follower) ?? new Map<Partition, number>();
    this.forgetLate(follower, partitions);
    // A Map keeps the position of an existing key unless it is deleted first.
    partitions.delete(partition);
    partitions.set(partition, until);
    this.awaited.set(follower, partitions);
  }

  /** How long a fetch of `follower` with the given `maxWaitMs` and `partitions` is held, in ms. */
  holdMs(follower: number, maxWaitMs: number, partitions: () => Iterable<Partition>): number {
    const awaited = this.awaited.get(follower);
    if (awaited === undefined) return maxWaitMs;
    for (const partition of partitions()) awaited.delete(partition);
    this.forgetLate(follower, awaited);
    return awaited.size === 0 ? maxWaitMs : Math.min(maxWaitMs, BRIEFLY_MS);
  }

  private forgetLate(follower: number, partitions: Map<Partition, number>): void {
    const now = this.clock.monotonic();
    for (const [partition, until] of partitions) {
      if (until > now) break;
      partitions.delete(partition);
    }
    if (partitions.size === 0) this.awaited.delete(follower);
  }
}
