import type { Disk } from '../lib/disk.ts';
import { IndexFile } from './index-file.ts';

const ENTRY_BYTES = 12;

/** A timestamp and the last offset of the batch that brought it. */
export interface TimestampOffset {
  timestamp: bigint;
  offset: bigint;
}

/**
 * Sparse map from time to offset in a segment. An entry (t, o) says that no batch up to the one that ends at o has a
 * larger timestamp than t: int64 timestamp, int32 offset relative to the segment's base; both ascend. Source: KIP-33.
 */
export class TimeIndex {
  private readonly file: IndexFile;
  private readonly baseOffset: bigint;

  constructor(disk: Disk, path: string, baseOffset: bigint, fresh: boolean) {
    this.file = new IndexFile(disk, path, ENTRY_BYTES, fresh);
    this.baseOffset = baseOffset;
  }

  get count(): number {
    return this.file.count;
  }
  get sizeBytes(): number {
    return this.file.count * ENTRY_BYTES;
  }

  /** Adds an entry if the largest timestamp has increased since the last one. */
  maybeAppend(entry: TimestampOffset): void {
    if (entry.timestamp <= (this.last()?.timestamp ?? -1n)) return;
    const { bytes, at } = this.file.append();
    bytes.writeBigInt64BE(entry.timestamp, at);
    bytes.writeInt32BE(Number(entry.offset - this.baseOffset), at + 8);
  }

  /** Reads no more than the last entry. */
  last(): TimestampOffset | undefined {
    const bytes = this.file.lastEntry();
    return bytes === undefined ? undefined : this.decode(bytes, 0);
  }

  /** The last entry strictly before `timestamp`: the first batch as late as `timestamp` ends after its offset. */
  lookupBefore(timestamp: bigint): TimestampOffset | undefined {
    let low = 0;
    let high = this.file.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).timestamp < timestamp) low = middle + 1;
      else high = middle - 1;
    }
    return high < 0 ? undefined : this.at(high);
  }

  /** Drops entries for batches that reach `endOffset`. */
  truncate(endOffset: bigint): void {
    let keep = this.file.count;
    while (keep > 0 && this.at(keep - 1).offset >= endOffset) keep--;
    this.file.truncate(keep);
  }

  save(durable: boolean): void {
    this.file.save(durable);
  }
  unload(): void {
    this.file.unload();
  }
  /** CRC-32C of all entries; 0 of none. */
  checksum(): number {
    return this.file.checksum();
  }
  /** Drops all entries, which then differ from the manifest until they are rebuilt. */
  reset(): void {
    this.file.reset();
  }

  private at(index: number): TimestampOffset {
    const { bytes, at } = this.file.entry(index);
    return this.decode(bytes, at);
  }
  private decode(bytes: Buffer, at: number): TimestampOffset {
    return { timestamp: bytes.readBigInt64BE(at), offset: this.baseOffset + BigInt(bytes.readInt32BE(at + 8)) };
  }
}
