/** The codec in which a client's batch is stored, and a batch built again where it differs from the producer's (`compression.type`, KIP-390). */
import { compress, COMPRESSION_NAMES, type CompressionName } from '../protocol/compression.ts';
import {
  ATTRIBUTES_AT,
  BATCH_HEADER_BYTES,
  type BatchView,
  CODEC_MASK,
  LOG_OVERHEAD_BYTES,
  writeChecksum,
} from '../protocol/record-batch.ts';
import type { LogConfig } from './log-config.ts';

type Settings = Pick<LogConfig, 'compressionType' | 'compressionLevel'>;

/** Only the codec counts: a batch of the same codec and another level is stored as it is, as in Apache Kafka. */
export function storedCodec({ compressionType }: Settings, producer: CompressionName): CompressionName {
  return compressionType === 'producer' ? producer : compressionType;
}

/** A copy of the header of `batch` with `records`, which are uncompressed, in `codec`. Throws UNSUPPORTED_COMPRESSION_TYPE. */
export function rebuildBatch(
  batch: BatchView,
  records: Buffer,
  codec: CompressionName,
  { compressionType, compressionLevel }: Settings,
): Buffer {
  const payload = compress(codec, records, codec === compressionType ? compressionLevel : undefined);
  const out = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length);
  batch.buffer.copy(out, 0, batch.position, batch.position + BATCH_HEADER_BYTES);
  out.set(payload, BATCH_HEADER_BYTES);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, 8);
  out.writeInt16BE((batch.attributes & ~CODEC_MASK) | COMPRESSION_NAMES.indexOf(codec), ATTRIBUTES_AT);
  writeChecksum(out, 0);
  return out;
}
