/** Readings of one offset that never falls, in the order in which their answers came. */

interface Reading {
  /** Wall-clock ms at which the request was sent and the answer came. */
  readonly from: number;
  readonly until: number;
  readonly value: bigint;
  /** Of all answers up to this one, since the last restart. */
  readonly highest: bigint;
  readonly generation: number;
}

/** A broker that does not lead any more, and does not know it yet, may return less than others did: so many answers are looked through. */
const LOOK_AHEAD = 400;
const NOTHING_YET = -1n;

export class Readings {
  private readonly list: Reading[] = [];
  private generation = 0;

  note(from: number, until: number, value: bigint): void {
    const last = this.list.at(-1);
    const before = last?.generation === this.generation ? last.highest : NOTHING_YET;
    this.list.push({ from, until, value, highest: value > before ? value : before, generation: this.generation });
  }

  /** What follows may be lower. */
  restart(): void {
    this.generation++;
  }

  /** Highest value of the answers that came by then; −1 where there is none. */
  highestBefore(at: number): bigint {
    const last = this.list[this.countUntil(at) - 1];
    return last?.generation === this.generation ? last.highest : NOTHING_YET;
  }

  /**
   * The highest value that was answered by `from`, and the lowest that was asked for after `until` and is no lower; null where one of them
   * was not read, or the readings were restarted between.
   */
  around(from: number, until: number): { before: bigint; after: bigint } | null {
    const count = this.countUntil(from);
    const last = this.list[count - 1];
    if (last === undefined) return null;
    let after: bigint | null = null;
    let seen = 0;
    for (let i = count; i < this.list.length && seen < LOOK_AHEAD; i++) {
      const reading = this.list[i];
      if (reading === undefined || reading.generation !== last.generation) break;
      if (reading.from < until) continue;
      seen++;
      if (reading.value >= last.highest && (after === null || reading.value < after)) after = reading.value;
    }
    return after === null ? null : { before: last.highest, after };
  }

  /** How many answers had come by then. */
  private countUntil(at: number): number {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.list[middle]?.until ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
