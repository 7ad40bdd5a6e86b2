import { assert, must } from '../lib/assert.ts';
import { findLargestTimestamp, findTimestamp } from './segment-search.ts';
import type { Segment } from './segment.ts';
import type { Search } from './timestamp-search.ts';
import type { AbortedTransaction } from './transaction-index.ts';

/** Number of closed segments of one log that keep their file handle and cached index entries. */
const OPEN_SEALED_SEGMENTS = 2;
/** Number of reader positions that are remembered, so that the next fetch of each needs no index. */
const REMEMBERED_PLACES = 32;

/** Segments between two yields of a search: the largest timestamp of each may need a read of its index. */
const SEGMENTS_PER_STEP = 16;

interface Place {
  segment: Segment;
  position: number;
}

/** The segments of one log in order, never none, the active one last; and the reads that go through them. */
export class SegmentList {
  private segments: Segment[];
  private openSealed: Segment[] = [];
  /** Position of the batch that follows an earlier read, by the offset that the reader will ask for. */
  private places = new Map<bigint, Place>();
  /** Counts changes that invalidate positions: segments that were truncated, replaced or removed. Appends do not. */
  changes = 0;

  constructor(segments: readonly Segment[]) {
    this.segments = [...segments];
  }

  get all(): readonly Segment[] {
    return this.segments;
  }
  get active(): Segment {
    return must(this.segments.at(-1), 'a log without segments');
  }
  get first(): Segment {
    return must(this.segments[0], 'a log without segments');
  }
  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.segments) sum += segment.size;
    return sum;
  }

  push(segment: Segment): void {
    this.segments.push(segment);
  }

  /** Removes the active segment, for a log that replaces it. */
  pop(): Segment {
    this.dropPositions();
    return must(this.segments.pop(), 'a log without segments');
  }

  /** Removes the `count` oldest. */
  shift(count: number): Segment[] {
    this.dropPositions();
    return this.segments.splice(0, count);
  }

  /** Replaces segments that follow one another with one segment. Throws AssertionError when they are not in the list. */
  replace(old: readonly Segment[], by: Segment): void {
    const from = this.segments.indexOf(must(old[0], 'a group without segments'));
    // A negative index counts from the end: the active segment would be replaced.
    const listed = from >= 0 && old.every((segment, index) => this.segments[from + index] === segment);
    assert(listed, `a segment at offset ${by.baseOffset} cannot be replaced: it is not part of the log`);
    this.segments.splice(from, old.length, by);
    this.openSealed = this.openSealed.filter((segment) => !old.includes(segment));
    this.dropPositions();
  }

  /** Readers start again from the index: positions have changed. */
  dropPositions(): void {
    this.changes++;
    this.places.clear();
  }

  /** Index of the segment that holds `offset` or would. */
  indexOf(offset: bigint): number {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.segments[middle] as Segment).baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Whole batches from the first that ends at or after `offset`, out of one segment; undefined when there are none below `maxOffset`. */
  read(offset: bigint, maxBytes: number, maxOffset: bigint, minOneMessage: boolean): { bytes: Buffer; nextOffset: bigint } | undefined {
    const place = this.find(offset);
    if (place === undefined) return undefined;
    const slice = place.segment.read(place.position, maxBytes, maxOffset, minOneMessage);
    if (slice === undefined) return undefined;
    this.remember(slice.nextOffset, { segment: place.segment, position: slice.nextPosition });
    return slice;
  }

  /** The first record at or after `timestamp` from `fromOffset` on. The search is void once `changes` differs. */
  *findTimestamp(timestamp: bigint, fromOffset: bigint, maxDecompressedBytes: number): Search {
    for (let index = this.indexOf(fromOffset); index < this.segments.length; index++) {
      if (index % SEGMENTS_PER_STEP === 0) yield;
      const segment = this.segments[index] as Segment;
      if (segment.largestTimestamp.timestamp < timestamp && !segment.hasUnknownTimes) continue;
      this.touch(segment);
      const found = yield* findTimestamp(segment, timestamp, fromOffset, maxDecompressedBytes);
      if (found !== undefined) return found;
      segment.assertWhole(segment.baseOffset);
      yield;
    }
    return undefined;
  }

  /** The first record with the largest timestamp of all. The search is void once `changes` differs. */
  *findLargestTimestamp(maxDecompressedBytes: number): Search {
    let latest = this.first;
    for (let index = 1; index < this.segments.length; index++) {
      if (index % SEGMENTS_PER_STEP === 0) yield;
      const segment = this.segments[index] as Segment;
      if (segment.largestTimestamp.timestamp > latest.largestTimestamp.timestamp) latest = segment;
    }
    this.touch(latest);
    const found = yield* findLargestTimestamp(latest, maxDecompressedBytes);
    if (found === undefined) latest.assertWhole(latest.baseOffset);
    return found;
  }

  /** Transactions that were aborted and touch [from, to). Throws CorruptBatchError where a segment cannot name all of its own. */
  abortedTransactions(from: bigint, to: bigint): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    for (let index = this.indexOf(from); index < this.segments.length; index++) {
      const segment = this.segments[index] as Segment;
      segment.verifyIndexes();
      segment.assertTransactionsKnown();
      const { transactionIndex } = segment;
      for (let entry = 0; entry < transactionIndex.count; entry++) {
        const transaction = transactionIndex.at(entry);
        if (transaction.lastOffset >= from && transaction.firstOffset < to) found.push(transaction);
        // All transactions that ended before this offset are known by now.
        if (transaction.lastStableOffset >= to) return found;
      }
    }
    return found;
  }

  private find(offset: bigint): Place | undefined {
    const known = this.places.get(offset);
    if (known !== undefined && known.position < known.segment.size) {
      this.touch(known.segment);
      return known;
    }
    for (let index = this.indexOf(offset); index < this.segments.length; index++) {
      const segment = this.segments[index] as Segment;
      this.touch(segment);
      const position = segment.readPositionOf(offset);
      if (position !== undefined) return { segment, position };
      segment.assertWhole(offset);
    }
    return undefined;
  }

  private remember(offset: bigint, place: Place): void {
    this.places.delete(offset);
    this.places.set(offset, place);
    if (this.places.size <= REMEMBERED_PLACES) return;
    for (const oldest of this.places.keys()) {
      this.places.delete(oldest);
      break;
    }
  }

  private touch(segment: Segment): void {
    if (segment === this.active || this.openSealed.at(-1) === segment) return;
    this.openSealed = this.openSealed.filter((open) => open !== segment);
    this.openSealed.push(segment);
    if (this.openSealed.length > OPEN_SEALED_SEGMENTS) this.openSealed.shift()?.release();
  }
}
