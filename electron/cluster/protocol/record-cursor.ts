/**
 * One walk over the uncompressed records of a batch of format 2. It allocates nothing per record, so that a leader can afford to look at every
 * record that it appends. Source: Apache Kafka documentation, "Record"; varints as in Protocol Buffers, zigzag encoded.
 */
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';

/** Length, attributes, timestamp delta, offset delta, key length, value length and header count, one byte each. */
export const MIN_RECORD_BYTES = 7;

export class RecordCursor {
  readonly bytes: Buffer;
  /** Where the next record begins. */
  position = 0;
  /** Of the current record in the batch, from 0; −1 before the first. */
  index = -1;
  /** Where the current record's attributes, its offset delta and what follows the offset delta begin. */
  bodyAt = 0;
  offsetDeltaAt = 0;
  keyAt = 0;
  offsetDelta = 0;
  hasKey = false;
  /** Milliseconds; exact unless `wideDelta` is set. */
  timestampDelta = 0;
  /** A timestamp delta that needs more than 49 bits. */
  wideDelta: bigint | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.position === this.bytes.length;
  }

  /** Reads the next record. Throws KafkaError INVALID_RECORD where the bytes are not a record. */
  next(): void {
    this.index++;
    const length = this.varint();
    const start = this.position;
    const end = start + length;
    if (length < 0 || end > this.bytes.length) throw this.invalid(`has a length of ${length} in ${this.bytes.length - start} bytes`);
    this.bodyAt = start;
    this.position = start + 1;
    this.readTimestampDelta();
    this.offsetDeltaAt = this.position;
    this.offsetDelta = this.varint();
    this.keyAt = this.position;
    const keyLength = this.varint();
    this.hasKey = keyLength >= 0;
    // Any negative length means null, as in Apache Kafka.
    if (keyLength > 0) this.position += keyLength;
    const valueLength = this.varint();
    if (valueLength > 0) this.position += valueLength;
    const headers = this.varint();
    if (headers !== 0) this.skipHeaders(headers, end);
    if (this.position !== end) throw this.invalid(`has a length of ${length}, its fields ${this.position - start}`);
  }

  private skipHeaders(count: number, end: number): void {
    if (count < 0 || count > end - this.position) throw this.invalid(`has ${count} headers`);
    for (let i = 0; i < count; i++) {
      const nameLength = this.varint();
      if (nameLength < 0) throw this.invalid(`has a header name of length ${nameLength}`);
      this.position += nameLength;
      const valueLength = this.varint();
      if (valueLength > 0) this.position += valueLength;
    }
  }

  private byte(): number {
    const byte = this.bytes[this.position++];
    if (byte === undefined) throw this.invalid('is cut off');
    return byte;
  }

  private varint(): number {
    let raw = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    throw this.invalid('has a varint of more than 5 bytes');
  }

  private readTimestampDelta(): void {
    this.wideDelta = undefined;
    let raw = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.timestampDelta = (raw >>> 1) ^ -(raw & 1);
        return;
      }
    }
    // Up to 49 bits are exact in a double.
    let scale = 2 ** 28;
    for (let i = 0; i < 3; i++) {
      const byte = this.byte();
      raw += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        this.timestampDelta = raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
        return;
      }
    }
    let wide = BigInt(raw);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      wide |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const bits = BigInt.asUintN(64, wide);
        this.wideDelta = BigInt.asIntN(64, (bits >> 1n) ^ -(bits & 1n));
        return;
      }
    }
    throw this.invalid('has a varint of more than 10 bytes');
  }

  /** The current record's timestamp; `base`: the batch's. */
  timestamp(base: bigint): bigint {
    return BigInt.asIntN(64, base + (this.wideDelta ?? BigInt(this.timestampDelta)));
  }

  private invalid(what: string): KafkaError {
    return new KafkaError(ErrorCode.INVALID_RECORD, `Record ${this.index} of the batch ${what}.`);
  }
}
