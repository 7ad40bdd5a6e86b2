import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { compress, COMPRESSION_NAMES, compressionName, decompress } from '../../../electron/cluster/protocol/compression.ts';
import { buildEndTransactionMarker, parseEndTransactionMarker } from '../../../electron/cluster/protocol/records/transaction-marker.ts';
import {
  addSequence,
  BatchView,
  iterateBatches,
  patchBatch,
  setLogAppendTime,
  verifyBatch,
} from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { GOLDEN_ABORT_MARKER, GOLDEN_BATCHES } from '../../fixtures/golden-batches.ts';

const text = (value: string): Buffer => Buffer.from(value);
const RECORDS = [
  {
    key: text('key'),
    value: text('value-value-value-value'),
    timestamp: 1700000000000n,
    headers: [
      ['h', text('x')],
      ['n', null],
    ] as [string, Buffer | null][],
  },
  { key: null, value: text('value-value-value-value'), timestamp: 1700000000005n, headers: [] },
  { key: text('k3'), value: null, timestamp: 1700000000003n, headers: [] },
];
const golden = (name: keyof typeof GOLDEN_BATCHES): Buffer => Buffer.from(GOLDEN_BATCHES[name], 'hex');
const MIB = 1 << 20;

describe('batches written by Apache Kafka', () => {
  test('header fields', () => {
    const view = new BatchView(golden('none'));
    expect({
      baseOffset: view.baseOffset,
      sizeInBytes: view.sizeInBytes,
      partitionLeaderEpoch: view.partitionLeaderEpoch,
      magic: view.magic,
      compression: view.compression,
      timestampType: view.timestampType,
      isTransactional: view.isTransactional,
      isControl: view.isControl,
      hasDeleteHorizon: view.hasDeleteHorizon,
      lastOffset: view.lastOffset,
      baseTimestamp: view.baseTimestamp,
      maxTimestamp: view.maxTimestamp,
      producerId: view.producerId,
      producerEpoch: view.producerEpoch,
      baseSequence: view.baseSequence,
      lastSequence: view.lastSequence,
      recordCount: view.recordCount,
    }).toEqual({
      baseOffset: 100n,
      sizeInBytes: golden('none').length,
      partitionLeaderEpoch: 7,
      magic: 2,
      compression: 'none',
      timestampType: 'createTime',
      isTransactional: true,
      isControl: false,
      hasDeleteHorizon: false,
      lastOffset: 102n,
      baseTimestamp: 1700000000000n,
      maxTimestamp: 1700000000005n,
      producerId: 4242n,
      producerEpoch: 3,
      baseSequence: 2147483646,
      lastSequence: 0,
      recordCount: 3,
    });
  });

  test.each(COMPRESSION_NAMES)('%s: checksum holds, records decode', (name) => {
    const view = new BatchView(golden(name));
    expect(verifyBatch(view)).toBeUndefined();
    expect(view.compression).toBe(name);
    expect([...decodeRecords(view, MIB)]).toEqual(RECORDS.map((record, i) => ({ ...record, offset: 100n + BigInt(i) })));
  });

  test('are equal to those of this encoder', () => {
    const ours = buildBatch({
      records: RECORDS,
      baseOffset: 100n,
      partitionLeaderEpoch: 7,
      producerId: 4242n,
      producerEpoch: 3,
      baseSequence: 2147483646,
      transactional: true,
    });
    expect(ours.toString('hex')).toBe(GOLDEN_BATCHES.none);
  });

  test('an abort marker, both ways', () => {
    const marker = buildEndTransactionMarker({
      type: 'abort',
      coordinatorEpoch: 12,
      producerId: 4242n,
      producerEpoch: 3,
      timestamp: 1700000000009n,
    });
    patchBatch(marker, 0, { baseOffset: 55n, partitionLeaderEpoch: 7 });
    expect(marker.toString('hex')).toBe(GOLDEN_ABORT_MARKER);
    const [record] = decodeRecords(new BatchView(marker), MIB);
    expect(record && parseEndTransactionMarker(record)).toEqual({ type: 'abort', coordinatorEpoch: 12 });
  });
});

