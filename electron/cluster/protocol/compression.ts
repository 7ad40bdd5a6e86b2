/**
 * The codecs of record batches: attribute bits 0–2. Everything is synchronous: a batch is a few hundred kilobytes at most. The leader
 * decompresses each batch of a client once; followers and consumers' fetches never do.
 */
import * as zlib from 'node:zlib';
import { DecompressedSizeError } from './decompressed-size.ts';
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';
import { contentSizeHint } from './content-size-hint.ts';
import { decompressLz4Frame, type Lz4Codec } from './lz4-frame.ts';
import { loadNative } from './native-module.ts';
import { compressSnappy, decompressSnappy } from './snappy-framing.ts';

export { DecompressedSizeError };

export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** By the number in the attributes. */
export const COMPRESSION_NAMES: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const lz4 = loadNative<Lz4Codec & { compressFrameSync(data: Uint8Array): Buffer }>('lz4-napi');

/** Name for an attribute number; throws UNSUPPORTED_COMPRESSION_TYPE for 5 to 7. */
export function compressionName(id: number): CompressionName {
  const name = COMPRESSION_NAMES[id];
  if (name === undefined) throw new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `compression type ${id} is not known`);
  return name;
}

/**
 * `level` is that of gzip (−1, 1–9) and zstd (−131072–22), as zlib counts it; snappy has none, and the lz4 encoder has one level. Throws
 * UNSUPPORTED_COMPRESSION_TYPE where the runtime lacks the codec.
 */
export function compress(codec: CompressionName, bytes: Uint8Array, level?: number): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return level === undefined ? zlib.gzipSync(bytes) : zlib.gzipSync(bytes, { level });
    case 'snappy':
      return compressSnappy(bytes);
    case 'lz4':
      return lz4Module().compressFrameSync(asBuffer(bytes));
    case 'zstd':
      if (typeof zlib.zstdCompressSync !== 'function') throw missing('zstd', undefined);
      if (level === undefined) return zlib.zstdCompressSync(bytes);
      return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } });
  }
}

/**
 * Throws UNSUPPORTED_COMPRESSION_TYPE where the runtime lacks the codec, CORRUPT_MESSAGE when the bytes are not what the
 * codec says, and as a DecompressedSizeError where they would grow beyond `maxBytes`.
 */
export function decompress(codec: CompressionName, bytes: Uint8Array, maxBytes: number): Buffer {
  if (codec === 'none') return asBuffer(bytes);
  const unavailable = unavailableReason(codec);
  if (unavailable !== undefined) throw missing(codec, unavailable);
  try {
    switch (codec) {
      case 'gzip':
        return zlib.gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize: contentSizeHint('gzip', bytes, maxBytes) });
      case 'snappy':
        return decompressSnappy(asBuffer(bytes), maxBytes);
      case 'lz4':
        return decompressLz4Frame(asBuffer(bytes), maxBytes, lz4Module());
      case 'zstd':
        return decompressZstd(bytes, maxBytes);
    }
  } catch (cause) {
    if (cause instanceof KafkaError) throw cause;
    if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecompressedSizeError(codec, `${bytes.length} bytes hold more than ${maxBytes} bytes uncompressed`);
    }
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `${codec} payload of ${bytes.length} bytes cannot be decompressed`, { cause });
  }
}

/** All frames of a payload. zlib stops after the first one and passes over what follows; what follows must be another frame. */
function decompressZstd(bytes: Uint8Array, maxBytes: number): Buffer {
  const frames: Buffer[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length || at === 0;) {
    const rest = bytes.subarray(at);
    const maxOutputLength = Math.max(1, maxBytes - total);
    const chunkSize = contentSizeHint('zstd', rest, maxOutputLength);
    const frame = zlib.zstdDecompressSync(rest, { maxOutputLength, chunkSize, info: true }) as unknown;
    const { buffer, engine } = frame as { buffer: Buffer; engine: { bytesWritten: number } };
    if (engine.bytesWritten <= 0) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `zstd payload: ${bytes.length - at} bytes are no frame`);
    total += buffer.length;
    frames.push(buffer);
    at += engine.bytesWritten;
  }
  const [only] = frames;
  return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames);
}

function unavailableReason(codec: CompressionName): unknown {
  if (codec === 'zstd' && typeof zlib.zstdDecompressSync !== 'function') return new Error('zlib of this runtime has no zstd');
  if (codec === 'lz4' && lz4.module === undefined) return lz4.error;
  return undefined;
}

function lz4Module(): NonNullable<typeof lz4.module> {
  if (lz4.module === undefined) throw missing('lz4', lz4.error);
  return lz4.module;
}

function missing(codec: CompressionName, cause: unknown): KafkaError {
  return new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `${codec} is not available in this runtime`, { cause });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
