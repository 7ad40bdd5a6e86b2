/**
 * Record batches of format version 2, read in place.
 *
 *   at  0  baseOffset            int64   patched by the leader
 *       8  batchLength           int32   bytes after this field
 *      12  partitionLeaderEpoch  int32   patched by the leader
 *      16  magic                 int8    2
 *      17  crc                   uint32  CRC-32C of everything from 21 on
 *      21  attributes            int16   0–2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
 *      23  lastOffsetDelta       int32   kept by compaction, so holes may stand before it
 *      27  baseTimestamp         int64   the delete horizon when bit 6 is set
 *      35  maxTimestamp          int64
 *      43  producerId            int64   −1: none
 *      51  producerEpoch         int16
 *      53  baseSequence          int32   −1: none
 *      57  recordCount           int32
 *      61  records, compressed as one piece
 *
 * Source: Apache Kafka documentation, "Message format"; KIP-98.
 */
import { ErrorCode } from './error-codes.ts';
import { COMPRESSION_NAMES, type CompressionName } from './compression.ts';
import { crc32c } from './crc32c.ts';

/** Bytes of baseOffset and batchLength: what precedes the bytes that batchLength counts. */
export const LOG_OVERHEAD_BYTES = 12;
/** Bytes of a batch before its first record. */
export const BATCH_HEADER_BYTES = 61;
/** A message of the oldest format: overhead, crc, magic, attributes, null key, null value. Nothing shorter can be stepped over. */
const SMALLEST_ENTRY_BYTES = 26;
const CRC_START = 21;

const MAGIC_AT = 16;
export const ATTRIBUTES_AT = 21;
const MAX_TIMESTAMP_AT = 35;

export const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const DELETE_HORIZON = 0x40;

export type TimestampType = 'createTime' | 'logAppendTime';

/** A window on one batch inside a larger buffer. Fields are read from the bytes at every call. */
export class BatchView {
  readonly buffer: Buffer;
  /** Where the batch starts in `buffer`. */
  readonly position: number;

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer;
    this.position = position;
  }

  get baseOffset(): bigint {
    return this.buffer.readBigInt64BE(this.position);
  }
  get batchLength(): number {
    return this.buffer.readInt32BE(this.position + 8);
  }
  get sizeInBytes(): number {
    return LOG_OVERHEAD_BYTES + this.batchLength;
  }
  get partitionLeaderEpoch(): number {
    return this.buffer.readInt32BE(this.position + 12);
  }
  get magic(): number {
    return this.buffer.readInt8(this.position + MAGIC_AT);
  }
  get crc(): number {
    return this.buffer.readUInt32BE(this.position + 17);
  }
  get attributes(): number {
    return this.buffer.readInt16BE(this.position + ATTRIBUTES_AT);
  }
  /** Number of the codec; 5 to 7 are not assigned. */
  get compressionId(): number {
    return this.attributes & CODEC_MASK;
  }
  /** Undefined when the number is not assigned. */
  get compression(): CompressionName | undefined {
    return COMPRESSION_NAMES[this.compressionId];
  }
  get timestampType(): TimestampType {
    return this.attributes & LOG_APPEND_TIME ? 'logAppendTime' : 'createTime';
  }
  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL) !== 0;
  }
  get isControl(): boolean {
    return (this.attributes & CONTROL) !== 0;
  }
  get hasDeleteHorizon(): boolean {
    return (this.attributes & DELETE_HORIZON) !== 0;
  }
  get lastOffsetDelta(): number {
    return this.buffer.readInt32BE(this.position + 23);
  }
  get lastOffset(): bigint {
    return this.baseOffset + BigInt(this.lastOffsetDelta);
  }
  get baseTimestamp(): bigint {
    return this.buffer.readBigInt64BE(this.position + 27);
  }
  /** Undefined where compaction has set none. */
  get deleteHorizonMs(): bigint | undefined {
    return this.hasDeleteHorizon ? this.baseTimestamp : undefined;
  }
  get maxTimestamp(): bigint {
    return this.buffer.readBigInt64BE(this.position + MAX_TIMESTAMP_AT);
  }
  get producerId(): bigint {
    return this.buffer.readBigInt64BE(this.position + 43);
  }
  get hasProducerId(): boolean {
    return this.producerId >= 0n;
  }
  get producerEpoch(): number {
    return this.buffer.readInt16BE(this.position + 51);
  }
  get baseSequence(): number {
    return this.buffer.readInt32BE(this.position + 53);
  }
  /** −1 where there is no base sequence. */
  get lastSequence(): number {
    const base = this.baseSequence;
    return base < 0 ? -1 : addSequence(base, this.lastOffsetDelta);
  }
  get recordCount(): number {
    return this.buffer.readInt32BE(this.position + 57);
  }
  /** The whole batch, not copied. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.position, this.position + this.sizeInBytes);
  }
  /** The records as they are stored: compressed if the batch is. Not copied. */
  get payload(): Buffer {
    return this.buffer.subarray(this.position + BATCH_HEADER_BYTES, this.position + this.sizeInBytes);
  }
}

