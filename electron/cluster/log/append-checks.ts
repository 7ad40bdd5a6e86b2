import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { BatchView, iterateBatches, verifyBatch } from '../protocol/record-batch.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { parseEndTransactionMarker, type EndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import type { LogConfig } from './log-config.ts';
import type { AppendOrigin } from './producer-state.ts';

/** A marker is a few dozen bytes and never compressed. */
const MAX_MARKER_BYTES = 1024;

/** A record that the log refuses, by its place in the batch (KIP-467). */
export interface RecordRefusal {
  batchIndex: number;
  message: string;
}

/** INVALID_RECORD or INVALID_TIMESTAMP that can name the records at fault. */
export class RecordsRefusedError extends KafkaError {
  readonly recordErrors: readonly RecordRefusal[];
  constructor(code: number, message: string, recordErrors: readonly RecordRefusal[]) {
    super(code, message);
    this.name = 'RecordsRefusedError';
    this.recordErrors = recordErrors;
  }
}

/**
 * The batches of a leader's append, each one found acceptable but for its producer. Throws KafkaError: CORRUPT_MESSAGE,
 * UNSUPPORTED_FOR_MESSAGE_FORMAT, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP,
 * UNSUPPORTED_COMPRESSION_TYPE.
 */
export function checkLeaderAppend(records: Buffer, origin: AppendOrigin, config: LogConfig, nowMs: number): BatchView[] {
  const batches = wholeBatches(records);
  if (origin === 'client' && batches.length !== 1) throw invalid(`${batches.length} batches where a producer sends exactly one`);
  if (records.length > config.segmentBytes && origin !== 'raft') {
    throw new KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, `${records.length} bytes are more than a segment of ${config.segmentBytes}`);
  }
  for (const batch of batches) {
    if (origin !== 'raft' && batch.sizeInBytes > config.maxMessageBytes) {
      throw new KafkaError(
        ErrorCode.MESSAGE_TOO_LARGE,
        `batch of ${batch.sizeInBytes} bytes, max.message.bytes is ${config.maxMessageBytes}`,
      );
    }
    if (origin === 'client') checkClientBatch(batch, config, nowMs);
  }
  return batches;
}

/** The batches of a follower's fetch, checked for damage on the way. A partial one at the end is left out. */
export function checkFollowerAppend(records: Buffer): BatchView[] {
  const batches = [...iterateBatches(records)];
  for (const batch of batches) {
    const defect = verifyBatch(batch);
    if (defect !== undefined) throw new KafkaError(defect.code, defect.reason);
  }
  return batches;
}

/** The transaction marker that a control batch carries; undefined for any other batch. */
export function markerOf(batch: BatchView): EndTransactionMarker | undefined {
  if (!batch.isControl) return undefined;
  for (const record of decodeRecords(batch, MAX_MARKER_BYTES)) return parseEndTransactionMarker(record);
  return undefined;
}

function wholeBatches(records: Buffer): BatchView[] {
  const batches: BatchView[] = [];
  let end = 0;
  for (const batch of iterateBatches(records)) {
    const defect = verifyBatch(batch);
    if (defect !== undefined) throw new KafkaError(defect.code, defect.reason);
    batches.push(batch);
    end = batch.position + batch.sizeInBytes;
  }
  if (end < records.length) {
    const defect = verifyBatch(new BatchView(records, end));
    throw new KafkaError(defect?.code ?? ErrorCode.CORRUPT_MESSAGE, defect?.reason ?? `${records.length - end} bytes after the last batch`);
  }
  if (batches.length === 0) throw invalid('no batch');
  return batches;
}

function checkClientBatch(batch: BatchView, config: LogConfig, nowMs: number): void {
  const { recordCount, lastOffsetDelta } = batch;
  if (batch.isControl) throw invalid('control batches are for brokers');
  if (batch.baseOffset !== 0n) throw invalid(`base offset ${batch.baseOffset}, a producer's is 0`);
  if (recordCount <= 0 || lastOffsetDelta !== recordCount - 1) {
    throw invalid(`${recordCount} records with last offset delta ${lastOffsetDelta}`);
  }
  if (batch.compression === undefined) {
    throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `compression type ${batch.compressionId} is not known`);
  }
  if (batch.hasProducerId && (batch.baseSequence < 0 || batch.producerEpoch < 0)) {
    throw invalid(`producer ${batch.producerId} without epoch or sequence`);
  }
  if (batch.isTransactional && !batch.hasProducerId) throw invalid('transactional batch without a producer id');
  checkTimestamps(batch, config, nowMs);
  if (config.cleanupPolicy.has('compact')) checkKeys(batch, config);
}

function checkTimestamps(batch: BatchView, config: LogConfig, nowMs: number): void {
  if (batch.timestampType === 'logAppendTime') {
    throw new KafkaError(ErrorCode.INVALID_TIMESTAMP, 'a producer does not set the time of append');
  }
  if (config.messageTimestampType === 'LogAppendTime') return;
  const { baseTimestamp, maxTimestamp } = batch;
  const ahead = Number(maxTimestamp) - nowMs;
  if (maxTimestamp >= 0n && ahead > config.messageTimestampAfterMaxMs) {
    throw new KafkaError(ErrorCode.INVALID_TIMESTAMP, `timestamp ${maxTimestamp} is ${ahead} ms ahead of the broker's clock`);
  }
  const behind = nowMs - Number(baseTimestamp);
  if (baseTimestamp >= 0n && behind > config.messageTimestampBeforeMaxMs) {
    throw new KafkaError(ErrorCode.INVALID_TIMESTAMP, `timestamp ${baseTimestamp} is ${behind} ms behind the broker's clock`);
  }
}

function checkKeys(batch: BatchView, config: LogConfig): void {
  const keyless: RecordRefusal[] = [];
  let batchIndex = 0;
  for (const record of decodeRecords(batch, config.maxDecompressedBytes)) {
    if (record.key === null) keyless.push({ batchIndex, message: 'a compacted topic needs a key on every record' });
    batchIndex++;
  }
  if (keyless.length > 0) {
    throw new RecordsRefusedError(ErrorCode.INVALID_RECORD, `${keyless.length} records without a key on a compacted topic`, keyless);
  }
}

function invalid(reason: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_RECORD, reason);
}
