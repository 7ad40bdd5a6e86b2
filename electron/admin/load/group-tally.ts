/**
 * Counts the records that a group load consumed, in memory shared by the workers of its members, so that a member that is killed has counted
 * its records. A record is redelivered when its offset is not above the highest consumed offset of its partition. After an unclean election,
 * new records at the offsets of lost ones also count as redelivered.
 */

/** Maximum number of partitions of a topic. */
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
    // The next offset is stored, so 0 means that no record was consumed.
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

  /** The offset after the highest one that any member consumed; null before the first record. */
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
