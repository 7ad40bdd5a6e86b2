/**
 * Which followers have yet to fetch a partition that this broker has begun to lead. A fetch of theirs that does not name it would be held
 * while a write to the partition waits; it is held only briefly instead. A follower is never interrupted: on a slow link it would fetch
 * nothing as long as partitions are added.
 */
import type { Clock } from '../lib/clock.ts';
import type { Partition } from './partition.ts';

/** So long a follower is waited for; it applies the same metadata at nearly the same time. */
const AWAITED_MS = 500;
/** Ms for which its other fetches are held meanwhile. */
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
    // An entry that is set again keeps its place unless it is deleted first.
    partitions.delete(partition);
    partitions.set(partition, until);
    this.awaited.set(follower, partitions);
  }

  /** How long a fetch of `follower` that asks to be held for `maxWaitMs`, and names `partitions`, is held. */
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
