import type { Disk } from '../lib/disk.ts';
import { runWhole } from '../lib/work-slices.ts';
import { BATCH_HEADER_BYTES, BatchView, verifyBatch } from '../protocol/record-batch.ts';
import { BatchScanner } from './batch-scanner.ts';
import { CorruptBatchError } from './corruption.ts';
import { PooledFile, type FilePool } from './file-pool.ts';
import type { ClosedSegment } from './segment-manifest.ts';
import { LOG_SUFFIX, OFFSET_INDEX_SUFFIX, offsetFile, SEGMENT_SUFFIXES, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX } from './log-files.ts';
import { OffsetIndex } from './offset-index.ts';
import { batchAt, headerAt, locateInSteps, noBatchError } from './segment-search.ts';
import { TimeIndex, type TimestampOffset } from './time-index.ts';
import { TransactionIndex, type AbortedTransaction } from './transaction-index.ts';

/** Indexes are built again in pieces of this size. */
const INDEXING_WINDOW_BYTES = 1024 * 1024;
/** Positions in indexes and offsets relative to a segment's base are int32. */
const MAX_INT32 = 0x7fff_ffff;

/** The time index entry before the first record. */
const NO_TIMESTAMP: TimestampOffset = { timestamp: -1n, offset: -1n };

export interface SegmentSlice {
  bytes: Buffer;
  /** Offset after the last batch in `bytes`. */
  nextOffset: bigint;
  /** Position after it. */
  nextPosition: number;
}

/** Records that the segment's file had when it was closed and does not have now. */
export interface SegmentLack {
  /** Offset of the first one that is missing. */
  readonly from: bigint;
  readonly reason: string;
  /** The segment was about to be replaced by one of another replica, so its offsets were durable and are committed. */
  readonly replacing?: boolean;
}

/**
 * One range of a log: `<baseOffset>.log` with its offset, time and transaction indexes. The log decides what is
 * appended and when a segment ends; the segment finds positions in its files. File handles are opened when first needed.
 */
export class Segment {
  readonly baseOffset: bigint;
  readonly path: string;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  readonly transactionIndex: TransactionIndex;
  /** Wall-clock milliseconds when this object was made; stands in for the age of a segment whose records have no time. */
  readonly openedAt: number;
  /** Valid bytes of the .log file. */
  size: number;
  /** The .log file. */
  readonly file: PooledFile;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly indexIntervalBytes: () => number;
  private bytesSinceIndexEntry = 0;
  private largest: TimestampOffset | undefined;
  /** Undefined while the file is complete: a reader must not pass over missing records. */
  lack: SegmentLack | undefined;
  /** A read found a corrupt batch in it. */
  refused = false;
  /** The manifest entry of the segment, until its indexes have been compared with it. */
  private unverified: ClosedSegment | undefined;
  private unverifiedTransactions: number | undefined;
  private readonly indexesRebuilt: (segment: Segment) => void;
  private readonly replayTransactions: (segment: Segment) => CorruptBatchError | undefined;
  /** The corrupt batch because of which `transactionIndex` may lack aborted transactions. */
  private corruptMarker: CorruptBatchError | undefined;
  private firstBatchTimestamp: bigint | undefined;

  constructor(options: {
    disk: Disk;
    files: FilePool;
    directory: string;
    baseOffset: bigint;
    size: number;
    openedAt: number;
    indexIntervalBytes: () => number;
    freshIndexes: boolean;
    /** Called with the names of its files, while the segment is being created. */
    nameSuffix?: string | undefined;
    /** The indexes were corrupt, and were rebuilt from the records. */
    indexesRebuilt?: (segment: Segment) => void;
    /** Fills the transaction index, which is empty. Returns a corrupt batch, behind which it is not filled. */
    replayTransactions?: (segment: Segment) => CorruptBatchError | undefined;
  }) {
    const { disk, directory, baseOffset, freshIndexes, nameSuffix = '' } = options;
    this.disk = disk;
    this.directory = directory;
    this.baseOffset = baseOffset;
    this.size = options.size;
    this.openedAt = options.openedAt;
    this.indexIntervalBytes = options.indexIntervalBytes;
    this.indexesRebuilt = options.indexesRebuilt ?? (() => undefined);
    this.replayTransactions = options.replayTransactions ?? (() => undefined);
    this.path = offsetFile(directory, baseOffset, LOG_SUFFIX + nameSuffix);
    this.file = new PooledFile(options.files, this.path, options.size > 0);
    this.offsetIndex = new OffsetIndex(disk, offsetFile(directory, baseOffset, OFFSET_INDEX_SUFFIX + nameSuffix), baseOffset, freshIndexes);
    this.timeIndex = new TimeIndex(disk, offsetFile(directory, baseOffset, TIME_INDEX_SUFFIX + nameSuffix), baseOffset, freshIndexes);
    this.transactionIndex = new TransactionIndex(
      disk,
      offsetFile(directory, baseOffset, TRANSACTION_INDEX_SUFFIX + nameSuffix),
      freshIndexes,
    );
  }

