/**
 * The records of a window of offsets, out of the bytes of a Fetch answer. Every bound of decoding is here: records, decompressed
 * bytes and previews, so that neither a server nor a producer decides how much work or memory an answer costs. Runs in the decode
 * worker; it must not read anything but its input.
 */
import { DecompressedSizeError } from '../../cluster/protocol/decompressed-size.ts';
import { KafkaError } from '../../cluster/protocol/kafka-error.ts';
import { BATCH_HEADER_BYTES, iterateBatches, type BatchView } from '../../cluster/protocol/record-batch.ts';
import { RecordWalker } from '../../cluster/protocol/record-walker.ts';
import type { CutBatch, RecordRow } from '#shared/models/cluster';
import { MAX_HEADERS, PreviewBudget, toRow } from './record-row.ts';

/** Of one batch. */
export const MAX_BATCH_BYTES = 64 * 1024 * 1024;
/** Of all batches of one window; beyond it the window ends early. */
const MAX_WINDOW_BYTES = 256 * 1024 * 1024;
const PREVIEW_BYTES = 4 * 1024 * 1024;
/** Records of a batch that is reported when not all of it is shown; smaller ones are cut by every page of records. */
const LARGE_BATCH_RECORDS = 10_000;
const MAX_CUT_BATCHES = 20;

export interface RecordWindow {
  partition: number;
  /** The batches, as the broker sent them. */
  bytes: Uint8Array;
  /** Offsets: from the first inclusive to the last exclusive; null: all that the bytes hold. */
  from: bigint;
  end: bigint | null;
  /** Rows, and which of the window they are. */
  limit: number;
  keep: 'first' | 'last';
  /** Of one key, value or header value; 64 KiB if absent. */
  previewBytes?: number;
}

export interface DecodedWindow {
  /** By offset. */
  records: RecordRow[];
  /** Where reading continues: behind what was read, in the middle of a batch too. Never below `from`. */
  nextOffset: bigint;
  /** Records of the window before the first of `records`, as the batch headers count them. Only with `keep: 'last'`. */
  passedOver: number;
  cutBatches: CutBatch[];
}

