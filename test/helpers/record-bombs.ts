/** Record batches that are small on the wire and large when decoded. */
import { compress, COMPRESSION_NAMES, type CompressionName } from '../../electron/cluster/protocol/compression.ts';
import { crc32c } from '../../electron/cluster/protocol/crc32c.ts';
import { BATCH_HEADER_BYTES, LOG_OVERHEAD_BYTES } from '../../electron/cluster/protocol/record-batch.ts';

/** Length 6, attributes, timestamp and offset 0, no key, no value, no headers. */
const SMALLEST_RECORD = Buffer.from([12, 0, 0, 0, 1, 1, 0]);

/** `count` records of 7 bytes, all of them at the batch's first offset. A broker that checks offsets refuses it. */
export function smallestRecords(count: number): Buffer {
  return Buffer.alloc(count * SMALLEST_RECORD.length, SMALLEST_RECORD);
}

/** `count` records of 7 to 10 bytes at offsets that follow each other. */
export function consecutiveRecords(count: number): Buffer {
  const out = Buffer.alloc(count * 10);
  let at = 0;
  for (let delta = 0; delta < count; delta++) {
    const zigzag = delta * 2;
    const bytes = zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : 4;
    out[at++] = (5 + bytes) * 2;
    at += 2;
    for (let left = zigzag; ; left >>>= 7) {
      out[at++] = left < 0x80 ? left : (left & 0x7f) | 0x80;
      if (left < 0x80) break;
    }
    out[at++] = 1;
    out[at++] = 1;
    at++;
  }
  return out.subarray(0, at);
}

/** A batch around any payload, with a checksum that is right. */
export function batchAround(payload: Uint8Array, records: number, compression: CompressionName = 'none', baseOffset = 0n): Buffer {
  const stored = compress(compression, payload);
  const out = Buffer.alloc(BATCH_HEADER_BYTES + stored.length);
  out.writeBigInt64BE(baseOffset, 0);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, 8);
  out.writeInt8(2, 16);
  out.writeInt16BE(COMPRESSION_NAMES.indexOf(compression), 21);
  out.writeInt32BE(records - 1, 23);
  out.writeBigInt64BE(1_700_000_000_000n, 27);
  out.writeBigInt64BE(1_700_000_000_000n, 35);
  out.writeBigInt64BE(-1n, 43);
  out.writeInt16BE(-1, 51);
  out.writeInt32BE(-1, 53);
  out.writeInt32BE(records, 57);
  out.set(stored, BATCH_HEADER_BYTES);
  out.writeUInt32BE(crc32c(out.subarray(21)), 17);
  return out;
}