  /** The largest timestamp and the last offset of the batch that holds it; −1 and −1 when no record has a timestamp. */
  get largestTimestamp(): TimestampOffset {
    this.largest ??= this.timeIndex.last() ?? NO_TIMESTAMP;
    return this.largest;
  }

  /** Whether records with unknown timestamps are missing. */
  get hasUnknownTimes(): boolean {
    return this.lack !== undefined && this.largestTimestamp.timestamp < 0n;
  }

  /** Time of the first batch; −1 while there is none. */
  get firstTimestamp(): bigint {
    if (this.firstBatchTimestamp === undefined) {
      const first = this.size === 0 ? undefined : this.scanner(BATCH_HEADER_BYTES).header(0);
      if (first === undefined) return -1n;
      this.firstBatchTimestamp = first.maxTimestamp;
    }
    return this.firstBatchTimestamp;
  }

  /** Restores the manifest entry of the closed segment. Its indexes are compared with it when they are first used. */
  expect(entry: ClosedSegment): void {
    this.unverified = entry;
    this.largest = entry.largest;
  }

  /** The same for a segment that lacks records: only the list of aborted transactions is compared, and built from the remaining records. */
  expectTransactions(checksum: number): void {
    this.unverifiedTransactions = checksum;
  }

  /** Restores the largest timestamp for a file that does not hold that record any more. */
  assumeTimes(largest: TimestampOffset): void {
    this.largest = largest;
  }

  /**
   * From now on no record of it counts: its files are being replaced, indexes included, so none of them is compared or rebuilt. `largest`,
   * its largest timestamp, stays: retention uses it.
   */
  giveUp(largest: TimestampOffset | undefined): void {
    this.largest = largest;
    this.unverified = undefined;
    this.unverifiedTransactions = undefined;
    this.size = 0;
    this.lack = { from: this.baseOffset, reason: 'its replacement by the segment of another replica is not complete', replacing: true };
    this.release();
  }

  /** The manifest entry of this segment, which was closed at `endOffset`. */
  closedAt(endOffset: bigint): ClosedSegment {
    const { baseOffset, size: sizeBytes, largestTimestamp: largest } = this;
    const checksums = {
      offset: this.offsetIndex.checksum(),
      time: this.timeIndex.checksum(),
      transaction: this.transactionIndex.checksum(),
    };
    return { baseOffset, endOffset, sizeBytes, largest, checksums };
  }

  /** Makes the segment, which ends at `endOffset`, durable and releases it. Returns its manifest entry. */
  close(endOffset: bigint): ClosedSegment {
    this.seal();
    const entry = this.closedAt(endOffset);
    this.saveIndexes(true);
    this.sync();
    this.release();
    return entry;
  }

  /** Throws CORRUPT_MESSAGE when records are missing at the end of the segment; `offset`: the read that reached the end of the file. */
  assertWhole(offset: bigint): void {
    if (this.lack !== undefined) throw new CorruptBatchError(this.path, this.size, this.lack.reason, offset);
  }

  /** Rebuilds indexes that differ from the manifest. */
  verifyIndexes(): void {
    const { unverified, unverifiedTransactions } = this;
    this.unverifiedTransactions = undefined;
    if (unverifiedTransactions !== undefined && this.transactionIndex.checksum() !== unverifiedTransactions) this.rebuildTransactions();
    if (unverified === undefined) return;
    const { offset, time, transaction } = unverified.checksums;
    this.unverified = undefined;
    const transactionsAreWhole = this.transactionIndex.checksum() === transaction;
    if (transactionsAreWhole && this.offsetIndex.checksum() === offset && this.timeIndex.checksum() === time) return;
    this.rebuildIndexes(!transactionsAreWhole);
  }

