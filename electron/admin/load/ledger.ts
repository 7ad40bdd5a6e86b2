/**
 * State of every record of a producer load, by sequence number: partition, offset when acknowledged, failure, and how often an audit found it
 * in the log. 12 bytes per record, in chunks, so that it grows without copying.
 */
const CHUNK = 65_536;
/** Limit of a load, which ends when it is reached: further records could not be audited. */
export const MOST_RECORDS = 20_000_000;
const MOST_RANGES = 100;
const MOST_FOUND = 255;

const Fate = {
  waiting: 1,
  acknowledged: 2,
  failed: 3,
  /** Acknowledged during an audit, which may therefore have missed it. */
  acknowledgedLate: 4,
} as const;

interface Chunk {
  fate: Uint8Array;
  partition: Uint16Array;
  /** −1 when the broker returned none. */
  offset: Float64Array;
  found: Uint8Array;
}

/** Result of reading a partition, in offsets: `end` is the log end offset of the leader, `readTo` the offset after the last record that was read. */
export type PartitionReading = { logStart: number; readTo: number; end: number } | 'unread' | 'gone';

export interface Verdict {
  acknowledged: number;
  found: number;
  lost: number;
  removed: number;
  unread: number;
  duplicated: number;
  storedThoughFailed: number;
  lostRanges: { from: number; to: number; partition: number; offset: string; count: number }[];
}

export class Ledger {
  sent = 0;
  acknowledged = 0;
  failed = 0;
  private reading = false;
  private readonly chunks: Chunk[] = [];

  /** Assigns the next sequence number. */
  send(partition: number): number {
    const sequence = this.sent++;
    if (sequence % CHUNK === 0) {
      this.chunks.push({
        fate: new Uint8Array(CHUNK),
        partition: new Uint16Array(CHUNK),
        offset: new Float64Array(CHUNK).fill(-1),
        found: new Uint8Array(CHUNK),
      });
    }
    const chunk = this.chunk(sequence);
    chunk.fate[sequence % CHUNK] = Fate.waiting;
    chunk.partition[sequence % CHUNK] = partition;
    return sequence;
  }

  acknowledge(sequence: number, offset: number): void {
    if (!this.settle(sequence, this.reading ? Fate.acknowledgedLate : Fate.acknowledged)) return;
    this.chunk(sequence).offset[sequence % CHUNK] = offset;
    this.acknowledged++;
  }

  fail(sequence: number): void {
    if (this.settle(sequence, Fate.failed)) this.failed++;
  }

  /** A record is settled once: an acknowledgement after a failure is ignored. */
  private settle(sequence: number, fate: number): boolean {
    const { fate: fates } = this.chunk(sequence);
    if (fates[sequence % CHUNK] !== Fate.waiting) return false;
    fates[sequence % CHUNK] = fate;
    return true;
  }

  /** Records that are acknowledged from now on are not part of `verdict`. */
  beginReading(): void {
    this.reading = true;
  }

  endReading(): void {
    this.reading = false;
    this.each((chunk, at) => {
      if (chunk.fate[at] === Fate.acknowledgedLate) chunk.fate[at] = Fate.acknowledged;
    });
  }

  /** Counts a record that was found in the log. Ignores numbers that were not sent. */
  find(sequence: number): void {
    if (sequence < 0 || sequence >= this.sent) return;
    const { found } = this.chunk(sequence);
    const before = found[sequence % CHUNK] as number;
    if (before < MOST_FOUND) found[sequence % CHUNK] = before + 1;
  }

  /** Resets the found counts of a partition before it is read again. Undefined: of all partitions. */
  forget(partition: number | undefined): void {
    this.each((chunk, at) => {
      if (partition === undefined || chunk.partition[at] === partition) chunk.found[at] = 0;
    });
  }

  /**
   * Result of the audit for records that were acknowledged before `beginReading`. `reading` returns the result of reading a partition,
   * `compacted` whether a later record of the same key replaced a record that was not found.
   */
  verdict(
    reading: (partition: number) => PartitionReading,
    compacted: (sequence: number, partition: number, offset: number) => boolean,
  ): Verdict {
    const verdict: Verdict = {
      acknowledged: 0,
      found: 0,
      lost: 0,
      removed: 0,
      unread: 0,
      duplicated: 0,
      storedThoughFailed: 0,
      lostRanges: [],
    };
    const runs = new Map<number, Verdict['lostRanges'][number]>();
    /** Partitions in which a record of the load was found: without offsets, records before the first one may have been deleted. */
    const begun = new Set<number>();
    this.each((chunk, at, sequence) => {
      const partition = chunk.partition[at] as number;
      const times = chunk.found[at] as number;
      if (times > 1) verdict.duplicated += times - 1;
      if (times > 0) begun.add(partition);
      if (chunk.fate[at] === Fate.failed && times > 0) verdict.storedThoughFailed++;
      if (chunk.fate[at] !== Fate.acknowledged) return;
      verdict.acknowledged++;
      const offset = chunk.offset[at] as number;
      const fate = fateOf(reading(partition), offset, times > 0, begun.has(partition), () => compacted(sequence, partition, offset));
      verdict[fate]++;
      if (fate !== 'lost') {
        runs.delete(partition);
        return;
      }
      const run = runs.get(partition);
      if (run !== undefined) {
        run.to = sequence;
        run.count++;
      } else if (verdict.lostRanges.length < MOST_RANGES) {
        const fresh = { from: sequence, to: sequence, partition, offset: String(offset), count: 1 };
        runs.set(partition, fresh);
        verdict.lostRanges.push(fresh);
      }
    });
    return verdict;
  }

  private chunk(sequence: number): Chunk {
    return this.chunks[Math.floor(sequence / CHUNK)] as Chunk;
  }

  private each(visit: (chunk: Chunk, at: number, sequence: number) => void): void {
    for (let first = 0; first < this.sent; first += CHUNK) {
      const chunk = this.chunk(first);
      const count = Math.min(CHUNK, this.sent - first);
      for (let at = 0; at < count; at++) visit(chunk, at, first + at);
    }
  }
}

function fateOf(
  reading: PartitionReading,
  offset: number,
  found: boolean,
  begun: boolean,
  compacted: () => boolean,
): 'found' | 'lost' | 'removed' | 'unread' {
  if (reading === 'unread') return 'unread';
  if (reading === 'gone') return 'lost';
  if (offset >= 0 && offset < reading.logStart) return 'removed';
  if (found) return 'found';
  // Between the high watermark and the leader's log end offset a record cannot be read yet; after the log end offset it is lost.
  if (reading.readTo < reading.end && (offset < 0 || (offset >= reading.readTo && offset < reading.end))) return 'unread';
  if (offset < 0 && reading.logStart > 0 && !begun) return 'removed';
  return compacted() ? 'removed' : 'lost';
}
