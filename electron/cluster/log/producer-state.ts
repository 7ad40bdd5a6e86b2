import { KafkaError } from '../protocol/kafka-error.ts';
import { addSequence, type BatchView } from '../protocol/record-batch.ts';
import type { EndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import { ErrorCode } from '../protocol/error-codes.ts';

/**
 * Number of batches of a producer that are remembered for duplicates. A client has five requests in flight, and Apache Kafka remembers as
 * many; but while the oldest is retried (its answer timed out or was lost) the other four slots turn over, and the retry of a batch that is
 * no longer remembered is out of order: the client begins a new epoch and sends records again that are in the log.
 */
const REMEMBERED_BATCHES = 24;

/** Origin of an append: a client, a group or transaction coordinator (which also writes markers), or the metadata quorum. */
export type AppendOrigin = 'client' | 'coordinator' | 'raft';

export interface ProducerBatch {
  lastSequence: number;
  lastOffset: bigint;
  offsetDelta: number;
  timestamp: bigint;
}

export interface ProducerEntry {
  producerId: bigint;
  /** −1: known only by the transaction that it left; any epoch may follow. */
  epoch: number;
  coordinatorEpoch: number;
  /** Time of its last batch or marker. */
  lastTimestamp: bigint;
  /** −1 outside a transaction. */
  currentTransactionFirstOffset: bigint;
  /** Oldest first. */
  batches: ProducerBatch[];
}

export interface CompletedTransaction {
  producerId: bigint;
  firstOffset: bigint;
  /** Offset of the marker. */
  lastOffset: bigint;
  aborted: boolean;
}

/**
 * The producers of a partition: their epochs, last sequences and open transactions (KIP-98, KIP-360). `check` decides
 * before a write, `update` records what was written; every replica runs `update` over the same batches and so holds the same state.
 */
export class ProducerState {
  readonly entries = new Map<bigint, ProducerEntry>();
  /** Open transactions by their first offset, ascending: they are opened in the order of offsets. */
  private readonly ongoing = new Map<bigint, bigint>();
  /** Ended transactions whose marker the high watermark has not passed yet. */
  private unreplicated: CompletedTransaction[] = [];

  /** Replaces the whole state. */
  restore(entries: readonly ProducerEntry[]): void {
    this.clear();
    for (const entry of entries) this.entries.set(entry.producerId, entry);
    this.listOngoing();
  }

  private listOngoing(): void {
    this.ongoing.clear();
    const open = [...this.entries.values()].filter((entry) => entry.currentTransactionFirstOffset >= 0n);
    open.sort((a, b) => (a.currentTransactionFirstOffset < b.currentTransactionFirstOffset ? -1 : 1));
    for (const entry of open) this.ongoing.set(entry.currentTransactionFirstOffset, entry.producerId);
  }

  clear(): void {
    this.entries.clear();
    this.ongoing.clear();
    this.unreplicated = [];
  }

  /** The earlier batch that a client's batch repeats; undefined where it repeats none that is remembered. */
  repeated(batch: BatchView): ProducerBatch | undefined {
    const entry = this.entries.get(batch.producerId);
    return entry === undefined ? undefined : findRepeated(entry, batch);
  }

  /**
   * Throws KafkaError where the producer may not append this batch, which repeats none: INVALID_PRODUCER_EPOCH,
   * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED.
   */
  check(batch: BatchView, origin: AppendOrigin, marker: EndTransactionMarker | undefined): void {
    const { producerId, producerEpoch } = batch;
    const entry = this.entries.get(producerId);
    const epoch = entry?.epoch ?? -1;
    if (producerEpoch < epoch) {
      throw refusal(ErrorCode.INVALID_PRODUCER_EPOCH, `producer ${producerId} is at epoch ${epoch}, the batch has ${producerEpoch}`);
    }
    if (entry === undefined) return;
    if (marker !== undefined) {
      if (marker.coordinatorEpoch < entry.coordinatorEpoch) {
        throw refusal(
          ErrorCode.TRANSACTION_COORDINATOR_FENCED,
          `marker of coordinator epoch ${marker.coordinatorEpoch} after one of ${entry.coordinatorEpoch}`,
        );
      }
      return;
    }
    if (origin === 'client') checkSequence(entry, batch);
    if (entry.currentTransactionFirstOffset >= 0n && !batch.isTransactional) {
      throw refusal(ErrorCode.INVALID_TXN_STATE, `producer ${producerId} is in a transaction, the batch is not`);
    }
  }

  /** Records a batch that is in the log, with its final offsets. Returns the transaction that it ended, if it did. */
  update(batch: BatchView, marker: EndTransactionMarker | undefined): CompletedTransaction | undefined {
    const { producerId, producerEpoch, baseOffset, lastOffset } = batch;
    let entry = this.entries.get(producerId);
    if (entry === undefined) {
      entry = {
        producerId,
        epoch: producerEpoch,
        coordinatorEpoch: -1,
        lastTimestamp: -1n,
        currentTransactionFirstOffset: -1n,
        batches: [],
      };
      this.entries.set(producerId, entry);
    }
    if (entry.epoch !== producerEpoch) {
      entry.epoch = producerEpoch;
      entry.batches = [];
    }
    entry.lastTimestamp = batch.maxTimestamp;
    if (marker !== undefined) return this.endTransaction(entry, marker, lastOffset);
    // A control batch of another type does not concern producers.
    if (batch.isControl) return undefined;
    entry.batches.push({ lastSequence: batch.lastSequence, lastOffset, offsetDelta: batch.lastOffsetDelta, timestamp: batch.maxTimestamp });
    if (entry.batches.length > REMEMBERED_BATCHES) entry.batches.shift();
    if (batch.isTransactional && entry.currentTransactionFirstOffset < 0n) {
      entry.currentTransactionFirstOffset = baseOffset;
      this.ongoing.set(baseOffset, producerId);
    }
    return undefined;
  }

  private endTransaction(entry: ProducerEntry, marker: EndTransactionMarker, lastOffset: bigint): CompletedTransaction | undefined {
    const firstOffset = entry.currentTransactionFirstOffset;
    entry.coordinatorEpoch = marker.coordinatorEpoch;
    entry.currentTransactionFirstOffset = -1n;
    // A marker for a transaction that wrote nothing to this partition.
    if (firstOffset < 0n) return undefined;
    this.ongoing.delete(firstOffset);
    const completed = { producerId: entry.producerId, firstOffset, lastOffset, aborted: marker.type === 'abort' };
    this.unreplicated.push(completed);
    return completed;
  }

  /** The last stable offset as it is right after `completed`, high watermark left aside. */
  stableOffsetAfter(completed: CompletedTransaction): bigint {
    return this.firstOngoing() ?? completed.lastOffset + 1n;
  }

  /** First offset of a transaction that is open or whose end is not below the high watermark; undefined when there is none. */
  firstUnstableOffset(highWatermark: bigint): bigint | undefined {
    let first = this.firstOngoing();
    if (this.unreplicated.length > 0) {
      this.unreplicated = this.unreplicated.filter((transaction) => transaction.lastOffset >= highWatermark);
      for (const { firstOffset } of this.unreplicated) if (first === undefined || firstOffset < first) first = firstOffset;
    }
    return first;
  }

  /** Adds transactions, and unknown producers, from the state at the same offset that was built of more records. */
  adoptTransactions(from: ProducerState): void {
    for (const [producerId, known] of from.entries) {
      const entry = this.entries.get(producerId);
      if (entry === undefined) this.entries.set(producerId, { ...known, batches: [...known.batches] });
      else entry.currentTransactionFirstOffset = known.currentTransactionFirstOffset;
    }
    const ended = new Map([...this.unreplicated, ...from.unreplicated].map((one) => [one.lastOffset, one]));
    this.unreplicated = [...ended.values()];
    this.listOngoing();
  }

  get hasOpenTransaction(): boolean {
    return this.ongoing.size > 0;
  }

  /** Drops producers that wrote nothing since `before` (milliseconds) and have no open transaction. */
  expire(before: bigint): void {
    for (const [producerId, entry] of this.entries) {
      if (entry.currentTransactionFirstOffset < 0n && entry.lastTimestamp < before) this.entries.delete(producerId);
    }
  }

  private firstOngoing(): bigint | undefined {
    for (const firstOffset of this.ongoing.keys()) return firstOffset;
    return undefined;
  }
}

/** The sequence of the first record of a remembered batch. */
export function firstSequence(batch: ProducerBatch): number {
  return batch.lastSequence < 0 ? -1 : (batch.lastSequence - batch.offsetDelta + 0x8000_0000) % 0x8000_0000;
}

function findRepeated(entry: ProducerEntry, batch: BatchView): ProducerBatch | undefined {
  if (batch.producerEpoch !== entry.epoch) return undefined;
  const { baseSequence, lastSequence } = batch;
  return entry.batches.find((known) => known.lastSequence === lastSequence && firstSequence(known) === baseSequence);
}

function checkSequence(entry: ProducerEntry, batch: BatchView): void {
  const { producerId, producerEpoch, baseSequence } = batch;
  if (entry.epoch === -1) return;
  if (producerEpoch !== entry.epoch) {
    if (baseSequence === 0) return;
    throw refusal(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `producer ${producerId} opens epoch ${producerEpoch} with sequence ${baseSequence}, not 0`,
    );
  }
  const last = entry.batches.at(-1)?.lastSequence ?? -1;
  const expected = last < 0 ? 0 : addSequence(last, 1);
  if (baseSequence !== expected) {
    throw refusal(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `producer ${producerId} epoch ${producerEpoch}: sequence ${baseSequence} where ${expected} is due`,
    );
  }
}

function refusal(code: number, message: string): KafkaError {
  return new KafkaError(code, message);
}
