import type { BatchView } from '../protocol/record-batch.ts';
import { markerOf } from './append-checks.ts';
import type { AbortedTransaction } from './transaction-index.ts';

interface OngoingAbort {
  readonly transaction: AbortedTransaction;
  seen: boolean;
}

/**
 * The transactions of a range of a log that is read in order: which batches were aborted, and which markers are obsolete because
 * all records of their transaction are removed. Source: KIP-98; Apache Kafka's log cleaner.
 */
export class StretchTransactions {
  private readonly aborted: readonly AbortedTransaction[];
  private next = 0;
  private readonly ongoingAborts = new Map<bigint, OngoingAbort>();
  private readonly ongoingCommits = new Set<bigint>();

  /** `aborted`: those that touch the stretch. */
  constructor(aborted: readonly AbortedTransaction[]) {
    this.aborted = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  }

  /** Takes a batch of data in. True when it belongs to an aborted transaction. */
  isAborted(batch: BatchView): boolean {
    this.advance(batch.lastOffset);
    if (!batch.isTransactional) return false;
    const { producerId } = batch;
    const abort = this.ongoingAborts.get(producerId);
    if (abort === undefined) {
      this.ongoingCommits.add(producerId);
      return false;
    }
    abort.seen = true;
    return true;
  }

  /** Takes a control batch in. `spent`: no batch of its transaction is left. `aborted`: the transaction that it ends, if that is still of interest. */
  control(batch: BatchView): { spent: boolean; aborted: AbortedTransaction | undefined } {
    this.advance(batch.lastOffset);
    // Compaction has emptied this marker.
    if (batch.recordCount === 0) return { spent: true, aborted: undefined };
    // Reported where the batch is read for its producer's state.
    const marker = markerOf(batch, () => undefined);
    if (marker === undefined) return { spent: false, aborted: undefined };
    if (marker.type === 'commit') return { spent: !this.ongoingCommits.delete(batch.producerId), aborted: undefined };
    const abort = this.ongoingAborts.get(batch.producerId);
    this.ongoingAborts.delete(batch.producerId);
    return abort?.seen === true ? { spent: false, aborted: abort.transaction } : { spent: true, aborted: undefined };
  }

  private advance(offset: bigint): void {
    for (; this.next < this.aborted.length; this.next++) {
      const transaction = this.aborted[this.next] as AbortedTransaction;
      if (transaction.firstOffset > offset) return;
      if (!this.ongoingAborts.has(transaction.producerId)) this.ongoingAborts.set(transaction.producerId, { transaction, seen: false });
    }
  }
}
