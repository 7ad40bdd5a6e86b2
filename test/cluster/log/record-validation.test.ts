import { describe, expect, test } from 'vitest';
import { MAX_REFUSALS } from '../../../electron/cluster/log/record-refusal.ts';
import { MAX_BATCH_RECORDS } from '../../../electron/cluster/log/record-validation.ts';
import { COMPRESSION_NAMES, compress } from '../../../electron/cluster/protocol/compression.ts';
import { BATCH_HEADER_BYTES, type BatchView, verifyBatch, writeChecksum } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type RecordToWrite } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { append, batchesOf, batchOf, createHarness, contents, copyAll, sequenced, START_MS } from './helpers.ts';

const CLIENT = { origin: 'client' } as const;
const NOW = BigInt(START_MS);
const DAY_MS = 86_400_000;
const key = Buffer.from('k');
const COMPACT = { cleanupPolicy: new Set(['compact'] as const) };

function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch);
  change(bytes);
  writeChecksum(bytes, 0);
  return bytes;
}

/** A batch with these bytes as its uncompressed records. */
function raw(records: Buffer, count: number): Buffer {
  const template = batchOf(['x']);
  const batch = Buffer.concat([template.subarray(0, BATCH_HEADER_BYTES), records]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(count - 1, 23);
  batch.writeInt32BE(count, 57);
  writeChecksum(batch, 0);
  return batch;
}

function claim(batch: Buffer, count: number): Buffer {
  return changed(batch, (bytes) => {
    bytes.writeInt32BE(count - 1, 23);
    bytes.writeInt32BE(count, 57);
  });
}

describe('structure', () => {
  const three = batchOf(['a', 'b', 'c']);
  const refused: [name: string, batch: Buffer][] = [
    ['noise with a good checksum', raw(Buffer.from('ffffffff0f11223344', 'hex'), 3)],
    ['more records than there are', claim(three, 5)],
    ['fewer records than there are', claim(three, 1)],
    ['2147483647 records in 61 bytes', raw(Buffer.alloc(0), 0x7fff_ffff)],
    ['a header count of -2', raw(Buffer.from('0e00000001026103', 'hex'), 1)],
    ['a header without a name', raw(Buffer.from('12000000010261020101', 'hex'), 1)],
    ['a record longer than its fields', raw(Buffer.from('1000000001026100ff', 'hex'), 1)],
    ['a record shorter than its fields', raw(Buffer.from('0c00000001026100', 'hex'), 1)],
    ['a varint of 6 bytes', raw(Buffer.from('ffffffffffff01000000', 'hex'), 1)],
    ['a key beyond the end', raw(Buffer.from('0e000000c8016100', 'hex'), 1)],
  ];
  test.each(refused)('refuses %s with INVALID_RECORD, whatever the codec', (_name, batch) => {
    for (const codec of COMPRESSION_NAMES) {
      const payload = compress(codec, batch.subarray(BATCH_HEADER_BYTES));
      const whole = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), payload]);
      whole.writeInt32BE(whole.length - 12, 8);
      whole.writeInt16BE(COMPRESSION_NAMES.indexOf(codec), 21);
      writeChecksum(whole, 0);
      const { log } = createHarness();
      expect(() => log.appendAsLeader(whole, 0, CLIENT)).toThrow(expect.objectContaining({ code: 87 }));
      expect(log.logEndOffset).toBe(0n);
    }
  });

  test('refuses a payload that its codec cannot read, and one with bytes behind a zstd frame', () => {
    const { log } = createHarness();
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const cut = batchOf(['a'.repeat(200)], { compression: codec }).subarray(0, BATCH_HEADER_BYTES + 9);
      const whole = Buffer.from(cut);
      whole.writeInt32BE(whole.length - 12, 8);
      writeChecksum(whole, 0);
      expect(() => log.appendAsLeader(whole, 0, CLIENT)).toThrow(expect.objectContaining({ code: 87 }));
    }
    const longer = Buffer.concat([batchOf(['a'], { compression: 'zstd' }), Buffer.from('rest')]);
    longer.writeInt32BE(longer.length - 12, 8);
    writeChecksum(longer, 0);
    expect(() => log.appendAsLeader(longer, 0, CLIENT)).toThrow(expect.objectContaining({ code: 87 }));
    expect(log.logEndOffset).toBe(0n);
  });

  test('takes any negative length for null, as Apache Kafka does', () => {
    const { log } = createHarness();
    log.appendAsLeader(raw(Buffer.from('0c000000090900', 'hex'), 1), 0, CLIENT);
    const [batch] = batchesOf([copyAll(log)]);
    expect([...decodeRecords(batch as BatchView, 100)]).toMatchObject([{ key: null, value: null }]);
  });

  test('refuses more bytes or records than its limits with MESSAGE_TOO_LARGE', () => {
    const zeros = compress('gzip', Buffer.alloc(200_000));
    const bomb = Buffer.concat([batchOf(['x'], { compression: 'gzip' }).subarray(0, BATCH_HEADER_BYTES), zeros]);
    bomb.writeInt32BE(bomb.length - 12, 8);
    writeChecksum(bomb, 0);
    const small = createHarness({ maxDecompressedBytes: 100_000 });
    expect(() => small.log.appendAsLeader(bomb, 0, CLIENT)).toThrow(expect.objectContaining({ code: 10 }));

    const count = MAX_BATCH_RECORDS + 1;
    const tiny = Buffer.alloc(count * 7, Buffer.from('0c000000010100', 'hex'));
    const many = Buffer.concat([batchOf(['x'], { compression: 'gzip' }).subarray(0, BATCH_HEADER_BYTES), compress('gzip', tiny)]);
    many.writeInt32BE(many.length - 12, 8);
    const { log } = createHarness();
    expect(() => log.appendAsLeader(claim(many, count), 0, CLIENT)).toThrow(
      expect.objectContaining({ code: 10, message: expect.stringContaining('is the limit') }),
    );
  });
});

