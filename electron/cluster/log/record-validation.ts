/**
 * Validates the records of a client's batch in one walk before the leader appends them. The rules, their order and their error codes are those
 * of Apache Kafka's LogValidator; test/kafka/batches.test.ts compares the two and lists the deliberate differences.
 */
import { decompress, DecompressedSizeError, type CompressionName } from '../protocol/compression.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { MIN_RECORD_BYTES, RecordCursor } from '../protocol/record-cursor.ts';
import { scanRecords } from '../protocol/record-scan.ts';
import type { LogConfig } from './log-config.ts';
import { MAX_REFUSALS, RecordsRefusedError, type RecordRefusal } from './record-refusal.ts';

/** Records per batch. A walk over so many takes about 50 ms; Apache Kafka has no such limit. */
export const MAX_BATCH_RECORDS = 1_000_000;
/** "No timestamp" on the wire. */
const NO_TIMESTAMP = -1n;

type Settings = Pick<LogConfig, 'cleanupPolicy' | 'messageTimestampType' | 'messageTimestampBeforeMaxMs' | 'messageTimestampAfterMaxMs'>;

export interface ValidatedRecords {
  /** The largest timestamp of the records, −1 where none has one. */
  readonly maxTimestamp: bigint;
  /** False where offset deltas are not 0, 1, 2 … */
  readonly numbered: boolean;
}

/**
 * The records of a batch, decompressed. Throws INVALID_RECORD, or MESSAGE_TOO_LARGE where the batch has more records, or decompresses to more
 * bytes, than the leader's limits.
 */
export function unfoldRecords(batch: BatchView, compression: CompressionName, maxBytes: number): Buffer {
  checkCount(batch.recordCount, compression === 'none' ? batch.payload.length : maxBytes);
  try {
    return decompress(compression, batch.payload, maxBytes);
  } catch (cause) {
    if (cause instanceof DecompressedSizeError) throw new KafkaError(ErrorCode.MESSAGE_TOO_LARGE, cause.message, { cause });
    // CORRUPT_MESSAGE would let the client send the same bytes again.
    if (cause instanceof KafkaError && cause.code === ErrorCode.CORRUPT_MESSAGE)
      throw new KafkaError(ErrorCode.INVALID_RECORD, cause.message, { cause });
    throw cause;
  }
}

/** Throws INVALID_RECORD or INVALID_TIMESTAMP, as a RecordsRefusedError where single records are at fault. `bytes`: see `unfoldRecords`. */
export function validateRecords(batch: BatchView, bytes: Buffer, config: Settings, nowMs: number): ValidatedRecords {
  const { recordCount } = batch;
  checkCount(recordCount, bytes.length);
  const needsKeys = config.cleanupPolicy.has('compact');
  const times = new TimestampCheck(batch, config, nowMs);
  const scan = scanRecords(bytes, recordCount);
  if (scan !== undefined && !(needsKeys && scan.keyless > 0) && times.acceptsAll(scan.leastTimestampDelta, scan.largestTimestampDelta)) {
    return { maxTimestamp: times.max, numbered: true };
  }
  const refusals = new Refusals();
  const cursor = new RecordCursor(bytes);
  let numbered = true;
  for (let index = 0; index < recordCount; index++) {
    cursor.next();
    if (cursor.offsetDelta !== index) numbered = false;
    if (needsKeys && !cursor.hasKey) refusals.add(ErrorCode.INVALID_RECORD, index, () => 'A record of a compacted topic needs a key.');
    else if (!times.accepts(cursor)) refusals.add(ErrorCode.INVALID_TIMESTAMP, index, () => times.reason(cursor));
  }
  if (!cursor.atEnd) {
    throw new KafkaError(ErrorCode.INVALID_RECORD, `${bytes.length - cursor.position} bytes follow the last of ${recordCount} records.`);
  }
  refusals.raise();
  return { maxTimestamp: times.max, numbered };
}

/** Checks the size before the decompression and after it. */
function checkCount(count: number, bytes: number): void {
  if (count * MIN_RECORD_BYTES > bytes) throw new KafkaError(ErrorCode.INVALID_RECORD, `${count} records do not fit in ${bytes} bytes.`);
  if (count > MAX_BATCH_RECORDS) {
    throw new KafkaError(ErrorCode.MESSAGE_TOO_LARGE, `The batch has ${count} records; ${MAX_BATCH_RECORDS} is the limit.`);
  }
}

/** The first invalid records, their number, and the error of the whole batch. */
class Refusals {
  private readonly named: RecordRefusal[] = [];
  private count = 0;
  private code: number = ErrorCode.INVALID_RECORD;

