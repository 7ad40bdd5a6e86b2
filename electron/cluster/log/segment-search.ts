/** Finds batches in the file of a segment, by offset or by time. Headers are trusted only where the bytes behind them are consistent. */
import { type BatchView, verifyBatch } from '../protocol/record-batch.ts';
import type { BatchScanner } from './batch-scanner.ts';
import { CorruptBatchError } from './corruption.ts';
import type { OffsetIndex } from './offset-index.ts';
import type { TimeIndex, TimestampOffset } from './time-index.ts';
import { firstAtOrAfter, type Search } from './timestamp-search.ts';

/** A seek reads this much at a time: an index entry is at most index.interval.bytes and one batch away. */
const SEEK_WINDOW_BYTES = 8 * 1024;
/** Batches that a search passes by their headers between two yields; each may cost a read of the file. */
const HEADERS_PER_STEP = 32;

/** The part of a segment that a search reads. */
export interface SearchedSegment {
  readonly baseOffset: bigint;
  readonly path: string;
  /** Valid bytes of the file; appends between two steps of a search increase it. */
  readonly size: number;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  readonly largestTimestamp: TimestampOffset;
  scannerTo(end: number, windowBytes?: number): BatchScanner;
  verifyIndexes(): void;
}

export interface Location {
  position?: number;
  /** The batch before `position`. Between the two may be a gap that compaction left, or this one has a wrong last offset. */
  skipped?: number;
  startsAtOrBelow: boolean;
}

/** The first batch that ends at or after `offset`, by the headers. */
export function* locateInSteps(segment: SearchedSegment, offset: bigint): Generator<undefined, Location, undefined> {
  segment.verifyIndexes();
  // Appends between two steps move `size`, which the scanner does not follow.
  const end = segment.size;
  const scanner = segment.scannerTo(end, SEEK_WINDOW_BYTES);
  let position = seek(segment, offset);
  // An entry that points behind the offset, or to no batch, does not belong to this file: the reader would skip records before it.
  if (position > 0 && !startsBelow(segment, scanner, position, offset)) position = 0;
  let skipped: number | undefined;
  for (let passed = 1; position < end; passed++) {
    if (passed % HEADERS_PER_STEP === 0) yield;
    const batch = headerAt(segment, scanner, position);
    const before = skipped === undefined ? {} : { skipped };
    if (batch.lastOffset >= offset) return { position, ...before, startsAtOrBelow: batch.baseOffset <= offset };
    skipped = position;
    position += batch.sizeInBytes;
  }
  return { ...(skipped === undefined ? {} : { skipped }), startsAtOrBelow: false };
}

/** The first record at or after `timestamp` whose offset is at least `fromOffset`. The search is void once the segment is cut. */
export function* findTimestamp(segment: SearchedSegment, timestamp: bigint, fromOffset: bigint, maxDecompressedBytes: number): Search {
  segment.verifyIndexes();
  if (segment.largestTimestamp.timestamp < timestamp) return undefined;
  const before = segment.timeIndex.lookupBefore(timestamp);
  // See `locateInSteps`.
  const end = segment.size;
  const scanner = segment.scannerTo(end);
  let position = seek(segment, before === undefined || before.offset < fromOffset ? fromOffset : before.offset);
  for (let passed = 1; position < end; passed++) {
    if (passed % HEADERS_PER_STEP === 0) yield;
    const header = headerAt(segment, scanner, position);
    if (header.maxTimestamp >= timestamp && header.lastOffset >= fromOffset) {
      const found = yield* firstAtOrAfter(batchAt(segment, scanner, position), timestamp, fromOffset, maxDecompressedBytes);
      if (found !== undefined) return found;
      yield;
    }
    position += header.sizeInBytes;
  }
  return undefined;
}

/** The first record with the segment's largest timestamp. The search is void once the segment is cut. */
export function* findLargestTimestamp(segment: SearchedSegment, maxDecompressedBytes: number): Search {
  const largest = segment.largestTimestamp;
  if (largest.timestamp < 0n) return undefined;
  const { position } = yield* locateInSteps(segment, largest.offset);
  if (position === undefined) return undefined;
  const batch = batchAt(segment, segment.scannerTo(segment.size), position);
  return (yield* firstAtOrAfter(batch, largest.timestamp, batch.baseOffset, maxDecompressedBytes)) ?? largest;
}

/** Offset after the last batch, by the headers from the last index entry on; undefined when they do not lead to the end of the file. */
export function endByHeaders(segment: SearchedSegment, each: (batch: BatchView) => void = () => undefined): bigint | undefined {
  const { size, baseOffset } = segment;
  const indexed = segment.offsetIndex.lastPosition();
  const scanner = segment.scannerTo(size);
  let end = baseOffset;
  let position = indexed < size ? indexed : 0;
  while (position < size) {
    const batch = scanner.header(position);
    if (batch === undefined || batch.magic !== 2 || batch.baseOffset < end) return undefined;
    end = batch.lastOffset + 1n;
    each(batch);
    position += batch.sizeInBytes;
  }
  return end;
}

/** The header of the batch at `position`. Throws CorruptBatchError where there is none. */
export function headerAt(segment: SearchedSegment, scanner: BatchScanner, position: number): BatchView {
  const batch = scanner.header(position);
  if (batch === undefined) throw noBatchError(segment, position);
  return batch;
}

/** The batch at `position`. Throws CorruptBatchError where there is none, or it is corrupt. */
export function batchAt(segment: SearchedSegment, scanner: BatchScanner, position: number): BatchView {
  const batch = scanner.batch(position);
  if (batch === undefined) throw noBatchError(segment, position);
  const defect = verifyBatch(batch, batch.position + batch.sizeInBytes);
  if (defect !== undefined) throw new CorruptBatchError(segment.path, position, defect.reason, batch.baseOffset);
  return batch;
}

export function noBatchError({ path, size }: SearchedSegment, position: number): CorruptBatchError {
  return new CorruptBatchError(path, position, `no whole batch in the ${size - position} bytes that are left`);
}

/** Position at which a search for `offset` by header starts. */
function seek({ offsetIndex, size }: SearchedSegment, offset: bigint): number {
  const position = offsetIndex.lookup(offset);
  return position < size ? position : 0;
}

function startsBelow({ baseOffset }: SearchedSegment, scanner: BatchScanner, position: number, offset: bigint): boolean {
  const batch = scanner.header(position);
  return batch !== undefined && batch.magic === 2 && batch.baseOffset >= baseOffset && batch.baseOffset <= offset;
}
