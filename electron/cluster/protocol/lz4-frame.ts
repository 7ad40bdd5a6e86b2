/**
 * The bound on LZ4 frames. The codec decompresses a frame whatever its size; a small hostile one can unfold to 255 times its
 * length. So the tokens are walked first, which tells the exact size without producing a byte.
 * Source: LZ4 frame and block format descriptions, version 1.6.
 */
import { DecompressedSizeError } from './decompressed-size.ts';
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';

const FRAME_MAGIC = 0x184d2204;
const UNCOMPRESSED_BLOCK = 0x8000_0000;

/** Throws KafkaError CORRUPT_MESSAGE when the frame is malformed or holds more than `maxBytes`. */
export function decompressLz4Frame(frame: Buffer, maxBytes: number, codec: (frame: Buffer) => Buffer): Buffer {
  lz4FrameContentSize(frame, maxBytes);
  return codec(frame);
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
