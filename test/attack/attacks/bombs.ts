/** Small batches that decompress to something large. */
import * as zlib from 'node:zlib';
import { compress, COMPRESSION_NAMES, type CompressionName } from '../../../electron/cluster/protocol/compression.ts';
import { crc32c } from '../../../electron/cluster/protocol/crc32c.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import type { Attack } from '../attack.ts';
import { requestBytes, sendAll } from '../wire.ts';

const CODECS: readonly CompressionName[] = ['gzip', 'zstd', 'snappy', 'lz4'];
/** As the validator counts them; gzip of these is below 100 KB. */
const PAYLOAD_BYTES = 64 * 1024 * 1024;

let batches: readonly Buffer[] = [];

export const bombs: Attack = {
  name: 'bombs',
  summary: 'batches of gzip, zstd, snappy and lz4 that hold 64 MiB of 7-byte records or of nothing, to a compacted and to a plain topic',
  prepare() {
    batches = CODECS.filter(available).flatMap((codec) => [bomb(codec, 'records'), bomb(codec, 'zeros')]);
  },
  async run(context) {
    const { sockets, bulk, compacted } = context;
    let sent = 0;
    for (const { topic, leaderPort } of [compacted, bulk]) {
      const socket = await sockets.connect(leaderPort);
      if (socket === undefined) continue;
      socket.resume();
      for (const records of batches) {
        if (context.over()) break;
        const request = requestBytes(produce, 7, {
          acks: 1,
          timeoutMs: 5_000,
          topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
        });
        const look = requestBytes(listOffsets, 5, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: BigInt(Date.now() + 60_000) }] }],
        });
        const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_048_576 }];
        const read = requestBytes(fetch, 11, { maxWaitMs: 0, minBytes: 0, maxBytes: 1_048_576, topics: [{ topic, partitions }] });
        await sendAll(socket, [request, look, read], 2_000);
        sent++;
      }
    }
    while (!context.over()) await new Promise((resolve) => setTimeout(resolve, 50));
    return `${sent} batches`;
  },
};

function available(codec: CompressionName): boolean {
  return codec !== 'zstd' || typeof zlib.zstdCompressSync === 'function';
}

/** The batch's header of one record, the payload of a bomb behind it, and the right checksum. */
function bomb(codec: CompressionName, kind: 'records' | 'zeros'): Buffer {
  const record = Buffer.from([12, 0, 0, 0, 1, 1, 0]);
  const size = codec === 'snappy' || codec === 'lz4' ? PAYLOAD_BYTES / 4 : PAYLOAD_BYTES;
  const payload = kind === 'records' ? Buffer.alloc(size - (size % record.length), record) : Buffer.alloc(size);
  const packed = compress(codec, payload);
  const batch = Buffer.concat([buildBatch({ records: [], timestamp: BigInt(Date.now()) }), packed]);
  const count = kind === 'records' ? payload.length / record.length : 1;
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(COMPRESSION_NAMES.indexOf(codec), 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}
