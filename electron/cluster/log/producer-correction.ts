/**
 * Corrects producer state that was derived from a log without its missing records, once a repair has restored them: open transactions,
 * producer snapshots and the lists of aborted transactions behind them. Otherwise a transaction that ended in them would stay open, and hold
 * the last stable offset for ever, and one that began or ended in them would be listed with a wrong first offset, or not at all.
 */
import { verifyBatch, type BatchView } from '../protocol/record-batch.ts';
import { markerOf } from './append-checks.ts';
import type { LogState } from './log-state.ts';
import { applyToProducers, REPORTED, snapshotAt } from './producer-replay.ts';
import { writeProducerSnapshot } from './producer-snapshot.ts';
import type { ProducerEntry, ProducerState } from './producer-state.ts';
import type { Segment } from './segment.ts';
import type { AbortedTransaction } from './transaction-index.ts';

/**
 * `producers`: the state at `offset`, where a segment starts and the repaired ones end; it is moved on to the log's end. Nothing is read where
 * the snapshot at `offset` has the same open transactions: all that follows was derived from it. Throws DiskError.
 */
export function correctProducers(log: LogState, producers: ProducerState, offset: bigint): void {
  const { storage, directory } = log;
  if (producers.entries.size === 0 && log.producers.entries.size === 0) return;
  const saved = snapshotAt(storage.disk, directory, offset);
  if (saved !== undefined && haveSameTransactions(saved, [...producers.entries.values()])) return;
  const { all } = storage.segments;
  for (const segment of all.filter(({ baseOffset }) => baseOffset >= offset)) {
    writeProducerSnapshot(storage.disk, directory, segment.baseOffset, producers.entries.values());
    storage.hasSnapshots = true;
    // The repair of those records corrects the state behind them.
    if (segment.lack !== undefined || segment.refused) return;
    const aborted = replaySegment(producers, segment);
    if (aborted === undefined) return;
    if (segment.replaceTransactions(aborted)) storage.onTransactionsCorrected(segment);
  }
  // A snapshot at the log end, or at another offset where a stop wrote it, holds the wrong state.
  const bases = new Set(all.map(({ baseOffset }) => baseOffset));
  storage.removeSnapshots((one) => one > offset && !bases.has(one));
  log.producers.adoptTransactions(producers);
  log.changedSinceOpen = true;
  // Undecided transactions below other missing records were judged by the former snapshots.
  storage.segments.dropPositions();
}

/** Undefined where a control batch is corrupt. */
function replaySegment(producers: ProducerState, segment: Segment): AbortedTransaction[] | undefined {
  const aborted: AbortedTransaction[] = [];
  const list = { transactionIndex: { append: (transaction: AbortedTransaction) => void aborted.push(transaction) } };
  const scanner = segment.scanner();
  for (let position = 0; position < segment.size;) {
    const header = scanner.header(position);
    if (header === undefined) return undefined;
    if (header.hasProducerId) {
      const batch = header.isControl ? wholeBatch(scanner.batch(position)) : header;
      if (batch === undefined) return undefined;
      applyToProducers(producers, list, batch, markerOf(batch, REPORTED));
    }
    position += header.sizeInBytes;
  }
  return aborted;
}

function wholeBatch(batch: BatchView | undefined): BatchView | undefined {
  return batch === undefined || verifyBatch(batch, batch.position + batch.sizeInBytes) !== undefined ? undefined : batch;
}

function haveSameTransactions(some: readonly ProducerEntry[], others: readonly ProducerEntry[]): boolean {
  const open = (entries: readonly ProducerEntry[]): string =>
    entries
      .filter(({ currentTransactionFirstOffset: first }) => first >= 0n)
      .map(({ producerId, currentTransactionFirstOffset: first }) => `${producerId}@${first}`)
      .sort()
      .join();
  return open(some) === open(others);
}
