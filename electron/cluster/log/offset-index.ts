import type { Disk } from '../lib/disk.ts';
import { IndexFile } from './index-file.ts';

const ENTRY_BYTES = 8;

/**
 * Sparse map from offset to byte position in a segment. An entry names the *last* offset of a batch and where that batch
 * starts: int32 offset relative to the segment's base, int32 position. Source: Apache Kafka's OffsetIndex.
 */
export class OffsetIndex {
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

  append(lastOffset: bigint, position: number): void {
    const { bytes, at } = this.file.append();
    bytes.writeInt32BE(Number(lastOffset - this.baseOffset), at);
    bytes.writeInt32BE(position, at + 4);
  }

  /** Position of the last entry whose offset is at or below `offset`: the batch that holds `offset` starts there or later. */
  lookup(offset: bigint): number {
    const wanted = offset - this.baseOffset;
    if (wanted <= 0n) return 0;
    const index = this.lastAtOrBelow(Number(wanted));
    return index < 0 ? 0 : this.positionAt(index);
  }

  /** The last entry's position, 0 when there is none. Reads no more than that entry. */
  lastPosition(): number {
    return this.file.lastEntry()?.readInt32BE(4) ?? 0;
  }

  /** Drops entries for batches that reach `endOffset` or start at or after `endPosition`. */
  truncate(endOffset: bigint, endPosition: number): void {
    let keep = this.lastAtOrBelow(Number(endOffset - this.baseOffset) - 1) + 1;
    while (keep > 0 && this.positionAt(keep - 1) >= endPosition) keep--;
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

  private lastAtOrBelow(relative: number): number {
    let low = 0;
    let high = this.file.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const { bytes, at } = this.file.entry(middle);
      if (bytes.readInt32BE(at) <= relative) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
  private positionAt(index: number): number {
    const { bytes, at } = this.file.entry(index);
    return bytes.readInt32BE(at + 4);
  }
}
