/**
 * Snappy as Kafka carries it. Java clients frame it in xerial's format: magic, two int32 versions, then blocks of int32
 * length and raw snappy. librdkafka and some others put one raw snappy block. Both are read; what we write is xerial's, which
 * every client reads.
 */
import { DecompressedSizeError } from './decompressed-size.ts';
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';
import { loadNative } from './native-module.ts';

const snappy = loadNative<{
  compressSync(input: Uint8Array, options: { copyOutputData: true }): Buffer;
  uncompressSync(input: Uint8Array, options: { asBuffer: true; copyOutputData: true }): Buffer;
}>('snappy');

/** External buffers make the garbage collector run so often that a batch takes three times as long (measured). */
const COPY = { asBuffer: true, copyOutputData: true } as const;

/** 0x82 "SNAPPY" 0, version 1, oldest compatible version 1. */
const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const XERIAL_MAGIC_BYTES = 8;
/** What Java's SnappyOutputStream puts in a block. */
const XERIAL_BLOCK_BYTES = 32 * 1024;

export function compressSnappy(bytes: Uint8Array): Buffer {
  const codec = snappyModule();
  const chunks: Uint8Array[] = [XERIAL_HEADER];
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const block = codec.compressSync(bytes.subarray(at, at + XERIAL_BLOCK_BYTES), COPY);
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    chunks.push(length, block);
  }
  return Buffer.concat(chunks);
}

/** Throws KafkaError CORRUPT_MESSAGE for bytes of another form or more than `maxBytes` of output. */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  const codec = snappyModule();
  const framed = bytes.length >= XERIAL_HEADER.length && bytes.compare(XERIAL_HEADER, 0, XERIAL_MAGIC_BYTES, 0, XERIAL_MAGIC_BYTES) === 0;
  if (!framed) {
    checkBudget(snappyLength(bytes), maxBytes);
    return codec.uncompressSync(bytes, COPY);
  }
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER.length; at < bytes.length;) {
    if (at + 4 > bytes.length) throw corrupt('a block length is cut off');
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length <= 0 || length > bytes.length - at) throw corrupt(`a block of ${length} bytes in ${bytes.length - at}`);
    const block = bytes.subarray(at, at + length);
    total += snappyLength(block);
    checkBudget(total, maxBytes);
    blocks.push(codec.uncompressSync(block, COPY));
    at += length;
  }
  const [only] = blocks;
  return blocks.length === 1 && only !== undefined ? only : Buffer.concat(blocks);
}

/** A raw snappy block opens with its uncompressed length as a varint. */
function snappyLength(block: Buffer): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw corrupt('no length at the start of a block');
}

function checkBudget(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new DecompressedSizeError('snappy', `${bytes} bytes uncompressed, ${maxBytes} allowed`);
}

function corrupt(what: string): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `snappy payload: ${what}`);
}

function snappyModule(): NonNullable<typeof snappy.module> {
  if (snappy.module === undefined) {
    throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'snappy is not available in this runtime', { cause: snappy.error });
  }
  return snappy.module;
}
