import { assert } from '../lib/assert.ts';
import { BATCH_HEADER_BYTES, iterateBatches, verifyBatch, type BatchView } from '../protocol/record-batch.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { filterBatch, isUndecodable, type FilterContext } from './compaction-filter.ts';
import { KeyOffsets } from './compaction-keys.ts';
import { StretchTransactions } from './compaction-transactions.ts';
import { CorruptBatchError } from './corruption.ts';
import { CLEANED_SUFFIX } from './log-files.ts';
import type { LogState } from './log-state.ts';
import { max, min } from './offsets.ts';
import { replaceGroup } from './segment-replacement.ts';
import { removeUnfinished } from './segment-swap.ts';
import type { Segment } from './segment.ts';

const WINDOW_BYTES = 256 * 1024;
/** Bytes in which the kept batches are written. */
const WRITE_BYTES = 256 * 1024;

/** The part of a log that compaction may process. */
export interface Cleanable {
  /** The first offset that is not compacted. */
  readonly firstDirty: bigint;
  /** Offset at which compaction has to stop: the end of a segment. */
  readonly end: bigint;
  readonly dirtyBytes: number;
  readonly totalBytes: number;
  /** The oldest record that no compaction has processed is older than max.compaction.lag.ms. */
  readonly overdue: boolean;
}

export interface CompactionResult {
  /** Everything below is compacted. */
  readonly cleanedTo: bigint;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly keys: number;
}

/**
 * `cleanedTo`: end of the compacted part. Never includes the active segment, records that are uncommitted or belong to a transaction that is
 * or undecided, nothing younger than min.compaction.lag.ms.
 */
export function cleanable(log: LogState, cleanedTo: bigint, nowMs: number): Cleanable {
  const { config } = log;
  const { all, active } = log.storage.segments;
  const unstable = log.producers.firstUnstableOffset(log.highWatermark);
  // Records of a transaction that may have been aborted replace no committed value.
  const undecided = log.storage.guard(() => log.undecided.first);
  const bounds = [unstable, undecided].filter((bound) => bound !== undefined);
  const limit = bounds.reduce(min, min(active.baseOffset, log.highWatermark));
  // A checkpoint above the log end was written before the log was truncated.
  const firstDirty = cleanedTo > active.baseOffset ? log.logStartOffset : max(cleanedTo, log.logStartOffset);
  let end = segmentStart(all);
  let dirtyBytes = 0;
  let totalBytes = 0;
  let overdue = false;
  for (const [index, segment] of all.entries()) {
    const next = all[index + 1]?.baseOffset ?? log.logEndOffset;
    if (segment === active || next > limit) break;
    if (
      config.minCompactionLagMs > 0 &&
      next > firstDirty &&
      Number(segment.largestTimestamp.timestamp) > nowMs - config.minCompactionLagMs
    ) {
      break;
    }
    end = next;
    totalBytes += segment.size;
    if (next <= firstDirty) continue;
    dirtyBytes += segment.size;
    const first = segment.firstTimestamp;
    if (first >= 0n && Number(first) < nowMs - config.maxCompactionLagMs) overdue = true;
  }
  return { firstDirty, end, dirtyBytes, totalBytes, overdue };
}

/**
 * Compacts `[log start, end)` in slices: yields the bytes read since the previous yield, about `sliceBytes`. The caller may resume at any
 * time. A change of the log in between is noticed, and ends the compaction where it can no longer be completed. Returns undefined when
 * nothing was done. Throws KafkaError CORRUPT_MESSAGE for a corrupt batch, and leaves the log unchanged.
 */
