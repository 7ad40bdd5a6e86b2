/** Bytes written by hand from the protocol's grammar: a round trip alone would not detect an error that both directions share. */
import { describe, expect, test } from 'vitest';
import { apiVersions } from '../../../electron/cluster/protocol/apis/api-versions.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ';
const records = Buffer.from('aabbcc', 'hex');

function hex(text: string): string {
  return text.replaceAll(/\s/g, '');
}

interface Golden {
  name: string;
  api: Api;
  version: number;
  request: { hex: string; value: object };
  response: { hex: string; value: object };
}

const goldens: readonly Golden[] = [
  {
    name: 'ApiVersions v0',
    api: apiVersions,
    version: 0,
    request: { hex: '0012 0000 00000001 0001 63', value: {} },
    response: {
      hex: '00000001  0000  00000001 0012 0000 0004',
      value: { errorCode: 0, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] },
    },
  },
  {
    // The response is flexible and its header is not (KIP-511).
    name: 'ApiVersions v3',
    api: apiVersions,
    version: 3,
    request: {
      hex: '0012 0003 00000001 0001 63 00  05 6b636174  02 31  00',
      value: { clientSoftwareName: 'kcat', clientSoftwareVersion: '1' },
    },
    response: {
      hex: `00000001  0000  02 0012 0000 0004 00  00000000
        02  01 08 0000000000000005
            02 14 02 0e 67726f75702e76657273696f6e 0001 0001 00`,
      value: {
        errorCode: 0,
        apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
        finalizedFeaturesEpoch: 5n,
        finalizedFeatures: [{ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 }],
      },
    },
  },
  {
    name: 'Metadata v0',
    api: metadata,
    version: 0,
    request: { hex: '0003 0000 00000001 0001 63  00000001 0001 61', value: { topics: [{ name: 'a' }] } },
    response: {
      hex: `00000001  00000001 00000001 0001 68 00002384
        00000001 0000 0001 61
          00000001 0000 00000002 00000001 00000002 00000001 00000003 00000001 00000001`,
      value: {
        brokers: [{ nodeId: 1, host: 'h', port: 9092 }],
        topics: [
          {
            errorCode: 0,
            name: 'a',
            partitions: [{ errorCode: 0, partitionIndex: 2, leaderId: 1, replicaNodes: [1, 3], isrNodes: [1] }],
          },
        ],
      },
    },
  },
  {
    name: 'Metadata v9',
    api: metadata,
    version: 9,
    request: {
      hex: '0003 0009 00000001 0001 63 00  02 02 61 00  01 00 00  00',
      value: { topics: [{ name: 'a' }], allowAutoTopicCreation: true },
    },
    response: {
      hex: `00000001 00  00000000
        02 00000001 02 68 00002384 00 00
        02 63  00000001
        02 0000 02 61 00
           02 0000 00000002 00000001 00000003 03 00000001 00000003 02 00000001 02 00000003 00
           80000000 00
        80000000 00`,
      value: {
        brokers: [{ nodeId: 1, host: 'h', port: 9092, rack: null }],
        clusterId: 'c',
        controllerId: 1,
        topics: [
          {
            errorCode: 0,
            name: 'a',
            isInternal: false,
            partitions: [
              {
                errorCode: 0,
                partitionIndex: 2,
                leaderId: 1,
                leaderEpoch: 3,
                replicaNodes: [1, 3],
                isrNodes: [1],
                offlineReplicas: [3],
              },
            ],
          },
        ],
      },
    },
  },
  {
    name: 'Metadata v12',
    api: metadata,
    version: 12,
    request: {
      hex: '0003 000c 00000001 ffff 00  02 00000000000000000000000000000001 00 00  00 01  00',
      value: { topics: [{ topicId: TOPIC_ID, name: null }], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: true },
    },
    response: {
      hex: `00000001 00  00000000  01  00  ffffffff
        02 0064 00 00000000000000000000000000000001 00 01 80000000 00
        00`,
      value: {
        brokers: [],
        clusterId: null,
        controllerId: -1,
        topics: [{ errorCode: 100, name: null, topicId: TOPIC_ID, partitions: [] }],
      },
    },
  },
  {
    name: 'Produce v3',
    api: produce,
    version: 3,
    request: {
      hex: `0000 0003 00000001 0001 63
        ffff ffff 000003e8  00000001 0001 61 00000001 00000002 00000003 aabbcc`,
      value: {
        transactionalId: null,
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 'a', partitionData: [{ index: 2, records }] }],
      },
    },
    response: {
      hex: `00000001  00000001 0001 61 00000001 00000002 0000 0000000000000007 ffffffffffffffff  0000000a`,
      value: {
        responses: [{ name: 'a', partitionResponses: [{ index: 2, errorCode: 0, baseOffset: 7n, logAppendTimeMs: -1n }] }],
        throttleTimeMs: 10,
      },
    },
  },
  {
    name: 'Produce v9',
    api: produce,
    version: 9,
    request: {
      hex: `0000 0009 00000001 0001 63 00
        02 74 0001 000003e8  02 02 61 02 00000002 04 aabbcc 00 00 00`,
      value: { transactionalId: 't', acks: 1, timeoutMs: 1000, topicData: [{ name: 'a', partitionData: [{ index: 2, records }] }] },
    },
    response: {
      hex: `00000001 00
        02 02 61 02 00000002 0057 ffffffffffffffff ffffffffffffffff 0000000000000003 02 00000001 02 62 00 02 6d 00 00
        00000000 00`,
      value: {
        responses: [
          {
            name: 'a',
            partitionResponses: [
              {
                index: 2,
                errorCode: 87,
                baseOffset: -1n,
                logAppendTimeMs: -1n,
                logStartOffset: 3n,
                recordErrors: [{ batchIndex: 1, batchIndexErrorMessage: 'b' }],
                errorMessage: 'm',
              },
            ],
          },
        ],
      },
    },
  },
  {
    name: 'Fetch v4',
    api: fetch,
    version: 4,
    request: {
      hex: `0001 0004 00000001 0001 63
        ffffffff 000001f4 00000001 00100000 01
        00000001 0001 61 00000001 00000002 0000000000000005 00010000`,
      value: {
        replicaId: -1,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1048576,
        isolationLevel: 1,
        topics: [{ topic: 'a', partitions: [{ partition: 2, fetchOffset: 5n, partitionMaxBytes: 65536 }] }],
      },
    },
    response: {
      hex: `00000001  00000000
        00000001 0001 61 00000001 00000002 0000 0000000000000009 0000000000000008
          00000001 0000000000000fa0 0000000000000006  00000003 aabbcc`,
      value: {
        responses: [
          {
            topic: 'a',
            partitions: [
              {
                partitionIndex: 2,
                errorCode: 0,
                highWatermark: 9n,
                lastStableOffset: 8n,
                abortedTransactions: [{ producerId: 4000n, firstOffset: 6n }],
                records,
              },
            ],
          },
        ],
      },
    },
  },
  {
    // The cluster id is a tag of the request; the diverging epoch and the leader are tags of the partition.
    name: 'Fetch v12',
    api: fetch,
    version: 12,
    request: {
      hex: `0001 000c 00000001 0001 63 00
        00000003 000001f4 00000001 00100000 00  00000007 00000001
        02 02 61 02 00000002 00000004 0000000000000005 00000003 0000000000000000 00010000 00 00
        02 02 62 02 00000001 00
        03 6131
        01 00 02 02 63`,
      value: {
        clusterId: 'c',
        replicaId: 3,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1048576,
        isolationLevel: 0,
        sessionId: 7,
        sessionEpoch: 1,
        topics: [
          {
            topic: 'a',
            partitions: [
              {
                partition: 2,
                currentLeaderEpoch: 4,
                fetchOffset: 5n,
                lastFetchedEpoch: 3,
                logStartOffset: 0n,
                partitionMaxBytes: 65536,
              },
            ],
          },
        ],
        forgottenTopicsData: [{ topic: 'b', partitions: [1] }],
        rackId: 'a1',
      },
    },
    response: {
      hex: `00000001 00  00000000 0000 00000007
        02 02 61 02
          00000002 0000 0000000000000009 0000000000000008 0000000000000000 00 ffffffff 04 aabbcc
          02  00 0d 00000003 0000000000000004 00
              01 09 00000001 00000005 00
          00
        00`,
      value: {
        errorCode: 0,
        sessionId: 7,
        responses: [
          {
            topic: 'a',
            partitions: [
              {
                partitionIndex: 2,
                errorCode: 0,
                highWatermark: 9n,
                lastStableOffset: 8n,
                logStartOffset: 0n,
                abortedTransactions: null,
                records,
                divergingEpoch: { epoch: 3, endOffset: 4n },
                currentLeader: { leaderId: 1, leaderEpoch: 5 },
              },
            ],
          },
        ],
      },
    },
  },
];