  /** False where `aborted` equals the list of aborted transactions; otherwise replaces the list. */
  replaceTransactions(aborted: readonly AbortedTransaction[]): boolean {
    this.verifyIndexes();
    const { transactionIndex: index } = this;
    if (this.knowsTransactions && index.holds(aborted)) return false;
    index.replaceWith(aborted);
    this.corruptMarker = undefined;
    return true;
  }

  /** Requires that aborted transactions are known. Throws CorruptBatchError where a corrupt batch may be the marker of one that is not in the index. */
  assertTransactionsKnown(): void {
    if (this.corruptMarker !== undefined) throw this.corruptMarker;
  }
  get knowsTransactions(): boolean {
    return this.corruptMarker === undefined;
  }

  private rebuildIndexes(transactionsToo: boolean): void {
    const { size } = this;
    this.offsetIndex.reset();
    this.timeIndex.reset();
    this.size = 0;
    this.bytesSinceIndexEntry = 0;
    this.largest = NO_TIMESTAMP;
    const scanner = this.scannerTo(size, INDEXING_WINDOW_BYTES);
    for (let batch = scanner.header(0); batch !== undefined; batch = scanner.header(this.size)) this.indexBatch(batch);
    this.size = size;
    if (transactionsToo) this.rebuildTransactions();
    this.seal();
    this.indexesRebuilt(this);
  }

  private rebuildTransactions(): void {
    this.transactionIndex.reset();
    this.corruptMarker = this.replayTransactions(this);
  }

  /** False when an offset or a position would not fit into the indexes. */
  fits(lastOffset: bigint, bytes: number): boolean {
    return lastOffset - this.baseOffset <= BigInt(MAX_INT32) && this.size + bytes <= MAX_INT32;
  }

  /** Writes batches with their final offsets. Throws DiskError; then nothing in memory has changed, though the file may hold a torn tail. */
  append(bytes: Buffer, batches: readonly BatchView[]): void {
    this.file.write([bytes], this.size);
    for (const batch of batches) this.indexBatch(batch);
  }

  /** Adds the batch behind the last indexed one to the indexes and to `size`. */
  indexBatch(batch: BatchView): void {
    const { lastOffset, maxTimestamp, sizeInBytes } = batch;
    if (this.size === 0) this.firstBatchTimestamp = maxTimestamp;
    if (maxTimestamp > this.largestTimestamp.timestamp) this.largest = { timestamp: maxTimestamp, offset: lastOffset };
    if (this.bytesSinceIndexEntry > this.indexIntervalBytes()) {
      this.offsetIndex.append(lastOffset, this.size);
      this.timeIndex.maybeAppend(this.largestTimestamp);
      this.bytesSinceIndexEntry = 0;
    }
    this.size += sizeInBytes;
    this.bytesSinceIndexEntry += sizeInBytes;
  }

  /** At a clean open: adds a batch behind the last index entry, so that the next entry has the same position as before. */
  noteTail(batch: BatchView): void {
    if (batch.maxTimestamp > this.largestTimestamp.timestamp) this.largest = { timestamp: batch.maxTimestamp, offset: batch.lastOffset };
    this.bytesSinceIndexEntry += batch.sizeInBytes;
  }

  /** Over the file up to `end`, whatever `size` is: for recovery, which finds the size. */
  scannerTo(end: number, windowBytes?: number): BatchScanner {
    return new BatchScanner(this.file, end, windowBytes);
  }

  scanner(windowBytes?: number): BatchScanner {
    return new BatchScanner(this.file, this.size, windowBytes);
  }

  /** Where the first batch that ends at or after `offset` starts, by the headers; undefined when all end before it. */
  positionOf(offset: bigint): number | undefined {
    return runWhole(locateInSteps(this, offset)).position;
  }

  /** The same for a reader. Throws CorruptBatchError where a corrupt header would make it skip records. */
  readPositionOf(offset: bigint): number | undefined {
    const { position, skipped, startsAtOrBelow } = runWhole(locateInSteps(this, offset));
    if (!startsAtOrBelow) this.assertSound(skipped);
    return position;
  }

