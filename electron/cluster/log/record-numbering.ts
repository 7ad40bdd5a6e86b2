/** Corrects offset deltas to 0, 1, 2 …, as Apache Kafka does instead of refusing the batch. */
import { RecordCursor } from '../protocol/record-cursor.ts';

/** A varint of an int32 has at most 5 bytes; both the length and the delta may need more bytes than before. */
const MOST_GROWTH_BYTES = 8;

/** The first `count` of the uncompressed `records`, numbered. */
export function numberRecords(records: Buffer, count: number): Buffer {
  const numbered = Buffer.allocUnsafe(records.length + count * MOST_GROWTH_BYTES);
  const cursor = new RecordCursor(records);
  let at = 0;
  for (let index = 0; index < count; index++) {
    cursor.next();
    const delta = zigzag(index);
    const length = cursor.offsetDeltaAt - cursor.bodyAt + varintBytes(delta) + (cursor.position - cursor.keyAt);
    at = writeVarint(numbered, at, zigzag(length));
    at += records.copy(numbered, at, cursor.bodyAt, cursor.offsetDeltaAt);
    at = writeVarint(numbered, at, delta);
    at += records.copy(numbered, at, cursor.keyAt, cursor.position);
  }
  return numbered.subarray(0, at);
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