export function decodeWindow(window: RecordWindow): DecodedWindow {
  const { bytes } = window;
  const batches = iterateBatches(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  return window.keep === 'first' ? decodeFirst(window, batches) : decodeLast(window, [...batches]);
}

function decodeFirst(window: RecordWindow, batches: Iterable<BatchView>): DecodedWindow {
  const { from, end, limit } = window;
  const result: DecodedWindow = { records: [], nextOffset: from, passedOver: 0, cutBatches: [] };
  const budget = budgetOf(window);
  const { partition } = window;
  let decompressed = 0;
  for (const batch of batches) {
    if (end !== null && batch.baseOffset >= end) {
      advance(result, end);
      break;
    }
    if (result.records.length >= limit || decompressed >= MAX_WINDOW_BYTES) break;
    const last = lastOffsetOf(batch);
    if (last >= from && !isControl(batch)) {
      const before = result.records.length;
      const walker = readBatch(
        partition,
        result,
        batch,
        () => result.records.length - before,
        (opened) => {
          decompressed += opened.decompressedBytes;
          const { first, stop } = deltasOf(window, batch);
          while (opened.next()) {
            if (opened.offsetDelta < first) continue;
            if (opened.offsetDelta >= stop) break;
            if (result.records.length >= limit) return false;
            const offset = batch.baseOffset + BigInt(opened.offsetDelta);
            result.records.push(toRow(partition, offset, batch, opened.readAt(opened.position, MAX_HEADERS), budget));
            advance(result, offset + 1n);
          }
          return true;
        },
      );
      if (walker === 'cut') break;
    }
    advance(result, end !== null && last >= end ? end : last + 1n);
  }
  return result;
}

function decodeLast(window: RecordWindow, batches: readonly BatchView[]): DecodedWindow {
  const { from, end, limit } = window;
  const result: DecodedWindow = { records: [], nextOffset: from, passedOver: 0, cutBatches: [] };
  const budget = budgetOf(window);
  /** Newest batch first. */
  const rows: RecordRow[][] = [];
  let count = 0;
  let decompressed = 0;
  for (const batch of batches.toReversed()) {
    const last = lastOffsetOf(batch);
    advance(result, end !== null && last >= end ? end : last + 1n);
    if (last < from || (end !== null && batch.baseOffset >= end) || isControl(batch)) continue;
    const room = limit - count;
    if (room <= 0 || decompressed >= MAX_WINDOW_BYTES) {
      result.passedOver += Math.max(0, claimedRecords(batch) ?? 0);
      continue;
    }
    const own: RecordRow[] = [];
    readBatch(
      window.partition,
      result,
      batch,
      () => own.length,
      (walker) => {
        decompressed += walker.decompressedBytes;
        const ring = new Float64Array(room * 2);
        const { first, stop } = deltasOf(window, batch);
        let seen = 0;
        while (walker.next()) {
          if (walker.offsetDelta < first) continue;
          if (walker.offsetDelta >= stop) break;
          const at = (seen++ % room) * 2;
          ring[at] = walker.position;
          ring[at + 1] = walker.offsetDelta;
        }
        const kept = Math.min(seen, room);
        result.passedOver += seen - kept;
        for (let i = seen - kept; i < seen; i++) {
          const at = (i % room) * 2;
          const offset = batch.baseOffset + BigInt(ring[at + 1] ?? 0);
          own.push(toRow(window.partition, offset, batch, walker.readAt(ring[at] ?? 0, MAX_HEADERS), budget));
        }
        return kept === seen;
      },
    );
    count += own.length;
    rows.push(own);
  }
  result.records = rows.reverse().flat();
  result.cutBatches.reverse();
  return result;
}

function budgetOf({ previewBytes }: RecordWindow): PreviewBudget {
  return previewBytes === undefined ? new PreviewBudget(PREVIEW_BYTES) : new PreviewBudget(previewBytes, previewBytes);
}

/** Reads one batch and reports it where not all of it can be shown. `read` returns false when the limit of rows ended it. */
function readBatch(
  partition: number,
  result: DecodedWindow,
  batch: BatchView,
  shown: () => number,
  read: (walker: RecordWalker) => boolean,
): 'whole' | 'cut' {
  let decompressedBytes: number | null = null;
  const report = (reason: string): void =>
    addCutBatch(result.cutBatches, {
      partition,
      offset: `${batch.baseOffset}`,
      lastOffset: `${lastOffsetOf(batch)}`,
      records: claimedRecords(batch),
      sizeBytes: batch.sizeInBytes,
      decompressedBytes,
      shown: shown(),
      reason,
    });
  try {
    if (isTooShort(batch)) throw new RangeError('shorter than a batch header');
    const walker = new RecordWalker(batch, MAX_BATCH_BYTES);
    decompressedBytes = walker.decompressedBytes;
    if (read(walker)) return 'whole';
    if (walker.recordCount >= LARGE_BATCH_RECORDS) report('RECORDS');
    return 'cut';
  } catch (error) {
    if (error instanceof DecompressedSizeError) report('SIZE');
    else if (error instanceof KafkaError) report(error.codeName);
    else if (error instanceof RangeError) report('CORRUPT_MESSAGE');
    else throw error;
    return 'whole';
  }
}

/** The window in offsets relative to the batch, so that the walk compares numbers. */
function deltasOf({ from, end }: RecordWindow, { baseOffset }: BatchView): { first: number; stop: number } {
  return { first: Number(from - baseOffset), stop: end === null ? Infinity : Number(end - baseOffset) };
}

/** Of a batch that is too short for its header, or of a message of formats 0 and 1, the offset is all that can be read. */
function lastOffsetOf(batch: BatchView): bigint {
  return isTooShort(batch) || batch.magic < 2 || batch.lastOffsetDelta < 0 ? batch.baseOffset : batch.lastOffset;
}

function claimedRecords(batch: BatchView): number | null {
  return isTooShort(batch) || batch.magic < 2 ? null : batch.recordCount;
}

/** A control batch holds transaction markers, no records. */
function isControl(batch: BatchView): boolean {
  return !isTooShort(batch) && batch.magic >= 2 && batch.isControl;
}

function isTooShort(batch: BatchView): boolean {
  return batch.sizeInBytes < BATCH_HEADER_BYTES;
}

function advance(result: DecodedWindow, offset: bigint): void {
  if (offset > result.nextOffset) result.nextOffset = offset;
}

/** Beyond the bound of the list its last entry covers the rest. */
export function addCutBatch(list: CutBatch[], batch: CutBatch): void {
  const last = list.at(-1);
  if (last === undefined || list.length < MAX_CUT_BATCHES) {
    list.push(batch);
    return;
  }
  list[list.length - 1] = {
    ...last,
    offset: BigInt(batch.offset) < BigInt(last.offset) ? batch.offset : last.offset,
    lastOffset: BigInt(batch.lastOffset) > BigInt(last.lastOffset) ? batch.lastOffset : last.lastOffset,
    records: null,
    decompressedBytes: null,
    shown: last.shown + batch.shown,
    reason: 'SEVERAL',
  };
}