describe('timestamps', () => {
  const at = (...timestamps: bigint[]): Buffer => buildBatch({ records: timestamps.map((timestamp) => ({ timestamp })) });
  const limits = { messageTimestampBeforeMaxMs: 60_000, messageTimestampAfterMaxMs: 60_000 };
  test.each([
    ['now and 1970', [NOW, 0n], [1]],
    ['a day before 1970', [-86_400_000n], [0]],
    ['30 years ahead, second', [NOW, NOW + BigInt(30 * 365 * DAY_MS)], [1]],
    ['the largest and the smallest int64', [NOW, 0x7fff_ffff_ffff_ffffn, -0x8000_0000_0000_0000n], [1, 2]],
    ['just outside, on both sides', [NOW - 60_001n, NOW - 60_000n, NOW + 60_000n, NOW + 60_001n], [0, 3]],
    ['a base that is no timestamp of today', [0x7fff_ffff_ffff_fff0n, NOW], [0]],
  ])('names the records that are out of range: %s', (_name, timestamps, expected) => {
    const { log } = createHarness(limits);
    expect(() => log.appendAsLeader(at(...timestamps), 0, CLIENT)).toThrow(
      expect.objectContaining({ code: 32, recordErrors: expected.map((batchIndex): unknown => expect.objectContaining({ batchIndex })) }),
    );
    log.appendAsLeader(at(NOW, -1n, NOW + 60_000n), 0, CLIENT);
    expect(log.logEndOffset).toBe(3n);
  });

  test('one invalid timestamp decides the error code, and every invalid record is named up to a limit', () => {
    const { log } = createHarness({ ...limits, ...COMPACT });
    expect(() => log.appendAsLeader(buildBatch({ records: [{ timestamp: NOW }, { key, timestamp: 5n }] }), 0, CLIENT)).toThrow(
      expect.objectContaining({
        code: 32,
        recordErrors: [expect.objectContaining({ batchIndex: 0 }), expect.objectContaining({ batchIndex: 1 })],
      }),
    );
    const keyless: RecordToWrite[] = Array.from({ length: MAX_REFUSALS + 50 }, () => ({ timestamp: NOW }));
    let refusal: unknown;
    try {
      log.appendAsLeader(buildBatch({ records: keyless }), 0, CLIENT);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 87, message: expect.stringContaining(`${MAX_REFUSALS + 50} records`) });
    expect((refusal as { recordErrors: unknown[] }).recordErrors).toHaveLength(MAX_REFUSALS);
  });

  test.each([-1n, 0n, NOW + 999_999n])('corrects a maxTimestamp of %d and the checksum', (wrong) => {
    const { log } = createHarness();
    const batch = changed(at(NOW, NOW + 7n, NOW + 3n), (bytes) => bytes.writeBigInt64BE(wrong, 35));
    expect(log.appendAsLeader(batch, 0, CLIENT).maxTimestamp).toBe(NOW + 7n);
    const [stored] = batchesOf([copyAll(log)]);
    expect(stored?.maxTimestamp).toBe(NOW + 7n);
    expect(verifyBatch(stored as BatchView)).toBeUndefined();
    expect(log.offsetForTimestamp(NOW + 5n)).toMatchObject({ offset: 1n });
    expect(log.offsetForTimestamp(NOW)).toMatchObject({ offset: 0n });
  });

  test('leaves a valid batch unchanged', () => {
    const { log } = createHarness();
    const batch = at(NOW, NOW + 7n);
    const before = Buffer.from(batch.subarray(12));
    log.appendAsLeader(batch, -1, CLIENT);
    expect(
      batchesOf([copyAll(log)])[0]
        ?.bytes.subarray(12)
        .equals(before),
    ).toBe(true);
  });

  test('accepts an append time that is in range for CreateTime, as Apache Kafka does, and refuses it for LogAppendTime', () => {
    const batch = (): Buffer => batchOf(['x'], { logAppendTime: true });
    const { log } = createHarness();
    log.appendAsLeader(batch(), 0, CLIENT);
    expect(batchesOf([copyAll(log)])[0]?.timestampType).toBe('createTime');
    const stamped = createHarness({ messageTimestampType: 'LogAppendTime' });
    expect(() => stamped.log.appendAsLeader(batch(), 0, CLIENT)).toThrow(expect.objectContaining({ code: 32 }));
  });

  test('retention keeps new records, whatever maxTimestamp the client wrote', () => {
    const { log, clock } = createHarness({ segmentMs: 1000, retentionMs: 7 * DAY_MS });
    for (let i = 0; i < 3; i++) {
      log.appendAsLeader(
        changed(batchOf(['x'], { timestamp: BigInt(clock.now()) }), (bytes) => bytes.writeBigInt64BE(0n, 35)),
        0,
        CLIENT,
      );
      clock.advance(2000);
      log.updateHighWatermark(log.logEndOffset);
    }
    expect(log.segments.length).toBe(3);
    expect(log.applyRetention(clock.now())).toEqual({ segments: 0, bytes: 0 });
    expect(log.applyRetention(clock.now() + 8 * DAY_MS).segments).toBeGreaterThan(0);
  });

  test("LogAppendTime decides when a segment rolls, not the client's timestamps", () => {
    const { log, clock } = createHarness({ messageTimestampType: 'LogAppendTime', segmentMs: 60_000 });
    append(log, 'a');
    log.appendAsLeader(batchOf(['b'], { timestamp: NOW + BigInt(DAY_MS) }), 0, CLIENT);
    expect(log.segments).toHaveLength(1);
    clock.advance(61_000);
    log.appendAsLeader(batchOf(['c'], { timestamp: 5n }), 0, CLIENT);
    expect(log.segments).toHaveLength(2);
  });
});

