/** Protocol codecs: the two hot messages and the largest common one; checksums and batch headers. */
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { crc32c, crc32cTable } from '../../electron/cluster/protocol/crc32c.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  FrameSplitter,
  readRequestHeader,
} from '../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../electron/cluster/protocol/reader.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { measure, type Figure } from './table.ts';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ';

export function benchCodecs(): Figure[] {
  const records = buildBatch({ records: Array.from({ length: 100 }, () => ({ timestamp: 1n, value: Buffer.alloc(100, 'x') })) });
  const produceFrame = frameOf(
    encodeRequest(
      produce,
      12,
      { correlationId: 1, clientId: 'bench' },
      {
        transactionalId: null,
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 'topic', partitionData: [{ index: 0, records }] }],
      },
    ),
  );
  const fetchBody = {
    errorCode: 0,
    responses: [
      {
        topicId: TOPIC_ID,
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 100n, abortedTransactions: null, records: [records, records] }],
      },
    ],
  };
  const fetchFrame = frameOf(encodeResponse(fetch, 17, 1, fetchBody));
  const metadataBody = {
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, host: '127.0.0.1', port: 9091 + nodeId })),
    errorCode: 0,
    topics: Array.from({ length: 100 }, (_, topic) => ({
      errorCode: 0,
      name: `topic-${topic}`,
      topicId: TOPIC_ID,
      partitions: Array.from({ length: 6 }, (_, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: 1,
        replicaNodes: [1, 2, 3],
        offlineReplicas: [],
        isrNodes: [1, 2, 3],
      })),
    })),
  };
  const metadataFrame = frameOf(encodeResponse(metadata, 12, 1, metadataBody));
  const large = Buffer.alloc(1_000_000, 7);
  const stream = Buffer.concat([Buffer.alloc(4), large]);
  stream.writeInt32BE(large.length);
  return [
    measure('Produce v12 request, decode', 'requests', 1, () => {
      const reader = new Reader(produceFrame);
      readRequestHeader(reader);
      decodeRequest(produce, 12, reader);
    }),
    measure('Fetch v17 response, encode', 'responses', 1, () => void encodeResponse(fetch, 17, 1, fetchBody)),
    measure('Fetch v17 response, decode', 'responses', 1, () => void decodeResponse(fetch, 17, fetchFrame)),
    measure('Metadata v12 of 600 partitions, encode', 'responses', 1, () => void encodeResponse(metadata, 12, 1, metadataBody)),
    measure('Metadata v12 of 600 partitions, decode', 'responses', 1, () => void decodeResponse(metadata, 12, metadataFrame)),
    measure('batch headers, iterate', 'batches', 1, () => {
      for (const batch of iterateBatches(records)) if (batch.lastOffset < 0n) throw new Error('a batch without records');
    }),
    measure('frames of 1 MB in chunks of 64 KiB', 'MB', 1, () => {
      const splitter = new FrameSplitter(2_000_000);
      for (let at = 0; at < stream.length; at += 65_536) splitter.push(stream.subarray(at, at + 65_536));
    }),
    measure('CRC-32C of 1 MB', 'MB', 1, () => void crc32c(large)),
    measure('CRC-32C of 1 MB without the native module', 'MB', 1, () => void crc32cTable(large)),
  ];
}

/** A frame without its length, as a splitter gives it. */
function frameOf(chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chunks).subarray(4);
}
