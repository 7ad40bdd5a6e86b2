import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';

const FIRST_CHUNK = 512;
/** Of what is not records or other large bytes: an answer must not take more memory than a node has for all of them. */
const MAX_BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * Writes the primitive types of the Kafka protocol into a list of chunks. Small values go into a growing buffer; large
 * byte fields that the caller already holds (record batches above all) are put in the list as they are, so that a fetch
 * response leaves the process by one vectored write without its records ever being copied.
 */
export class Writer {
  private readonly chunks: Uint8Array[] = [];
  private buffer: Buffer;
  /** Start of what is in `buffer` but not yet in `chunks`. */
  private start = 0;
  private position = 0;
  private flushed = 0;

  constructor(sizeHint = FIRST_CHUNK) {
    this.buffer = Buffer.allocUnsafe(sizeHint);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.flushed + this.position - this.start;
  }

  private reserve(size: number): number {
    const at = this.position;
    if (at + size > this.buffer.length) {
      const pending = at - this.start;
      if (pending + size > MAX_BUFFER_BYTES) {
        throw new KafkaError(ErrorCode.INVALID_REQUEST, 'The message is larger than 64 MiB without its records; request less at once.');
      }
      const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, pending + size));
      this.buffer.copy(grown, 0, this.start, at);
      this.buffer = grown;
      this.start = 0;
      this.position = pending + size;
      return pending;
    }
    this.position = at + size;
    return at;
  }

  bool(value: boolean): void {
    const at = this.reserve(1);
    this.buffer[at] = value ? 1 : 0;
  }
  int8(value: number): void {
    const at = this.reserve(1);
    this.buffer.writeInt8(value, at);
  }
  int16(value: number): void {
    const at = this.reserve(2);
    this.buffer.writeInt16BE(value, at);
  }
  uint16(value: number): void {
    const at = this.reserve(2);
    this.buffer.writeUInt16BE(value, at);
  }
  int32(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeInt32BE(value, at);
  }
  uint32(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32BE(value, at);
  }
  int64(value: bigint): void {
    const at = this.reserve(8);
    this.buffer.writeBigInt64BE(value, at);
  }
  float64(value: number): void {
    const at = this.reserve(8);
    this.buffer.writeDoubleBE(value, at);
  }
  uuid(value: string): void {
    const at = this.reserve(16);
    if (this.buffer.write(value, at, 16, 'base64url') !== 16) throw new TypeError(`not a UUID in Kafka's form: ${value}`);
  }

  uvarint(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }
  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31));
  }
  varlong(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }
  private byte(value: number): void {
    // First the place, then the buffer: reserving may have replaced it.
    const at = this.reserve(1);
    this.buffer[at] = value;
  }

  string(value: string): void {
    const size = Buffer.byteLength(value);
    this.int16(size);
    this.text(value, size);
  }
  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }
  compactString(value: string): void {
    const size = Buffer.byteLength(value);
    this.uvarint(size + 1);
    this.text(value, size);
  }
  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0);
    else this.compactString(value);
  }
  private text(value: string, size: number): void {
    const at = this.reserve(size);
    this.buffer.write(value, at, size, 'utf8');
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }
  nullableBytes(value: Uint8Array | null): void {
    if (value === null) this.int32(-1);
    else this.bytes(value);
  }
  compactBytes(value: Uint8Array): void {
    this.uvarint(value.length + 1);
    this.raw(value);
  }
  compactNullableBytes(value: Uint8Array | null): void {
    if (value === null) this.uvarint(0);
    else this.compactBytes(value);
  }
  /** Copies small byte strings, refers to large ones. */
  raw(value: Uint8Array): void {
    if (value.length > FIRST_CHUNK) {
      this.external(value);
    } else {
      const at = this.reserve(value.length);
      this.buffer.set(value, at);
    }
  }

  records(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.int32(-1);
    else {
      this.int32(recordsSize(value));
      this.externals(value);
    }
  }
  compactRecords(value: Uint8Array | readonly Uint8Array[] | null): void {
    if (value === null) this.uvarint(0);
    else {
      this.uvarint(recordsSize(value) + 1);
      this.externals(value);
    }
  }
  private externals(value: Uint8Array | readonly Uint8Array[]): void {
    if (value instanceof Uint8Array) this.raw(value);
    else for (const chunk of value) this.raw(chunk);
  }
  private external(value: Uint8Array): void {
    this.flush();
    this.chunks.push(value);
    this.flushed += value.length;
  }
  private flush(): void {
    if (this.position > this.start) {
      this.chunks.push(this.buffer.subarray(this.start, this.position));
      this.flushed += this.position - this.start;
      this.start = this.position;
    }
  }

  arrayLength(length: number): void {
    this.int32(length);
  }
  compactArrayLength(length: number): void {
    this.uvarint(length + 1);
  }
  /** An empty tagged-field section. */
  noTags(): void {
    this.uvarint(0);
  }

  /** The chunks in order. The writer must not be used afterwards. */
  finish(): Uint8Array[] {
    this.flush();
    return this.chunks;
  }
  /** Everything in one buffer. */
  finishBuffer(): Buffer {
    const chunks = this.finish();
    const [only] = chunks;
    if (chunks.length === 1 && Buffer.isBuffer(only)) return only;
    return Buffer.concat(chunks);
  }
}

function recordsSize(value: Uint8Array | readonly Uint8Array[]): number {
  if (value instanceof Uint8Array) return value.length;
  let size = 0;
  for (const chunk of value) size += chunk.length;
  return size;
}