describe('numbering', () => {
  const deltas = [0, 4, 5, 200];
  test.each(COMPRESSION_NAMES)('corrects offset deltas that are not 0, 1, 2: %s', (compression) => {
    const { log } = createHarness();
    const records = deltas.map((offsetDelta, i) => ({
      ...{ key, value: Buffer.from(`v${i}`), headers: [['h', null]] as [string, null][] },
      ...{ offsetDelta, timestamp: NOW + BigInt(i) },
    }));
    const batch = changed(buildBatch({ records, compression }), (bytes) => bytes.writeInt32BE(deltas.length - 1, 23));
    const result = log.appendAsLeader(batch, 3, CLIENT);
    expect(result).toMatchObject({ firstOffset: 0n, lastOffset: 3n, recordCount: 4 });
    expect(contents(log)).toEqual(['0:v0', '1:v1', '2:v2', '3:v3']);
    const [stored] = batchesOf([copyAll(log)]);
    expect(verifyBatch(stored as BatchView)).toBeUndefined();
    expect([...decodeRecords(stored as BatchView, 1000)]).toMatchObject(
      records.map(({ timestamp }) => ({ key, timestamp, headers: [['h', null]] })),
    );
    append(log, 'next');
    expect(contents(log).at(-1)).toBe('4:next');
  });
});

describe('repeats', () => {
  test('are recognised before any other check', () => {
    const { log, clock } = createHarness({ messageTimestampBeforeMaxMs: 60_000 });
    const first = log.appendAsLeader(sequenced(9n, 0, 0, 2), 0, CLIENT);
    clock.advance(-DAY_MS);
    expect(log.appendAsLeader(sequenced(9n, 0, 0, 2), 0, CLIENT)).toMatchObject({ duplicate: true, firstOffset: first.firstOffset });
    expect(() => log.appendAsLeader(sequenced(9n, 0, 2), 0, CLIENT)).toThrow(expect.objectContaining({ code: 32 }));
    expect(log.logEndOffset).toBe(2n);
  });
});

describe('followers', () => {
  test('append no batch of an epoch above the one in which they fetch', () => {
    const { log } = createHarness();
    const of = (offset: bigint, partitionLeaderEpoch: number): Buffer => batchOf(['x'], { baseOffset: offset, partitionLeaderEpoch });
    expect(log.appendAsFollower(Buffer.concat([of(0n, 3), of(1n, 9), of(2n, 3)]), 3)).toMatchObject({ lastOffset: 0n });
    expect(log.appendAsFollower(of(1n, 9), 3)).toBeUndefined();
    expect(log.logEndOffset).toBe(1n);
  });
});
