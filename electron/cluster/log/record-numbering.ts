/** Offset deltas as they have to be: 0, 1, 2 … A client that numbered its records otherwise is corrected, as in Apache Kafka, not refused. */
import { compress, type CompressionName } from '../protocol/compression.ts';
import { BATCH_HEADER_BYTES, type BatchView, LOG_OVERHEAD_BYTES, writeChecksum } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';

/** A varint of an int32 has at most 5 bytes; both the length and the delta may need more bytes than before. */
const MOST_GROWTH_BYTES = 8;

/** The batch with its records numbered and compressed again. `records`: its records, uncompressed. */
export function numberRecords(batch: BatchView, compression: CompressionName, records: Buffer): Buffer {
  const numbered = Buffer.allocUnsafe(records.length + batch.recordCount * MOST_GROWTH_BYTES);
  const cursor = new RecordCursor(records);
  let at = 0;
  for (let index = 0; index < batch.recordCount; index++) {
    cursor.next();
    const delta = zigzag(index);
    const length = cursor.offsetDeltaAt - cursor.bodyAt + varintBytes(delta) + (cursor.position - cursor.keyAt);
    at = writeVarint(numbered, at, zigzag(length));
    at += records.copy(numbered, at, cursor.bodyAt, cursor.offsetDeltaAt);
    at = writeVarint(numbered, at, delta);
    at += records.copy(numbered, at, cursor.keyAt, cursor.position);
  }
  const payload = compress(compression, numbered.subarray(0, at));
  const out = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length);
  batch.buffer.copy(out, 0, batch.position, batch.position + BATCH_HEADER_BYTES);
  out.set(payload, BATCH_HEADER_BYTES);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, 8);
  writeChecksum(out, 0);
  return out;
}

/** Of a non-negative number. */
function zigzag(value: number): number {
  return value * 2;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarint(into: Buffer, position: number, value: number): number {
  let at = position;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 0x80;
  into[at++] = rest;
  return at;
}