describe.each(goldens.map((golden) => [golden.name, golden] as const))('%s', (_name, { api, version, request, response }) => {
  const requestBytes = Buffer.from(hex(request.hex), 'hex');
  const responseBytes = Buffer.from(hex(response.hex), 'hex');

  test('request', () => {
    const reader = new Reader(requestBytes);
    const header = readRequestHeader(reader);
    expect(header).toMatchObject({ apiKey: api.key, apiVersion: version, correlationId: 1 });
    expect(decodeRequest(api, version, reader)).toMatchObject(request.value);
    expect(reader.remaining).toBe(0);
    const frame = Buffer.concat(encodeRequest(api, version, header, request.value));
    expect(frame.readInt32BE(0)).toBe(requestBytes.length);
    expect(frame.subarray(4).toString('hex')).toBe(requestBytes.toString('hex'));
  });

  test('response', () => {
    const decoded = decodeResponse(api, version, responseBytes);
    expect(decoded.correlationId).toBe(1);
    expect(decoded.body).toMatchObject(response.value);
    const frame = Buffer.concat(encodeResponse(api, version, 1, response.value));
    expect(frame.readInt32BE(0)).toBe(responseBytes.length);
    expect(frame.subarray(4).toString('hex')).toBe(responseBytes.toString('hex'));
  });
});

test('records of a response are not copied', () => {
  const large = Buffer.alloc(10_000, 1);
  const chunks = encodeResponse(fetch, 4, 1, {
    responses: [
      {
        topic: 'a',
        topicId: TOPIC_ID,
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 0n, abortedTransactions: null, records: [large, large] }],
      },
    ],
    errorCode: 0,
  });
  expect(chunks.filter((chunk) => chunk === large)).toHaveLength(2);
});

test('refuses a null in a version without nullable field', () => {
  expect(() => encodeRequest(metadata, 0, { correlationId: 1, clientId: null }, { topics: null })).toThrow('cannot be null in version 0');
});