  /**
   * Throws CorruptBatchError where the batch at `position` is corrupt. A header is only trusted where the bytes behind it are
   * consistent: with a flipped last offset readers would skip its records, or wait at them.
   */
  private assertSound(position: number | undefined): void {
    if (position !== undefined) batchAt(this, this.scanner(), position);
  }

  /**
   * Whole batches from `position` on, as many as end below `maxOffset` and fit in `maxBytes`; the first even if it does not
   * fit, when `minOneMessage` is set. Undefined when there are none. One read, two for a large first batch. Ends before a corrupt batch
   * (see `CorruptBatchError`), and throws where that is the first: bytes that no client sent are not returned to a client.
   */
  read(position: number, maxBytes: number, maxOffset: bigint, minOneMessage: boolean): SegmentSlice | undefined {
    const available = this.size - position;
    let bytes = Buffer.allocUnsafe(Math.min(Math.max(maxBytes, BATCH_HEADER_BYTES), available));
    this.readFully(bytes, position);
    let kept = 0;
    let nextOffset = -1n;
    while (bytes.length - kept >= BATCH_HEADER_BYTES) {
      const batch = new BatchView(bytes, kept);
      const size = batch.sizeInBytes;
      if (size < BATCH_HEADER_BYTES || size > available - kept) {
        if (kept > 0) break;
        throw noBatchError(this, position);
      }
      const lastOffset = batch.lastOffset;
      if (lastOffset >= maxOffset) {
        if (kept === 0) this.assertSound(position);
        break;
      }
      if (kept + size > maxBytes && !(kept === 0 && minOneMessage)) break;
      if (kept === 0 && size > bytes.length) {
        bytes = Buffer.allocUnsafe(size);
        this.readFully(bytes, position);
      }
      const whole = new BatchView(bytes, kept);
      const defect = verifyBatch(whole, kept + size);
      if (defect !== undefined) {
        if (kept > 0) break;
        throw new CorruptBatchError(this.path, position, defect.reason, whole.baseOffset);
      }
      kept += size;
      nextOffset = lastOffset + 1n;
    }
    return kept === 0 ? undefined : { bytes: bytes.subarray(0, kept), nextOffset, nextPosition: position + kept };
  }

  /** Cuts off the batch at `position` and all behind it. `endOffset`: no batch that is kept reaches it. */
  truncate(endOffset: bigint, position: number): void {
    this.verifyIndexes();
    if (this.corruptMarker !== undefined && this.corruptMarker.position >= position) this.corruptMarker = undefined;
    this.file.truncate(position);
    this.size = position;
    this.offsetIndex.truncate(endOffset, position);
    this.timeIndex.truncate(endOffset);
    this.transactionIndex.truncate(endOffset);
    this.firstBatchTimestamp = undefined;
    this.largest = undefined;
    // The time index is sparse: the largest timestamp of the remaining records may be behind its last entry.
    const scanner = this.scanner();
    let largest = this.largestTimestamp;
    const start = this.offsetIndex.lastPosition();
    this.bytesSinceIndexEntry = position - start;
    for (let at = start; at < position;) {
      const batch = headerAt(this, scanner, at);
      if (batch.maxTimestamp > largest.timestamp) largest = { timestamp: batch.maxTimestamp, offset: batch.lastOffset };
      at += batch.sizeInBytes;
    }
    this.largest = largest;
  }

  /** Closes the segment for appends: adds its last time index entry, and writes the indexes to their files. */
  seal(): void {
    this.timeIndex.maybeAppend(this.largestTimestamp);
    this.saveIndexes(false);
  }

  saveIndexes(durable: boolean): void {
    this.offsetIndex.save(durable);
    this.timeIndex.save(durable);
    this.transactionIndex.save(durable);
  }

  /** Makes the records durable. */
  sync(): void {
    this.file.sync();
  }

  /** Releases the file handle and cached index entries; the next use opens them again. */
  release(): void {
    this.file.close();
    this.offsetIndex.unload();
    this.timeIndex.unload();
    this.transactionIndex.unload();
  }

  /** Removes the files. */
  destroy(): void {
    this.file.close();
    for (const suffix of SEGMENT_SUFFIXES) this.disk.remove(offsetFile(this.directory, this.baseOffset, suffix));
  }

  private readFully(into: Buffer, position: number): void {
    if (this.file.read(into, position) !== into.length) throw noBatchError(this, position);
  }
}