describe('codecs', () => {
  test.each(COMPRESSION_NAMES)('%s: round trip of batches large and small', (compression) => {
    const random = seededRandom(7);
    for (const size of [0, 1, 1000, 200_000]) {
      const value = Buffer.from(random.bytes(size)).map((byte) => byte & 0x0f);
      const batch = buildBatch({ compression, timestamp: 5n, records: [{ value: Buffer.from(value) }, { key: text('k') }] });
      expect(verifyBatch(new BatchView(batch))).toBeUndefined();
      const [first] = decodeRecords(new BatchView(batch), MIB);
      expect(first?.value?.equals(value)).toBe(true);
    }
  });

  test('raw snappy, as librdkafka sends it, is read', () => {
    // Preamble 5 (length), literal of 5 bytes.
    expect(decompress('snappy', Buffer.from([5, 4 << 2, ...text('hello')]), 100).toString()).toBe('hello');
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('%s: a decompression bomb is refused before it is decompressed', (name) => {
    const bomb = compress(name, Buffer.alloc(4 * MIB));
    expect(decompress(name, bomb, 4 * MIB).length).toBe(4 * MIB);
    expect(() => decompress(name, bomb, 4 * MIB - 1)).toThrow(expect.objectContaining({ code: 2 }));
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('%s: random and cut payloads are CORRUPT_MESSAGE', (name) => {
    const whole = Buffer.from(compress(name, Buffer.from('abcdefgh'.repeat(40))));
    for (let cut = 0; cut < whole.length; cut++) {
      // A cut may leave a shorter valid stream (a lost trailer, a whole xerial block list), but must not throw any other error.
      try {
        decompress(name, whole.subarray(0, cut), MIB);
      } catch (error) {
        expect(error).toMatchObject({ code: 2 });
      }
    }
    expect(() => decompress(name, Buffer.from('not compressed at all'), MIB)).toThrow(expect.objectContaining({ code: 2 }));
  });

  test('numbers 5 to 7 are no codec', () => {
    expect(() => compressionName(5)).toThrow(expect.objectContaining({ code: 76 }));
  });
});

describe('verifyBatch', () => {
  test('detects any flipped bit behind the checksum; base offset and leader epoch are outside it', () => {
    const batch = golden('none');
    for (let at = 17; at < batch.length; at++) {
      const damaged = Buffer.from(batch);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(verifyBatch(new BatchView(damaged))?.code).toBe(2);
    }
    patchBatch(batch, 0, { baseOffset: 1n << 40n, partitionLeaderEpoch: 99 });
    expect(verifyBatch(new BatchView(batch))).toBeUndefined();
    expect(new BatchView(batch)).toMatchObject({ baseOffset: 1n << 40n, partitionLeaderEpoch: 99 });
  });

  test('detects wrong lengths', () => {
    for (const length of [-1, 0, 48, 10_000, 0x7fffffff]) {
      const batch = golden('none');
      batch.writeInt32BE(length, 8);
      expect(verifyBatch(new BatchView(batch))?.code).toBe(2);
    }
    expect(verifyBatch(new BatchView(golden('none').subarray(0, 10)))?.code).toBe(2);
  });

  test('reports old message formats', () => {
    const batch = golden('none');
    batch[16] = 1;
    expect(verifyBatch(new BatchView(batch))).toEqual({ code: 43, reason: expect.stringContaining('format 1') });
  });
});

test('iterateBatches returns whole batches and leaves out a partial one', () => {
  const one = golden('none');
  const all = Buffer.concat([one, golden('lz4'), one]);
  expect([...iterateBatches(all)].map((view) => view.position)).toEqual([0, one.length, one.length + golden('lz4').length]);
  for (let cut = 1; cut < one.length; cut++) expect([...iterateBatches(all, 0, all.length - cut)]).toHaveLength(2);
});

test('setLogAppendTime rewrites attribute, time and checksum', () => {
  const batch = golden('lz4');
  setLogAppendTime(batch, 0, 1800000000000n);
  const view = new BatchView(batch);
  expect(verifyBatch(view)).toBeUndefined();
  expect(view.timestampType).toBe('logAppendTime');
  expect([...decodeRecords(view, MIB)].map((record) => record.timestamp)).toEqual(Array(3).fill(1800000000000n));
});

test('keeps stored offsets with gaps', () => {
  const batch = buildBatch({
    baseOffset: 10n,
    lastOffsetDelta: 9,
    records: [
      { value: text('a'), offsetDelta: 2 },
      { value: text('b'), offsetDelta: 7 },
    ],
  });
  const view = new BatchView(batch);
  expect([...decodeRecords(view, MIB)].map((record) => record.offset)).toEqual([12n, 17n]);
  expect(view.lastOffset).toBe(19n);
});

test('writes records of every size, with the buffer growing at any byte', () => {
  for (let size = 0; size < 1200; size++) {
    const value = Buffer.alloc(size, 0x61);
    const batch = buildBatch({ records: [{ key: text('k'), value, headers: [['h', text('x')]] }, { value }] });
    expect([...decodeRecords(new BatchView(batch), MIB)].map((record) => record.value?.length)).toEqual([size, size]);
  }
});

test('reports records with wrong lengths as corrupt', () => {
  const batch = golden('none');
  batch.writeInt32BE(4, 57);
  expect(() => [...decodeRecords(new BatchView(batch), MIB)]).toThrow(expect.objectContaining({ code: 2 }));
});

test('sequences wrap at int32', () => {
  expect(addSequence(2147483647, 1)).toBe(0);
  expect(addSequence(2147483640, 10)).toBe(2);
});
