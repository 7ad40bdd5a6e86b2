import { ErrorCode } from './error-codes.ts';
import { decompress, compressionName } from './compression.ts';
import { KafkaError } from './kafka-error.ts';
import type { BatchView } from './record-batch.ts';

export interface DecodedRecord {
  offset: bigint;
  /** Milliseconds since the epoch; −1 for none. */
  timestamp: bigint;
  /** Key, value and header values are views of the (decompressed) batch. */
  key: Buffer | null;
  value: Buffer | null;
  headers: [key: string, value: Buffer | null][];
}

/**
 * The records of a batch, decompressed, in order. Offsets are the stored ones: after compaction they have holes.
 * Throws KafkaError CORRUPT_MESSAGE for bytes that are not records or more than `maxBytes` of them, and
 * UNSUPPORTED_COMPRESSION_TYPE where the runtime lacks the codec.
 */
export function* decodeRecords(view: BatchView, maxBytes: number): Generator<DecodedRecord, void, undefined> {
  const { baseOffset, baseTimestamp, recordCount } = view;
  const appendTime = view.timestampType === 'logAppendTime' ? view.maxTimestamp : undefined;
  const cursor = new FieldReader(decompress(compressionName(view.compressionId), view.payload, maxBytes));
  for (let i = 0; i < recordCount; i++) {
    const length = cursor.varint();
    const end = cursor.position + length;
    if (length < 0 || end > cursor.bytes.length)
      throw corrupt(`record ${i} of ${length} bytes in ${cursor.bytes.length - cursor.position}`);
    cursor.skip(1);
    const timestampDelta = cursor.varlong();
    const offsetDelta = cursor.varint();
    const key = cursor.slice(cursor.varint());
    const value = cursor.slice(cursor.varint());
    const headers: DecodedRecord['headers'] = [];
    const headerCount = cursor.varint();
    if (headerCount < 0 || headerCount > end - cursor.position) throw corrupt(`record ${i} has ${headerCount} headers`);
    for (let h = 0; h < headerCount; h++) {
      const name = cursor.slice(cursor.varint());
      if (name === null) throw corrupt(`record ${i} has a header without a key`);
      headers.push([name.toString('utf8'), cursor.slice(cursor.varint())]);
    }
    if (cursor.position !== end) throw corrupt(`record ${i} says ${length} bytes and has ${length + cursor.position - end}`);
    yield {
      offset: baseOffset + BigInt(offsetDelta),
      timestamp: appendTime ?? addDelta(baseTimestamp, timestampDelta),
      key,
      value,
      headers,
    };
  }
}

function addDelta(base: bigint, delta: bigint): bigint {
  return BigInt.asIntN(64, base + delta);
}

function corrupt(what: string): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `record batch: ${what}`);
}

/** Reads the fields of a record where they lie. Throws KafkaError CORRUPT_MESSAGE at the end of the bytes. */
export class FieldReader {
  readonly bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  private next(): number {
    const byte = this.bytes[this.position++];
    if (byte === undefined) throw corrupt('it ends inside a record');
    return byte;
  }
  skip(count: number): void {
    this.position += count;
  }
  varint(): number {
    let raw = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.next();
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    throw corrupt('a varint is longer than 5 bytes');
  }
  varlong(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.next();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.next();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw corrupt('a varint is longer than 10 bytes');
  }
  /** A view of the next `length` bytes; null for any negative length, as in Apache Kafka. */
  slice(length: number): Buffer | null {
    if (length < 0) return null;
    const start = this.position;
    if (length > this.bytes.length - start) throw corrupt(`${length} bytes wanted, ${this.bytes.length - start} left`);
    this.position = start + length;
    return this.bytes.subarray(start, this.position);
  }
}
