import type { Disk } from '../lib/disk.ts';
import { IndexFile } from './index-file.ts';

const ENTRY_BYTES = 34;

export interface AbortedTransaction {
  producerId: bigint;
  /** Offset of its first record. */
  firstOffset: bigint;
  /** Offset of its abort marker. */
  lastOffset: bigint;
  /** The last stable offset once this transaction had ended. */
  lastStableOffset: bigint;
}

/**
 * The transactions whose abort marker lies in one segment: int16 version 0, then four int64. The file exists only where there
 * are any. Source: Apache Kafka's TransactionIndex, KIP-98.
 */
export class TransactionIndex {
  private readonly disk: Disk;
  private readonly file: IndexFile;

  constructor(disk: Disk, path: string, fresh: boolean) {
    this.disk = disk;
    this.file = new IndexFile(disk, path, ENTRY_BYTES, fresh);
  }

  get count(): number {
    return this.file.count;
  }

  append(entry: AbortedTransaction): void {
    const { bytes, at } = this.file.append();
    bytes.writeInt16BE(0, at);
    bytes.writeBigInt64BE(entry.producerId, at + 2);
    bytes.writeBigInt64BE(entry.firstOffset, at + 10);
    bytes.writeBigInt64BE(entry.lastOffset, at + 18);
    bytes.writeBigInt64BE(entry.lastStableOffset, at + 26);
  }

  at(index: number): AbortedTransaction {
    const { bytes, at } = this.file.entry(index);
    return {
      producerId: bytes.readBigInt64BE(at + 2),
      firstOffset: bytes.readBigInt64BE(at + 10),
      lastOffset: bytes.readBigInt64BE(at + 18),
      lastStableOffset: bytes.readBigInt64BE(at + 26),
    };
  }

  /** Drops transactions that ended at or after `endOffset`. */
  truncate(endOffset: bigint): void {
    let keep = this.count;
    while (keep > 0 && this.at(keep - 1).lastOffset >= endOffset) keep--;
    this.file.truncate(keep);
  }

  save(durable: boolean): void {
    if (this.count > 0) this.file.save(durable);
    else this.disk.remove(this.file.path);
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
  /** Whether the entries are exactly these. */
  holds(entries: readonly AbortedTransaction[]): boolean {
    return this.count === entries.length && entries.every((one, index) => areEqual(one, this.at(index)));
  }
  replaceWith(entries: readonly AbortedTransaction[]): void {
    this.reset();
    for (const one of entries) this.append(one);
  }
}

function areEqual(one: AbortedTransaction, other: AbortedTransaction): boolean {
  return (
    one.producerId === other.producerId &&
    one.firstOffset === other.firstOffset &&
    one.lastOffset === other.lastOffset &&
    one.lastStableOffset === other.lastStableOffset
  );
}