/** `sequence + increment` in the ring of non-negative int32: after 2³¹ − 1 comes 0. */
export function addSequence(sequence: number, increment: number): number {
  return (sequence + increment) % 0x8000_0000;
}

/**
 * The batches that lie whole in `buffer[start, end)`. A partial one at the end is passed over: fetch answers may be cut. A
 * length that no batch can have ends the iteration too; `verifyBatch` on a view at `position` says why. Compare the last view's
 * end with `end` to know whether something was left.
 */
export function* iterateBatches(buffer: Buffer, start = 0, end = buffer.length): Generator<BatchView, void, undefined> {
  for (let position = start; end - position >= SMALLEST_ENTRY_BYTES;) {
    const size = LOG_OVERHEAD_BYTES + buffer.readInt32BE(position + 8);
    if (size < SMALLEST_ENTRY_BYTES || size > end - position) return;
    yield new BatchView(buffer, position);
    position += size;
  }
}

/** Why a batch is invalid: an error code and a clause for messages. */
export interface BatchDefect {
  code: number;
  reason: string;
}

/** Checks length, format version and checksum of the batch that starts at the view's position; undefined when all is well. */
export function verifyBatch(view: BatchView, end = view.buffer.length): BatchDefect | undefined {
  const available = end - view.position;
  if (available <= MAGIC_AT) return corrupt(`${available} bytes are no batch`);
  const magic = view.magic;
  if (magic === 0 || magic === 1) {
    return {
      code: ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
      reason: `message format ${magic} (Kafka before 0.11) is not supported, only format 2 is`,
    };
  }
  if (magic !== 2) return corrupt(`unknown message format ${magic}`);
  const size = view.sizeInBytes;
  if (size < BATCH_HEADER_BYTES) return corrupt(`batch length ${view.batchLength} is less than a batch header`);
  if (size > available) return corrupt(`a batch of ${size} bytes in ${available}`);
  const mismatch = verifyChecksum(view);
  if (mismatch !== undefined) return mismatch;
  if (view.lastOffsetDelta < 0) return corrupt(`last offset delta ${view.lastOffsetDelta}`);
  return undefined;
}

/** Checks the checksum of a batch that is whole; undefined when it is right. */
export function verifyChecksum(view: BatchView): BatchDefect | undefined {
  const computed = batchChecksum(view);
  if (computed === view.crc) return undefined;
  return corrupt(`checksum is ${view.crc.toString(16)}, of these bytes it would be ${computed.toString(16)}`);
}

function corrupt(reason: string): BatchDefect {
  return { code: ErrorCode.CORRUPT_MESSAGE, reason };
}

function batchChecksum(view: BatchView): number {
  return crc32c(view.buffer.subarray(view.position + CRC_START, view.position + view.sizeInBytes));
}

/** Writes what a leader assigns. Both fields lie outside the checksum. */
export function patchBatch(buffer: Buffer, position: number, fields: { baseOffset: bigint; partitionLeaderEpoch: number }): void {
  buffer.writeBigInt64BE(fields.baseOffset, position);
  buffer.writeInt32BE(fields.partitionLeaderEpoch, position + 12);
}

/** Makes the broker's time the time of every record: sets the attribute and maxTimestamp, then the checksum. */
export function setLogAppendTime(buffer: Buffer, position: number, timestampMs: bigint): void {
  setMaxTimestamp(buffer, position, 'logAppendTime', timestampMs);
}

/**
 * Sets the timestamp type and maxTimestamp, and then the checksum; leaves the batch alone where both are right. Attributes that are not
 * assigned are cleared along with it, as in Apache Kafka.
 */
export function setMaxTimestamp(buffer: Buffer, position: number, type: TimestampType, timestampMs: bigint): void {
  const view = new BatchView(buffer, position);
  if (view.timestampType === type && view.maxTimestamp === timestampMs) return;
  const kept = view.attributes & (CODEC_MASK | TRANSACTIONAL | CONTROL | DELETE_HORIZON);
  buffer.writeInt16BE(type === 'logAppendTime' ? kept | LOG_APPEND_TIME : kept, position + ATTRIBUTES_AT);
  buffer.writeBigInt64BE(timestampMs, position + MAX_TIMESTAMP_AT);
  writeChecksum(buffer, position);
}

/** Writes the checksum of a batch that was changed. */
export function writeChecksum(buffer: Buffer, position: number): void {
  buffer.writeUInt32BE(batchChecksum(new BatchView(buffer, position)), position + 17);
}
