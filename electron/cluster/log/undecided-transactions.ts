/**
 * Ranges in which a log cannot decide whether records are committed: their transaction may have ended among missing records, so an abort
 * would not be in any transaction index. A read_committed read ends before such a range, and compaction does not reach it.
 */
import { CorruptBatchError } from './corruption.ts';
import type { LogStorage } from './log-storage.ts';
import { min } from './offsets.ts';
import { snapshotAt, verifiedProducersAt } from './producer-replay.ts';
import type { ProducerEntry } from './producer-state.ts';
import { isReplacing, UNKNOWN_SIZE } from './segment-manifest.ts';
import type { Segment } from './segment.ts';

/** Offsets from `from` to `to`, exclusive, below the missing records of `segment`, the first of which has offset `to`. */
interface UndecidedRange {
  readonly from: bigint;
  readonly to: bigint;
  readonly segment: Segment;
}

/** Bytes of records that are read to find open transactions. A snapshot at each segment's start makes more of them rare. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

const NO_RANGES: readonly UndecidedRange[] = [];

export class UndecidedTransactions {
  private readonly storage: LogStorage;
  private readonly directory: string;
  private ranges = NO_RANGES;
  /** Changes of the segment list for which `ranges` holds. */
  private rangesAt = -1;

  constructor(storage: LogStorage, directory: string) {
    this.storage = storage;
    this.directory = directory;
  }

  /** The first undecided offset of the log; undefined when there is none. Throws DiskError. */
  get first(): bigint | undefined {
    let first: bigint | undefined;
    for (const { from } of this.current()) if (first === undefined || from < first) first = from;
    return first;
  }

  /**
   * Where a read_committed read from `offset` up to `maxOffset` has to end. Throws CorruptBatchError where `offset` itself is undecided, and
   * DiskError.
   */
  endOfDecided(offset: bigint, maxOffset: bigint): bigint {
    let end = maxOffset;
    for (const { from, to, segment } of this.current()) {
      if (offset >= to) continue;
      if (offset >= from) {
        const reason = `a transaction that is open at offset ${from} may have ended among the records that are missing from offset ${to} on`;
        throw new CorruptBatchError(segment.path, segment.size, reason, offset);
      }
      end = min(end, from);
    }
    return end;
  }

  private current(): readonly UndecidedRange[] {
    const { segments } = this.storage;
    if (this.rangesAt !== segments.changes) {
      this.ranges = this.find(segments.all);
      this.rangesAt = segments.changes;
    }
    return this.ranges;
  }

  private find(all: readonly Segment[]): readonly UndecidedRange[] {
    const ranges: UndecidedRange[] = [];
    for (let index = 0; index < all.length; index++) {
      const segment = all[index] as Segment;
      if (segment.lack === undefined) continue;
      const to = segment.lack.from;
      // Segments without any record that follow are part of the same range.
      let proven = this.listsEveryAbort(segment);
      let next = all[index + 1];
      while (next?.lack !== undefined && next.lack.from === next.baseOffset) {
        proven &&= this.listsEveryAbort(next);
        index++;
        next = all[index + 1];
      }
      const behind = next === undefined ? undefined : snapshotAt(this.storage.disk, this.directory, next.baseOffset);
      // Without that snapshot, aborts that are listed behind may begin at a transaction that was committed among the missing records.
      if (proven && behind !== undefined) continue;
      const from = this.firstUndecided(all, to, behind);
      if (from !== undefined && from < to) ranges.push({ from, to, segment });
    }
    return ranges.length === 0 ? NO_RANGES : ranges;
  }

  /** The manifest has the checksum of all aborts that ended in the segment, which is 0 where none did. */
  private listsEveryAbort(segment: Segment): boolean {
    const entry = this.storage.manifest.get(segment.baseOffset);
    if (entry === undefined || entry.sizeBytes === UNKNOWN_SIZE || isReplacing(entry)) return false;
    segment.verifyIndexes();
    return entry.checksums.transaction === segment.transactionIndex.checksum();
  }

  /** The start of the first transaction that is open at `to` and, by the producers `behind` the missing records, may have ended among them. */
  private firstUndecided(all: readonly Segment[], to: bigint, behind: readonly ProducerEntry[] | undefined): bigint | undefined {
    const { disk } = this.storage;
    const { producers, unreadFrom } = verifiedProducersAt(disk, this.directory, all, to, MAX_READ_BYTES);
    const later = new Map(behind?.map((entry) => [entry.producerId, entry]));
    let first = unreadFrom;
    for (const { producerId, currentTransactionFirstOffset: start } of producers.entries.values()) {
      if (start < 0n) continue;
      const laterStart = later.get(producerId)?.currentTransactionFirstOffset ?? -1n;
      // Still the same transaction behind the missing records: its end is known, or it is open.
      if (laterStart >= 0n && laterStart <= start) continue;
      if (first === undefined || start < first) first = start;
    }
    return first;
  }
}
