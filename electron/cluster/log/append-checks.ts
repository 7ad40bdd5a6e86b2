/** Checks of batches before they are appended, in the order of Apache Kafka's ProduceRequest, UnifiedLog and LogValidator. */
import type { CompressionName } from '../protocol/compression.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import {
  BATCH_HEADER_BYTES,
  BatchView,
  iterateBatches,
  LOG_OVERHEAD_BYTES,
  verifyBatch,
  verifyChecksum,
} from '../protocol/record-batch.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { parseEndTransactionMarker, type EndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import type { UnreadableRecords } from './corruption.ts';
import type { LogConfig } from './log-config.ts';
import type { AppendOrigin } from './producer-state.ts';

/** A marker is a few dozen bytes and never compressed. */
const MAX_MARKER_BYTES = 1024;
/** The length of the smallest message of any format: what Apache Kafka's reader takes for one. */
const SMALLEST_LENGTH = 14;
const MAGIC_AT = 16;

/**
 * The one batch of a produce request. Trailing bytes that are no whole batch are cut off. Throws KafkaError:
 * CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE, UNSUPPORTED_COMPRESSION_TYPE.
 */
export function checkClientEnvelope(records: Buffer, config: Pick<LogConfig, 'maxMessageBytes'>): BatchView {
  const size = nextBatchBytes(records, 0);
  if (size === undefined) throw invalid(`no whole batch in ${records.length} bytes`);
  const batch = new BatchView(records.subarray(0, size), 0);
  if (batch.magic !== 2) throw invalid(`message format ${batch.magic} in a request that carries format 2 only`);
  if (nextBatchBytes(records, size) !== undefined) throw invalid('more than one batch where a producer sends exactly one');
  if (size < BATCH_HEADER_BYTES) throw corrupt(`batch length ${batch.batchLength} is less than a batch header`);
  if (batch.baseOffset !== 0n) throw invalid(`base offset ${batch.baseOffset}, a producer's is 0`);
  if (size > config.maxMessageBytes) {
    throw new KafkaError(ErrorCode.MESSAGE_TOO_LARGE, `batch of ${size} bytes, max.message.bytes is ${config.maxMessageBytes}`);
  }
  const defect = verifyChecksum(batch);
  if (defect !== undefined) throw new KafkaError(defect.code, defect.reason);
  return batch;
}

/** Header fields of a client's batch that have to agree. Returns its codec. Throws INVALID_RECORD, UNSUPPORTED_COMPRESSION_TYPE. */
export function checkClientHeader(batch: BatchView): CompressionName {
  const { recordCount, lastOffsetDelta, compression } = batch;
  if (compression === undefined) {
    throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `compression type ${batch.compressionId} is unknown`);
  }
  if (recordCount <= 0 || lastOffsetDelta !== recordCount - 1) {
    throw invalid(`${recordCount} records with last offset delta ${lastOffsetDelta}`);
  }
  if (batch.isControl) throw invalid('control batches are for brokers');
  if (batch.hasProducerId && batch.baseSequence < 0) throw invalid(`producer ${batch.producerId} without a sequence`);
  // No transaction coordinator would end such a transaction, so it would hold back read_committed consumers for ever.
  if (batch.isTransactional && !batch.hasProducerId) throw invalid('transactional batch without a producer id');
  return compression;
}

/** The batches that a coordinator or the quorum's leader appends. Throws CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE. */
export function checkInternalAppend(records: Buffer, origin: AppendOrigin, config: Pick<LogConfig, 'maxMessageBytes'>): BatchView[] {
  const batches: BatchView[] = [];
  let end = 0;
  for (const batch of iterateBatches(records)) {
    const defect = verifyBatch(batch);
    if (defect !== undefined) throw new KafkaError(defect.code, defect.reason);
    if (origin !== 'raft' && batch.sizeInBytes > config.maxMessageBytes) {
      throw new KafkaError(
        ErrorCode.MESSAGE_TOO_LARGE,
        `batch of ${batch.sizeInBytes} bytes, max.message.bytes is ${config.maxMessageBytes}`,
      );
    }
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

/**
 * The batches of a follower's fetch, checked for corruption. Leaves out a partial batch at the end, and everything from the first batch
 * of an epoch above `leaderEpoch`, the one that the follower fetches in (KAFKA-18723).
 */
export function checkFollowerAppend(records: Buffer, leaderEpoch = Infinity): BatchView[] {
  const batches: BatchView[] = [];
  for (const batch of iterateBatches(records)) {
    const defect = verifyBatch(batch);
    if (defect !== undefined) throw new KafkaError(defect.code, defect.reason);
    if (batch.partitionLeaderEpoch > leaderEpoch) break;
    batches.push(batch);
  }
  return batches;
}

/** The transaction marker that a control batch carries; undefined for any other batch, and for one that `unreadable` was called for. */
export function markerOf(batch: BatchView, unreadable: (records: UnreadableRecords) => void): EndTransactionMarker | undefined {
  if (!batch.isControl) return undefined;
  try {
    for (const record of decodeRecords(batch, MAX_MARKER_BYTES)) return parseEndTransactionMarker(record);
  } catch (error) {
    unreadable({ offset: batch.baseOffset, count: batch.recordCount, reason: String(error) });
  }
  return undefined;
}

/** Bytes of the batch at `position`; undefined where the rest is no whole batch. Throws CORRUPT_MESSAGE where none can begin there. */
function nextBatchBytes(records: Buffer, position: number): number | undefined {
  const left = records.length - position;
  if (left < LOG_OVERHEAD_BYTES) return undefined;
  const length = records.readInt32BE(position + 8);
  if (length < SMALLEST_LENGTH) throw corrupt(`a batch length of ${length}`);
  if (left <= MAGIC_AT) return undefined;
  const magic = records.readInt8(position + MAGIC_AT);
  if (magic < 0 || magic > 2) throw corrupt(`unknown message format ${magic}`);
  const size = LOG_OVERHEAD_BYTES + length;
  return size > left ? undefined : size;
}

function corrupt(reason: string): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, reason);
}

function invalid(reason: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_RECORD, reason);
}