export function* compact(
  log: LogState,
  { firstDirty, end }: Cleanable,
  options: { nowMs: number; maxKeyBytes: number; sliceBytes: number },
): Generator<number, CompactionResult | undefined> {
  const { segments } = log.storage;
  const sources = segments.all.filter((segment) => segment !== segments.active && endOf(log, segment) <= end);
  const dirty = sources.filter((segment) => endOf(log, segment) > firstDirty);
  const budget = new Budget(options.sliceBytes);
  const aborted = log.storage.guard(() => segments.abortedTransactions(segmentStart(sources), end));

  const keys = new KeyOffsets(options.maxKeyBytes);
  let lastKeyOffset = firstDirty - 1n;
  // Transactions that ended before the range would count as ongoing.
  const seen = new StretchTransactions(aborted.filter(({ lastOffset }) => lastOffset >= segmentStart(dirty)));
  scan: for (const segment of dirty) {
    for (const batch of batchesOf(log, segment)) {
      if (keys.isFull) break scan;
      if (batch.isControl) seen.control(batch);
      else if (!seen.isAborted(batch)) {
        try {
          for (const record of decodeRecords(batch, log.config.maxDecompressedBytes)) {
            if (record.key !== null && record.offset >= firstDirty) keys.set(record.key, record.offset);
          }
        } catch (error) {
          if (!isUndecodable(error)) throw error;
          // Its keys are unknown: it stays, and replaces no other record.
          log.corruption.unreadable({ offset: batch.baseOffset, count: batch.recordCount, reason: error.message }, segment.path);
        }
      }
      lastKeyOffset = max(lastKeyOffset, batch.lastOffset);
      if (budget.spend(batch.sizeInBytes)) {
        yield budget.take();
        if (!areUnchanged(log, sources)) return undefined;
      }
    }
  }
  const cleanedTo = lastKeyOffset + 1n;
  const affected = sources.filter((segment) => segment.baseOffset < cleanedTo);
  const context: FilterContext = {
    keys,
    lastKeyOffset,
    transactions: new StretchTransactions(aborted),
    producers: log.producers.entries,
    nowMs: options.nowMs,
    deleteRetentionMs: log.config.deleteRetentionMs,
    maxDecompressedBytes: log.config.maxDecompressedBytes,
  };
  let bytesBefore = 0;
  let bytesAfter = 0;
  for (const group of groupsOf(log, affected)) {
    const size = yield* compactGroup(log, group, context, budget);
    if (size === undefined) return undefined;
    for (const segment of group) bytesBefore += segment.size;
    bytesAfter += size;
  }
  return { cleanedTo, bytesBefore, bytesAfter, keys: keys.count };
}

function segmentStart(segments: readonly Segment[]): bigint {
  return segments[0]?.baseOffset ?? 0n;
}

/** Segments that together make one of at most segment.bytes; Kafka's rule. */
function groupsOf(log: LogState, segments: readonly Segment[]): Segment[][] {
  const { segmentBytes, segmentIndexBytes } = log.config;
  const groups: Segment[][] = [];
  let bytes = 0;
  let offsetBytes = 0;
  let timeBytes = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    bytes += segment.size;
    offsetBytes += segment.offsetIndex.sizeBytes;
    timeBytes += segment.timeIndex.sizeBytes;
    const fits =
      bytes <= segmentBytes &&
      offsetBytes <= segmentIndexBytes &&
      timeBytes <= segmentIndexBytes &&
      group?.[0]?.fits(endOf(log, segment), 0) === true;
    if (group !== undefined && fits) group.push(segment);
    else {
      groups.push([segment]);
      bytes = segment.size;
      offsetBytes = segment.offsetIndex.sizeBytes;
      timeBytes = segment.timeIndex.sizeBytes;
    }
  }
  return groups;
}

