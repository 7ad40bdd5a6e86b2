import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { buildBatch, type BatchToWrite } from '../protocol/records-builder.ts';
import { decodeRecords, type DecodedRecord } from '../protocol/records-reader.ts';
import type { KeyOffsets } from './compaction-keys.ts';
import type { StretchTransactions } from './compaction-transactions.ts';
import type { ProducerEntry } from './producer-state.ts';
import type { AbortedTransaction } from './transaction-index.ts';

export interface FilterContext {
  readonly keys: KeyOffsets;
  /** The last offset that `keys` covers; later records stay. */
  readonly lastKeyOffset: bigint;
  readonly transactions: StretchTransactions;
  readonly producers: ReadonlyMap<bigint, Readonly<ProducerEntry>>;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly maxDecompressedBytes: number;
}

export interface Kept {
  /** The batch as it goes into the new segment; undefined when nothing of it does. Its base and last offset are those of the old one. */
  readonly bytes: Buffer | undefined;
  /** For the new segment's index: the transaction that the batch ends. */
  readonly aborted: AbortedTransaction | undefined;
}

/**
 * What compaction keeps of a batch: the newest record of each key; a tombstone until the delete horizon of its batch (KIP-534: set when
 * compaction first finds the tombstone); no record of an aborted transaction; a transaction marker until all records of its transaction are
 * removed, and delete.retention.ms longer. A batch without records stays where it holds a remembered sequence of an active producer (Kafka
 * keeps only the last one: a replica built from such a log would refuse a retry of the client), or where it ends its segment (`segmentEnd`:
 * the base offset of the next one), so that offsets have no gap between segments.
 */
export function filterBatch(context: FilterContext, batch: BatchView, segmentEnd: bigint): Kept {
  const { transactions, nowMs } = context;
  const horizon = batch.deleteHorizonMs;
  let spentMarker = false;
  let discard: boolean;
  let aborted: AbortedTransaction | undefined;
  if (batch.isControl) {
    const control = transactions.control(batch);
    spentMarker = control.spent;
    aborted = control.aborted;
    discard = spentMarker && horizon !== undefined && horizon <= BigInt(Math.trunc(nowMs));
  } else discard = transactions.isAborted(batch);

  const records = discard ? [] : keptRecords(context, batch, horizon);
  if (records === undefined) return { bytes: Buffer.from(batch.bytes), aborted };
  if (records.length === 0) {
    const needed = batch.lastOffset + 1n === segmentEnd || isRemembered(context, batch);
    return { bytes: needed ? rebuilt(batch, [], undefined) : undefined, aborted };
  }
  const hasTombstone = !batch.isControl && records.some((record) => record.value === null);
  const setHorizon = horizon === undefined && (hasTombstone || spentMarker);
  if (records.length === batch.recordCount && !setHorizon) return { bytes: Buffer.from(batch.bytes), aborted };
  const deleteHorizon = setHorizon ? horizonFrom(nowMs, context.deleteRetentionMs) : horizon;
  return { bytes: rebuilt(batch, records, deleteHorizon), aborted };
}

/** Undefined where the records cannot be decoded. */
function keptRecords(context: FilterContext, batch: BatchView, horizon: bigint | undefined): DecodedRecord[] | undefined {
  const kept: DecodedRecord[] = [];
  const tombstonesStay = horizon === undefined || BigInt(Math.trunc(context.nowMs)) < horizon;
  try {
    for (const record of decodeRecords(batch, context.maxDecompressedBytes)) {
      if (batch.isControl || record.offset > context.lastKeyOffset) kept.push(record);
      else if (record.key !== null && (record.value !== null || tombstonesStay)) {
        const newest = context.keys.get(record.key);
        if (newest === undefined || record.offset >= newest) kept.push(record);
      }
    }
  } catch (error) {
    if (isUndecodable(error)) return undefined;
    throw error;
  }
  return kept;
}

/** Bytes that are no records, or a codec that this runtime lacks. */
export function isUndecodable(error: unknown): error is KafkaError {
  return error instanceof KafkaError && (error.code === ErrorCode.CORRUPT_MESSAGE || error.code === ErrorCode.UNSUPPORTED_COMPRESSION_TYPE);
}

/** Whether the batch holds the last sequence of an active producer, or one by which its retries are recognised. */
function isRemembered({ producers }: FilterContext, batch: BatchView): boolean {
  if (!batch.hasProducerId) return false;
  const entry = producers.get(batch.producerId);
  if (entry === undefined) return false;
  if (entry.batches.length > 0) return entry.batches.some(({ lastOffset }) => lastOffset === batch.lastOffset);
  return batch.isControl && batch.producerEpoch === entry.epoch;
}

/** "Never" is the largest timestamp. */
function horizonFrom(nowMs: number, deleteRetentionMs: number): bigint {
  const horizon = nowMs + deleteRetentionMs;
  return Number.isSafeInteger(Math.trunc(horizon)) ? BigInt(Math.trunc(horizon)) : BigInt(Number.MAX_SAFE_INTEGER);
}

function rebuilt(batch: BatchView, records: readonly DecodedRecord[], deleteHorizonMs: bigint | undefined): Buffer {
  const { baseOffset, compression } = batch;
  const logAppendTime = batch.timestampType === 'logAppendTime';
  const whole: BatchToWrite = {
    records: records.map(({ key, value, headers, timestamp, offset }) => ({
      key,
      value,
      headers,
      timestamp,
      offsetDelta: Number(offset - baseOffset),
    })),
    baseOffset,
    timestamp: batch.maxTimestamp,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    transactional: batch.isTransactional,
    control: batch.isControl,
    lastOffsetDelta: batch.lastOffsetDelta,
    logAppendTime,
    deleteHorizonMs,
    ...(records.length === 0 || compression === undefined ? {} : { compression }),
  };
  return buildBatch(whole);
}
