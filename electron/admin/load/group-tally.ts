/**
 * What the members of a group load have consumed, in memory that all of their workers share: a member that ends mid-instruction has
 * counted what it consumed up to there. A record counts as repeated when it lies at or below the highest that any member consumed of
 * its partition; after an unclean election that takes the offsets of lost records, its new holders count as repeated too.
 */

/** As many as a topic can have here. */
const PARTITIONS_A_TOPIC = 10_000;
const CONSUMED = 0;
const REPEATED = 1;
const FIRST = 2;

export class GroupTally {
  private readonly numbers: BigInt64Array;
  private readonly bases: ReadonlyMap<string, number>;

  constructor(memory: SharedArrayBuffer, topics: readonly string[]) {
    this.numbers = new BigInt64Array(memory);
    this.bases = new Map(topics.map((topic, index) => [topic, FIRST + index * PARTITIONS_A_TOPIC]));
  }

  static memory(topics: readonly string[]): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST + topics.length * PARTITIONS_A_TOPIC) * BigInt64Array.BYTES_PER_ELEMENT);
  }

  consume(topic: string, partition: number, offset: bigint): void {
    const { numbers } = this;
    Atomics.add(numbers, CONSUMED, 1n);
    const base = this.bases.get(topic);
    if (base === undefined || partition >= PARTITIONS_A_TOPIC) return;
    const at = base + partition;
    // What is kept is the next offset, so that nought means that none was consumed.
    for (let next = Atomics.load(numbers, at); ;) {
      if (offset < next) {
        Atomics.add(numbers, REPEATED, 1n);
        return;
      }
      const seen = Atomics.compareExchange(numbers, at, next, offset + 1n);
      if (seen === next) return;
      next = seen;
    }
  }

  /** The offset after the furthest that any member consumed; null while none has. */
  next(topic: string, partition: number): bigint | null {
    const base = this.bases.get(topic);
    if (base === undefined || partition >= PARTITIONS_A_TOPIC) return null;
    const next = Atomics.load(this.numbers, base + partition);
    return next === 0n ? null : next;
  }

  get consumed(): number {
    return Number(Atomics.load(this.numbers, CONSUMED));
  }

  get repeated(): number {
    return Number(Atomics.load(this.numbers, REPEATED));
  }
}
