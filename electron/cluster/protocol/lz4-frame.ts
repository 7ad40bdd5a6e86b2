/**
 * LZ4 frames with a size limit. The codec decompresses a frame whatever its size; a small hostile one can expand to 255 times its length. So
 * where that exceeds the limit, the tokens are read first: they give the exact size without producing a byte. Unusual frames are read too.
 * Source: LZ4 frame and block format descriptions, version 1.6.
 */
import { DecompressedSizeError } from './decompressed-size.ts';
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';

const FRAME_MAGIC = 0x184d2204;
const UNCOMPRESSED_BLOCK = 0x8000_0000;

/** Bytes of output for each byte of a block, at most: each byte of a length adds up to 255. */
const MAX_EXPANSION = 255;
/** The checksum of a header without options, by the byte that gives the largest block; the flags are version 1 and independent blocks. */
const PLAIN_FLAGS = 0x60;
const PLAIN_HEADER_BYTES = 7;
const PLAIN_HEADERS: ReadonlyMap<number, { checksum: number; maxBlockBytes: number }> = new Map([
  [0x40, { checksum: 0x82, maxBlockBytes: 64 * 1024 }],
  [0x50, { checksum: 0xfb, maxBlockBytes: 256 * 1024 }],
  [0x60, { checksum: 0x51, maxBlockBytes: 1024 * 1024 }],
  [0x70, { checksum: 0x73, maxBlockBytes: 4 * 1024 * 1024 }],
]);

export interface Lz4Codec {
  decompressFrameSync(frame: Buffer): Buffer;
  /** Takes a block behind its uncompressed size (little endian, at least) and throws where it needs more. */
  uncompressSync(sizeAndBlock: Buffer): Buffer;
}

/** Throws KafkaError CORRUPT_MESSAGE, or what the codec throws, when the frame is malformed; a DecompressedSizeError above `maxBytes`. */
export function decompressLz4Frame(frame: Buffer, maxBytes: number, codec: Lz4Codec): Buffer {
  if (frame.length * MAX_EXPANSION > maxBytes) lz4FrameContentSize(frame, maxBytes);
  const content = decompressPlain(frame, codec);
  if (content !== undefined) return content;
  // The codec accepts a frame whose end mark is cut off.
  lz4FrameContentSize(frame, maxBytes);
  return codec.decompressFrameSync(frame);
}

/**
 * The content of a frame as Java's producer and librdkafka write it, block by block; undefined for any other frame. The codec returns a whole frame
 * in one large external buffer, and for each of these the garbage collector runs: a batch of 1 MB takes four times as long (measured).
 */
function decompressPlain(frame: Buffer, codec: Lz4Codec): Buffer | undefined {
  if (frame.length < PLAIN_HEADER_BYTES || frame.readUInt32LE(0) !== FRAME_MAGIC || frame[4] !== PLAIN_FLAGS) return undefined;
  const header = PLAIN_HEADERS.get(frame[5] as number);
  if (header === undefined || header.checksum !== frame[6]) return undefined;
  const contents: Buffer[] = [];
  for (let at = PLAIN_HEADER_BYTES; frame.length - at >= 4;) {
    const word = frame.readUInt32LE(at);
    at += 4;
    if (word === 0) return at === frame.length ? Buffer.concat(contents) : undefined;
    const size = word % UNCOMPRESSED_BLOCK;
    if (size > frame.length - at || size > header.maxBlockBytes) return undefined;
    const block = frame.subarray(at, at + size);
    contents.push(word >= UNCOMPRESSED_BLOCK ? block : decompressBlock(block, header.maxBlockBytes, codec));
    at += size;
  }
  return undefined;
}

function decompressBlock(block: Buffer, maxBytes: number, codec: Lz4Codec): Buffer {
  const sized = Buffer.allocUnsafe(4 + block.length);
  sized.writeUInt32LE(Math.min(maxBytes, block.length * MAX_EXPANSION));
  sized.set(block, 4);
  return codec.uncompressSync(sized);
}

/** Uncompressed size of the first frame in `frame`. */
export function lz4FrameContentSize(frame: Buffer, maxBytes: number): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== FRAME_MAGIC) throw corrupt('it does not open with a frame header');
  const flags = frame[4] as number;
  const blockChecksums = (flags & 0x10) !== 0;
  const contentSize = (flags & 0x08) !== 0;
  const dictionary = (flags & 0x01) !== 0;
  let at = 6 + (contentSize ? 8 : 0) + (dictionary ? 4 : 0) + 1;
  let total = 0;
  for (;;) {
    if (at + 4 > frame.length) throw corrupt('a block size is cut off');
    const word = frame.readUInt32LE(at);
    at += 4;
    if (word === 0) return total;
    const size = word & ~UNCOMPRESSED_BLOCK;
    if (size > frame.length - at) throw corrupt(`a block of ${size} bytes in ${frame.length - at}`);
    total += word >= UNCOMPRESSED_BLOCK ? size : blockContentSize(frame, at, at + size);
    if (total > maxBytes) throw new DecompressedSizeError('lz4', `more than the ${maxBytes} bytes allowed`);
    at += size + (blockChecksums ? 4 : 0);
  }
}

function blockContentSize(block: Buffer, start: number, end: number): number {
  let at = start;
  let total = 0;
  const extended = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      for (;;) {
        if (at >= end) throw corrupt('a length is cut off');
        const byte = block[at++] as number;
        length += byte;
        if (byte !== 255) break;
      }
    }
    return length;
  };
  while (at < end) {
    const token = block[at++] as number;
    const literals = extended(token >> 4);
    if (literals > end - at) throw corrupt('literals are cut off');
    at += literals;
    total += literals;
    // The last sequence is literals alone.
    if (at === end) return total;
    at += 2;
    if (at > end) throw corrupt('a match offset is cut off');
    total += extended(token & 0x0f) + 4;
  }
  return total;
}

function corrupt(what: string): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `lz4 payload: ${what}`);
}
