/** Readings of one offset, in the order in which their answers came, and the bounds that they give it at other times. */
import type { LeadershipProofs } from './leadership-proofs.ts';

export interface Reading {
  /** Wall-clock ms at which the request was sent and the answer came. */
  readonly from: number;
  readonly until: number;
  readonly value: bigint;
  /** Of the broker that answered, which led the partition with that epoch by its own metadata before and after. */
  readonly port: number;
  readonly leaderEpoch: number;
}

interface SettledReading extends Reading {
  /** Of all answers up to this one, since the last restart. */
  readonly highest: bigint;
  readonly generation: number;
  readonly isProven: boolean;
}

/** Readings after a sample that are looked through. */
const LOOK_AHEAD = 400;
const NOTHING_YET = -1n;

export class Readings {
  private readonly list: Reading[] = [];
  private settled: readonly SettledReading[] = [];

  note(reading: Reading): void {
    this.list.push(reading);
  }

  /**
   * Once, when no further answer comes. `mayFall`: the offset may be deleted and start from a lower one; then only proven readings count, since a
   * lower one of a former leader would look like a deletion. Otherwise returns the proven readings that are lower than one before.
   */
  settle(proofs: LeadershipProofs, mayFall: boolean): Reading[] {
    const settled: SettledReading[] = [];
    const fallen: Reading[] = [];
    this.settled = settled;
    let highest = NOTHING_YET;
    let generation = 0;
    for (const reading of this.list) {
      const isProven = proofs.isProven(reading.leaderEpoch, reading.from);
      if (mayFall && !isProven) continue;
      if (reading.value < highest && mayFall) {
        generation++;
        highest = NOTHING_YET;
      } else if (isProven && reading.value < (settled[this.countUntil(reading.from) - 1]?.highest ?? NOTHING_YET)) fallen.push(reading);
      if (reading.value > highest) highest = reading.value;
      settled.push({ ...reading, highest, generation, isProven });
    }
    return fallen;
  }

  /**
   * The highest value that was answered by `from`, and the lowest that a leader that surely led was asked for after `until` and is no lower; null
   * where one of them was not read, or the offset fell between.
   */
  around(from: number, until: number): { before: bigint; after: bigint } | null {
    const count = this.countUntil(from);
    const last = this.settled[count - 1];
    if (last === undefined) return null;
    let after: bigint | null = null;
    for (const reading of this.settled.slice(count, count + LOOK_AHEAD)) {
      if (reading.generation !== last.generation) break;
      if (reading.from < until || !reading.isProven) continue;
      if (reading.value >= last.highest && (after === null || reading.value < after)) after = reading.value;
    }
    return after === null ? null : { before: last.highest, after };
  }

  /** Readings whose answers came between, those of one broker that say the same as one; times in ms since `zero`. */
  describe(from: number, until: number, zero: number): string {
    const runs: { first: SettledReading; last: SettledReading; count: number }[] = [];
    for (const reading of this.settled.slice(this.countUntil(from), this.countUntil(until))) {
      const run = runs.findLast(({ first }) => first.port === reading.port);
      const isSame =
        run?.first.value === reading.value && run.first.leaderEpoch === reading.leaderEpoch && run.first.isProven === reading.isProven;
      if (run !== undefined && isSame) Object.assign(run, { last: reading, count: run.count + 1 });
      else runs.push({ first: reading, last: reading, count: 1 });
    }
    return runs
      .map(({ first: { value, port, leaderEpoch, isProven, from: start }, last, count }) => {
        const times = `${start - zero}..${last.until - zero}`;
        return `${value} (port ${port}, epoch ${leaderEpoch}${isProven ? '' : ', unproven'}, ${count} at ${times})`;
      })
      .join(', ');
  }

  /** How many answers had come by then. */
  private countUntil(at: number): number {
    let [low, high] = [0, this.settled.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.settled[middle]?.until ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
