/** The codec in which a client's batch is stored, and its recompression where that differs from the producer's (`compression.type`, KIP-390). */
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

interface LevelLimit {
  /** Uncompressed bytes of a batch. */
  readonly upToBytes: number;
  readonly level: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** A batch is compressed in one turn of the event loop: each limit keeps that below about a fifth of a second of processor time. */
const LEVEL_LIMITS: Partial<Record<CompressionName, { default: number; limits: readonly LevelLimit[] }>> = {
  gzip: {
    default: 6,
    limits: [
      { upToBytes: MIB, level: 9 },
      { upToBytes: 4 * MIB, level: 6 },
      { upToBytes: Infinity, level: 1 },
    ],
  },
  zstd: {
    default: 3,
    limits: [
      { upToBytes: 64 * KIB, level: 22 },
      { upToBytes: MIB, level: 12 },
      { upToBytes: Infinity, level: 3 },
    ],
  },
};
const GZIP_DEFAULT = -1;

/**
 * The level of `compression.gzip.level` or `compression.zstd.level` (KIP-390), lower for large batches: Apache Kafka compresses on one of many
 * threads, and a node here has one. Undefined: the codec's own default.
 */
export function levelFor(codec: CompressionName, level: number | undefined, sizeBytes: number): number | undefined {
  const known = LEVEL_LIMITS[codec];
  if (known === undefined) return level;
  const wanted = level === undefined || (codec === 'gzip' && level === GZIP_DEFAULT) ? known.default : level;
  const most = known.limits.find(({ upToBytes }) => sizeBytes <= upToBytes)?.level ?? wanted;
  return wanted > most ? most : level;
}

/** A copy of the header of `batch` with `records`, which are uncompressed, in `codec`. Throws UNSUPPORTED_COMPRESSION_TYPE. */
export function rebuildBatch(
  batch: BatchView,
  records: Buffer,
  codec: CompressionName,
  { compressionType, compressionLevel }: Settings,
): Buffer {
  const payload = compress(codec, records, levelFor(codec, codec === compressionType ? compressionLevel : undefined, records.length));
  const out = Buffer.allocUnsafe(BATCH_HEADER_BYTES + payload.length);
  batch.buffer.copy(out, 0, batch.position, batch.position + BATCH_HEADER_BYTES);
  out.set(payload, BATCH_HEADER_BYTES);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, 8);
  out.writeInt16BE((batch.attributes & ~CODEC_MASK) | COMPRESSION_NAMES.indexOf(codec), ATTRIBUTES_AT);
  writeChecksum(out, 0);
  return out;
}
