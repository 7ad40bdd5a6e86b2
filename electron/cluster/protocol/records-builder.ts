import { compress, COMPRESSION_NAMES, type CompressionName } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { BATCH_HEADER_BYTES, LOG_OVERHEAD_BYTES } from './record-batch.ts';
import { Writer } from './writer.ts';

export interface RecordToWrite {
  key?: Uint8Array | null;
  value?: Uint8Array | null;
  headers?: readonly (readonly [key: string, value: Uint8Array | null])[];
  /** Milliseconds since the epoch; the batch's `timestamp` if absent. */
  timestamp?: bigint;
  /** Offset relative to the batch's base; the index if absent. Must ascend. */
  offsetDelta?: number;
}

export interface BatchToWrite {
  records: readonly RecordToWrite[];
  baseOffset?: bigint;
  /** Time of records that have none of their own; −1 (none) if absent. */
  timestamp?: bigint;
  compression?: CompressionName;
  partitionLeaderEpoch?: number;
  producerId?: bigint;
  producerEpoch?: number;
  baseSequence?: number;
  transactional?: boolean;
  control?: boolean;
  /** Set by compaction, which keeps the batch's last offset when its last record goes. */
  lastOffsetDelta?: number;
  /** Marks all records with the time of append, which is then `timestamp`. */
  logAppendTime?: boolean;
  /** Milliseconds since the epoch from which on compaction may drop the batch's tombstones (KIP-534). */
  deleteHorizonMs?: bigint | undefined;
}

/** One batch of format 2 with its checksum. Without records it is an empty batch, as compaction leaves to keep a producer's sequence. */
export function buildBatch(batch: BatchToWrite): Buffer {
  const { records, compression = 'none', timestamp = -1n } = batch;
  const baseTimestamp = batch.deleteHorizonMs ?? records[0]?.timestamp ?? timestamp;
  let maxTimestamp = records.length === 0 ? timestamp : -1n;
  let lastDelta = -1;
  const writer = new Writer();
  for (const [index, record] of records.entries()) {
    const recordTimestamp = record.timestamp ?? timestamp;
    if (recordTimestamp > maxTimestamp) maxTimestamp = recordTimestamp;
    const offsetDelta = record.offsetDelta ?? index;
    if (offsetDelta <= lastDelta) throw new RangeError(`offset delta ${offsetDelta} after ${lastDelta}`);
    lastDelta = offsetDelta;
    writeRecord(writer, record, recordTimestamp - baseTimestamp, offsetDelta);
  }
  const payload = compress(compression, writer.finishBuffer());
  const out = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length);
  out.writeBigInt64BE(batch.baseOffset ?? 0n, 0);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, 8);
  out.writeInt32BE(batch.partitionLeaderEpoch ?? -1, 12);
  out.writeInt8(2, 16);
  let attributes = COMPRESSION_NAMES.indexOf(compression);
  if (batch.logAppendTime === true) attributes |= 0x08;
  if (batch.transactional === true) attributes |= 0x10;
  if (batch.control === true) attributes |= 0x20;
  if (batch.deleteHorizonMs !== undefined) attributes |= 0x40;
  out.writeInt16BE(attributes, 21);
  out.writeInt32BE(batch.lastOffsetDelta ?? Math.max(lastDelta, 0), 23);
  out.writeBigInt64BE(baseTimestamp, 27);
  out.writeBigInt64BE(batch.logAppendTime === true ? timestamp : maxTimestamp, 35);
  out.writeBigInt64BE(batch.producerId ?? -1n, 43);
  out.writeInt16BE(batch.producerEpoch ?? -1, 51);
  out.writeInt32BE(batch.baseSequence ?? -1, 53);
  out.writeInt32BE(records.length, 57);
  out.set(payload, BATCH_HEADER_BYTES);
  out.writeUInt32BE(crc32c(out.subarray(21)), 17);
  return out;
}

function writeRecord(writer: Writer, record: RecordToWrite, timestampDelta: bigint, offsetDelta: number): void {
  const body = new Writer(64);
  body.int8(0);
  body.varlong(timestampDelta);
  body.varint(offsetDelta);
  writeNullable(body, record.key ?? null);
  writeNullable(body, record.value ?? null);
  const headers = record.headers ?? [];
  body.varint(headers.length);
  for (const [key, value] of headers) {
    const name = Buffer.from(key, 'utf8');
    body.varint(name.length);
    body.raw(name);
    writeNullable(body, value);
  }
  writer.varint(body.size);
  for (const chunk of body.finish()) writer.raw(chunk);
}

function writeNullable(writer: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) writer.varint(-1);
  else {
    writer.varint(bytes.length);
    writer.raw(bytes);
  }
}
