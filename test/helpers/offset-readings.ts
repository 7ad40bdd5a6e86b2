/** Readings of one offset that never falls, in the order in which their answers came. */

interface Reading {
  /** Wall-clock ms at which the request was sent and the answer came. */
  readonly from: number;
  readonly until: number;
  readonly value: bigint;
  /** Of all answers up to this one, since the last restart. */
  readonly highest: bigint;
  readonly generation: number;
  /** By the metadata of the broker that answered. */
  readonly leaderEpoch: number;
}

interface Epoch {
  readonly at: number;
  readonly leaderEpoch: number;
}

/** A broker that does not lead any more, and does not know it yet, may return less than others did: so many answers are looked through. */
const LOOK_AHEAD = 400;
const NOTHING_YET = -1n;
/** A successor that becomes known within this after an answer may have led during it. */
const ELECTION_MS = 2_000;

export class Readings {
  private readonly list: Reading[] = [];
  private generation = 0;
  /** When each leader epoch became known, ascending. */
  private readonly epochs: Epoch[] = [];

  note(from: number, until: number, value: bigint, leaderEpoch = 0): void {
    const last = this.list.at(-1);
    const before = last?.generation === this.generation ? last.highest : NOTHING_YET;
    this.list.push({ from, until, value, highest: value > before ? value : before, generation: this.generation, leaderEpoch });
  }

  noteEpoch(at: number, leaderEpoch: number): void {
    if (leaderEpoch > (this.epochs.at(-1)?.leaderEpoch ?? -1)) this.epochs.push({ at, leaderEpoch });
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
   * The highest value that was answered by `from`, and the lowest that a leader without a successor was asked for after `until` and is no
   * lower; null where one of them was not read, or the readings were restarted between.
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
      if (reading.from < until || this.isSuperseded(reading)) continue;
      seen++;
      if (reading.value >= last.highest && (after === null || reading.value < after)) after = reading.value;
    }
    return after === null ? null : { before: last.highest, after };
  }

  /** An isolated leader answers as before until it receives the metadata that names its successor. */
  private isSuperseded({ until, leaderEpoch }: Reading): boolean {
    return this.epochs.some((epoch) => epoch.leaderEpoch > leaderEpoch && epoch.at <= until + ELECTION_MS);
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
