import { ProtocolError } from './errors.ts';

/** What a decoded array element or tagged field is taken to cost in memory: an object, its fields, its place in the array. */
const ELEMENT_BYTES = 128;

/** Longer strings count by themselves; shorter ones are part of what an element is taken to cost. */
const SHORT_STRING_BYTES = 256;

/**
 * Reads the primitive types of the Kafka protocol from one frame. Every read is bounds-checked and no length that a
 * peer states is trusted before it is compared with what is left, so that a short hostile frame cannot make us allocate.
 * Byte fields are views of the frame, not copies.
 */
export class Reader {
  readonly buffer: Buffer;
  position: number;
  readonly end: number;
  /** Memory that arrays, strings and tags may still take when they are decoded; a request has a limit, a log does not. */
  decodeBudgetBytes = Number.POSITIVE_INFINITY;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Advances by `size` and returns where it was. */
  private take(size: number): number {
    const at = this.position;
    if (size < 0 || size > this.end - at) throw new ProtocolError(`${size} bytes wanted, ${this.end - at} left`);
    this.position = at + size;
    return at;
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0;
  }
  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }
  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }
  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }
  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }
  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }
  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8));
  }
  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }
  uuid(): string {
    const at = this.take(16);
    return this.buffer.toString('base64url', at, at + 16);
  }

  /** Unsigned varint of at most 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new ProtocolError('varint longer than 5 bytes');
  }
  /** Zigzag varint of at most 32 bits. */
  varint(): number {
    const raw = this.uvarint();
    return (raw >>> 1) ^ -(raw & 1);
  }
  /** Zigzag varint of at most 64 bits. */
  varlong(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.buffer[this.take(1)] as number;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.buffer[this.take(1)] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new ProtocolError('varlong longer than 10 bytes');
  }

  string(): string {
    return this.text(this.int16());
  }
  nullableString(): string | null {
    const size = this.int16();
    return size < 0 ? null : this.text(size);
  }
  compactString(): string {
    return this.text(this.uvarint() - 1);
  }
  compactNullableString(): string | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.text(size);
  }
  private text(size: number): string {
    if (size < 0) throw new ProtocolError('null where a string is required');
    if (size > SHORT_STRING_BYTES) this.spend(size);
    const at = this.take(size);
    return this.buffer.toString('utf8', at, at + size);
  }

  bytes(): Buffer {
    return this.raw(this.int32());
  }
  nullableBytes(): Buffer | null {
    const size = this.int32();
    return size < 0 ? null : this.raw(size);
  }
  compactBytes(): Buffer {
    return this.raw(this.uvarint() - 1);
  }
  compactNullableBytes(): Buffer | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.raw(size);
  }
  /** A view of the next `size` bytes. */
  raw(size: number): Buffer {
    if (size < 0) throw new ProtocolError('null where bytes are required');
    const at = this.take(size);
    return this.buffer.subarray(at, at + size);
  }

  /** Number of elements, −1 for a null array. */
  arrayLength(): number {
    return this.checkedLength(this.int32());
  }
  compactArrayLength(): number {
    return this.checkedLength(this.uvarint() - 1);
  }
  private checkedLength(length: number): number {
    // Every element takes at least one byte, so a longer array cannot be in this frame.
    if (length > this.remaining) throw new ProtocolError(`array of ${length} in ${this.remaining} bytes`);
    if (length <= 0) return length < 0 ? -1 : 0;
    this.spend(length * ELEMENT_BYTES);
    return length;
  }

  /** Takes from the decode budget; throws `ProtocolError` where the message would take more memory than it may. */
  private spend(bytes: number): void {
    this.decodeBudgetBytes -= bytes;
    if (this.decodeBudgetBytes < 0) throw new ProtocolError('the message has more elements than one request may have; send several');
  }

  /** Number of tagged fields. */
  tagCount(): number {
    const count = this.uvarint();
    // A tagged field takes at least two bytes.
    if (count > this.remaining) throw new ProtocolError(`${count} tagged fields in ${this.remaining} bytes`);
    if (count > 0) this.spend(count * ELEMENT_BYTES);
    return count;
  }

  /** Skips a tagged-field section. */
  skipTags(): void {
    for (let n = this.tagCount(); n > 0; n--) {
      this.uvarint();
      this.take(this.uvarint());
    }
  }
}