  add(code: number, batchIndex: number, message: () => string): void {
    this.count++;
    // One invalid timestamp decides the error code, whatever else is invalid.
    if (code === ErrorCode.INVALID_TIMESTAMP) this.code = code;
    if (this.named.length < MAX_REFUSALS) this.named.push({ batchIndex, message: message() });
  }

  raise(): void {
    const [first] = this.named;
    if (first === undefined) return;
    const many =
      this.count === 1 ? `Record ${first.batchIndex} is refused` : `${this.count} records are refused, the first is ${first.batchIndex}`;
    throw new RecordsRefusedError(this.code, `${many}: ${first.message}`, this.named);
  }
}

/** message.timestamp.before.max.ms and message.timestamp.after.max.ms, by deltas from the batch's base where these are exact as numbers. */
class TimestampCheck {
  private readonly base: bigint;
  private readonly baseMs: number;
  private readonly nowMs: number;
  /** Whole milliseconds; infinite where there is no limit. */
  private readonly beforeMs: number;
  private readonly afterMs: number;
  private readonly createTime: boolean;
  /** The one time of all records, where the batch carries the attribute for LogAppendTime. */
  private readonly common: bigint | undefined;
  private readonly commonAccepted: boolean;
  /** Deltas within these need no closer look; an empty range where the base is not exact as a number. */
  private readonly least: number;
  private readonly most: number;
  private largestDelta = -Infinity;
  private largest = NO_TIMESTAMP;

  constructor(batch: BatchView, config: Settings, nowMs: number) {
    this.base = batch.baseTimestamp;
    this.baseMs = Number(this.base);
    this.nowMs = Math.trunc(nowMs);
    this.beforeMs = Math.trunc(config.messageTimestampBeforeMaxMs);
    this.afterMs = Math.trunc(config.messageTimestampAfterMaxMs);
    this.createTime = config.messageTimestampType === 'CreateTime';
    const exact = Math.abs(this.baseMs) < 2 ** 51;
    this.least = !exact ? Infinity : this.createTime ? this.nowMs - this.beforeMs - this.baseMs : -Infinity;
    this.most = !exact ? -Infinity : this.createTime ? this.nowMs + this.afterMs - this.baseMs : Infinity;
    if (batch.timestampType === 'logAppendTime') {
      this.common = batch.maxTimestamp;
      this.commonAccepted = this.createTime && this.common !== NO_TIMESTAMP && this.inRange(this.common);
      if (this.common > this.largest) this.largest = this.common;
    } else {
      this.common = undefined;
      this.commonAccepted = false;
    }
  }

  /** Whether every record is accepted for certain, by its least and largest delta. */
  acceptsAll(least: number, largest: number): boolean {
    if (this.common !== undefined) return this.commonAccepted;
    if (least < this.least || largest > this.most) return false;
    this.largestDelta = largest;
    return true;
  }

  accepts(cursor: RecordCursor): boolean {
    if (this.common !== undefined) return this.commonAccepted;
    const { timestampDelta, wideDelta } = cursor;
    if (wideDelta === undefined && timestampDelta >= this.least && timestampDelta <= this.most) {
      if (timestampDelta > this.largestDelta) this.largestDelta = timestampDelta;
      return true;
    }
    const timestamp = cursor.timestamp(this.base);
    if (timestamp > this.largest) this.largest = timestamp;
    return !this.createTime || timestamp === NO_TIMESTAMP || this.inRange(timestamp);
  }

  reason(cursor: RecordCursor): string {
    if (this.common !== undefined && (!this.createTime || this.common === NO_TIMESTAMP))
      return 'A producer must not set the timestamp type LogAppendTime.';
    const timestamp = this.common ?? cursor.timestamp(this.base);
    const now = BigInt(this.nowMs);
    const from = Number.isFinite(this.beforeMs) ? String(now - BigInt(this.beforeMs)) : 'any time';
    const to = Number.isFinite(this.afterMs) ? String(now + BigInt(this.afterMs)) : 'any time';
    return `Timestamp ${timestamp} is outside ${from} to ${to} (message.timestamp.before.max.ms, message.timestamp.after.max.ms).`;
  }

  get max(): bigint {
    if (this.largestDelta === -Infinity) return this.largest;
    const byDelta = BigInt(this.baseMs + this.largestDelta);
    return byDelta > this.largest ? byDelta : this.largest;
  }

  /** In the arithmetic of int64, as Apache Kafka computes it. */
  private inRange(timestamp: bigint): boolean {
    const age = BigInt.asIntN(64, BigInt(this.nowMs) - timestamp);
    if (Number.isFinite(this.beforeMs) && age > BigInt(this.beforeMs)) return false;
    return !Number.isFinite(this.afterMs) || BigInt.asIntN(64, -age) <= BigInt(this.afterMs);
  }
}