/** Creates one segment from a group, and replaces the group with it. Returns its size in bytes; undefined when the group was removed meanwhile. */
function* compactGroup(
  log: LogState,
  group: readonly Segment[],
  context: FilterContext,
  budget: Budget,
): Generator<number, number | undefined> {
  // A repair may have replaced a segment of this group while an earlier group was compacted.
  if (!areUnchanged(log, group)) return undefined;
  const { storage } = log;
  const baseOffset = (group[0] as Segment).baseOffset;
  const cleaned = storage.guard(() => {
    removeUnfinished(storage.disk, log.directory, baseOffset, CLEANED_SUFFIX);
    const segment = storage.makeSegment(baseOffset, 0, true, CLEANED_SUFFIX);
    segment.file.truncate(0);
    return segment;
  });
  const giveUp = (): void => {
    cleaned.release();
    if (!storage.closed && storage.failure === undefined)
      storage.guard(() => removeUnfinished(storage.disk, log.directory, baseOffset, CLEANED_SUFFIX));
  };
  try {
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    const write = (): void => {
      if (pendingBytes === 0) return;
      const bytes = Buffer.concat(pending);
      storage.guard(() => cleaned.append(bytes, [...iterateBatches(bytes)]));
      pending = [];
      pendingBytes = 0;
    };
    for (const segment of group) {
      const segmentEnd = endOf(log, segment);
      for (const batch of batchesOf(log, segment)) {
        const { bytes, aborted } = filterBatch(context, batch, segmentEnd);
        if (bytes !== undefined) {
          pending.push(bytes);
          pendingBytes += bytes.length;
          if (pendingBytes >= WRITE_BYTES) write();
        }
        if (aborted !== undefined) cleaned.transactionIndex.append(aborted);
        if (!budget.spend(batch.sizeInBytes)) continue;
        yield budget.take();
        if (!areUnchanged(log, group)) {
          giveUp();
          return undefined;
        }
      }
    }
    write();
    const { size } = cleaned;
    storage.guard(() => {
      replaceGroup(storage, group, cleaned, endOf(log, group.at(-1) as Segment), CLEANED_SUFFIX);
      log.tail.clear();
    });
    return size;
  } catch (error) {
    giveUp();
    throw error;
  }
}

/** Where the segment ends: where the next one starts. */
function endOf(log: LogState, segment: Segment): bigint {
  const { all } = log.storage.segments;
  const index = all.indexOf(segment);
  assert(index >= 0, `the end of ${segment.path} is unknown: it is not part of the log`);
  return all[index + 1]?.baseOffset ?? log.logEndOffset;
}

/** Whether the segments are unchanged: not truncated, not deleted, not about to be replaced by a repair, and the log open. */
function areUnchanged(log: LogState, segments: readonly Segment[]): boolean {
  if (log.storage.closed || log.storage.failure !== undefined) return false;
  const { all, active } = log.storage.segments;
  const from = all.indexOf(segments[0] as Segment);
  const isThere = (segment: Segment, index: number): boolean =>
    all[from + index] === segment && segment !== active && segment.lack?.replacing !== true;
  return from >= 0 && segments.every(isThere);
}

function* batchesOf(log: LogState, segment: Segment): Generator<BatchView, void> {
  const scanner = segment.scanner(WINDOW_BYTES);
  for (let position = 0; segment.size - position >= BATCH_HEADER_BYTES;) {
    const at = position;
    const batch = log.storage.guard(() => scanner.batch(at));
    const defect = batch === undefined ? { reason: 'no whole batch' } : verifyBatch(batch, batch.position + batch.sizeInBytes);
    if (batch === undefined || defect !== undefined) {
      const error = new CorruptBatchError(segment.path, position, defect?.reason ?? '');
      log.corruption.refused(error, segment.baseOffset);
      throw error;
    }
    yield batch;
    position += batch.sizeInBytes;
  }
  segment.assertWhole(segment.baseOffset);
}

/** Counts bytes, so that no slice takes long. */
class Budget {
  private readonly sliceBytes: number;
  private spent = 0;

  constructor(sliceBytes: number) {
    this.sliceBytes = sliceBytes;
  }
  /** True when the slice is over. */
  spend(bytes: number): boolean {
    this.spent += bytes;
    return this.spent >= this.sliceBytes;
  }
  take(): number {
    const { spent } = this;
    this.spent = 0;
    return spent;
  }
}
