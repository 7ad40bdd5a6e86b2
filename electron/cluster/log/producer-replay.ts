/** Producer state at an offset within a log, from the newest snapshot below and the records behind it, each batch verified. */
import { DiskError, type Disk } from '../lib/disk.ts';
import { verifyBatch, type BatchView } from '../protocol/record-batch.ts';
import type { EndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import { markerOf } from './append-checks.ts';
import { CorruptBatchError } from './corruption.ts';
import { max } from './offsets.ts';
import { readProducerSnapshot, snapshotOffsets } from './producer-snapshot.ts';
import { ProducerState, type ProducerEntry } from './producer-state.ts';
import type { Segment } from './segment.ts';
import type { TransactionIndex } from './transaction-index.ts';

const READ_WINDOW_BYTES = 1024 * 1024;

/** For a further read of records: those that cannot be decoded are reported where they are read first. */
export const REPORTED = (): undefined => undefined;

export interface VerifiedProducers {
  readonly producers: ProducerState;
  /** Offset from which corrupt or unread records may have changed the state; undefined where all were read. */
  readonly unreadFrom: bigint | undefined;
}

/**
 * Producers at `to`. A transaction whose marker lies among missing records counts as open. Reads about `maxBytes` of records at most.
 * Throws DiskError.
 */
export function verifiedProducersAt(
  disk: Disk,
  directory: string,
  segments: readonly Segment[],
  to: bigint,
  maxBytes: number,
): VerifiedProducers {
  const producers = new ProducerState();
  let next = 0n;
  let bytes = 0;
  for (const offset of newestFirst(disk, directory).filter((one) => one <= to)) {
    const entries = snapshotAt(disk, directory, offset);
    if (entries === undefined) continue;
    producers.restore(entries);
    next = offset;
    break;
  }
  for (const [index, segment] of segments.entries()) {
    const end = segments[index + 1]?.baseOffset;
    if (segment.baseOffset >= to || (end !== undefined && end <= next)) continue;
    const scanner = segment.scanner(READ_WINDOW_BYTES);
    for (let position = 0; position < segment.size;) {
      const batch = scanner.batch(position);
      const isWhole = batch !== undefined && verifyBatch(batch, batch.position + batch.sizeInBytes) === undefined;
      if (!isWhole || bytes > maxBytes) return { producers, unreadFrom: max(next, segment.baseOffset) };
      if (batch.baseOffset >= to) break;
      if (batch.hasProducerId && batch.baseOffset >= next) producers.update(batch, markerOf(batch, REPORTED));
      position += batch.sizeInBytes;
      bytes += batch.sizeInBytes;
      next = max(next, batch.lastOffset + 1n);
    }
  }
  return { producers, unreadFrom: undefined };
}

/**
 * Fills the list of aborted transactions of `segment`, which is empty, from its records. Returns an error where a batch that may be a marker,
 * or the start of a transaction that ends here, is corrupt: the list may be incomplete then. Throws DiskError.
 */
export function replayTransactions(
  disk: Disk,
  directory: string,
  segments: readonly Segment[],
  segment: Segment,
): CorruptBatchError | undefined {
  const incomplete = (position: number, reason: string): CorruptBatchError =>
    new CorruptBatchError(segment.path, position, `${reason}, and the index of aborted transactions is not what was written`);
  const { producers, unreadFrom } = verifiedProducersAt(disk, directory, segments, segment.baseOffset, Infinity);
  if (unreadFrom !== undefined) return incomplete(0, `a batch from offset ${unreadFrom} on is corrupt`);
  const scanner = segment.scanner(READ_WINDOW_BYTES);
  for (let position = 0; position < segment.size;) {
    const batch = scanner.batch(position);
    const defect = batch === undefined ? { reason: 'no whole batch' } : verifyBatch(batch, batch.position + batch.sizeInBytes);
    if (batch === undefined || defect !== undefined) return incomplete(position, defect?.reason ?? '');
    applyToProducers(producers, segment, batch, markerOf(batch, REPORTED));
    position += batch.sizeInBytes;
  }
  return undefined;
}

/** Applies a batch of the log to producer state and to the list of aborted transactions of its segment. */
export function applyToProducers(
  producers: ProducerState,
  segment: { readonly transactionIndex: Pick<TransactionIndex, 'append'> } | undefined,
  batch: BatchView,
  marker: EndTransactionMarker | undefined,
): void {
  if (!batch.hasProducerId) return;
  const completed = producers.update(batch, marker);
  if (completed?.aborted !== true || segment === undefined) return;
  const { producerId, firstOffset, lastOffset } = completed;
  segment.transactionIndex.append({ producerId, firstOffset, lastOffset, lastStableOffset: producers.stableOffsetAfter(completed) });
}

/** Undefined where no snapshot can be read. Throws DiskError. */
export function snapshotAt(disk: Disk, directory: string, offset: bigint): ProducerEntry[] | undefined {
  if (!snapshotOffsets(disk.list(directory)).includes(offset)) return undefined;
  try {
    return readProducerSnapshot(disk, directory, offset);
  } catch (error) {
    if (error instanceof DiskError) throw error;
    // An open reports and removes a corrupt snapshot; an older one leads to the same state.
    return undefined;
  }
}

function newestFirst(disk: Disk, directory: string): bigint[] {
  return snapshotOffsets(disk.list(directory)).sort((a, b) => (a < b ? 1 : -1));
}
