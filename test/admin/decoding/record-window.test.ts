import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeWindow, type RecordWindow } from '../../../electron/admin/decoding/record-window.ts';
import { COMPRESSION_NAMES } from '../../../electron/cluster/protocol/compression.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { batchAround, consecutiveRecords, smallestRecords } from '../../helpers/record-bombs.ts';

function values(baseOffset: bigint, count: number, more: Partial<Parameters<typeof buildBatch>[0]> = {}): Buffer {
  const records = Array.from({ length: count }, (_none, i) => ({ value: Buffer.from(`v${baseOffset + BigInt(i)}`) }));
  return buildBatch({ baseOffset, timestamp: 5n, records, ...more });
}

function decode(bytes: Buffer, more: Partial<RecordWindow> = {}): ReturnType<typeof decodeWindow> {
  return decodeWindow({ partition: 3, bytes, from: 0n, end: null, limit: 1_000, keep: 'first', ...more });
}

const offsets = ({ records }: { records: { offset: string }[] }): string[] => records.map(({ offset }) => offset);

describe('decodeWindow', () => {
  const three = Buffer.concat([values(0n, 4), values(4n, 4), values(8n, 4)]);

  test.each(COMPRESSION_NAMES)('reads every record of a %s batch', (compression) => {
    const { records, nextOffset, cutBatches } = decode(values(10n, 3, { compression }));
    expect(records.map(({ partition, offset, value, timestamp }) => [partition, offset, value.text, timestamp])).toEqual([
      [3, '10', 'v10', 5],
      [3, '11', 'v11', 5],
      [3, '12', 'v12', 5],
    ]);
    expect([nextOffset, cutBatches]).toEqual([13n, []]);
  });

  test.each([
    [{ from: 2n, end: 9n }, ['2', '3', '4', '5', '6', '7', '8'], 9n, 0],
    [{ limit: 5 }, ['0', '1', '2', '3', '4'], 5n, 0],
    [{ limit: 4 }, ['0', '1', '2', '3'], 4n, 0],
    [{ from: 5n, limit: 2 }, ['5', '6'], 7n, 0],
    [{ keep: 'last', limit: 5 }, ['7', '8', '9', '10', '11'], 12n, 7],
    [{ keep: 'last', limit: 3, from: 1n, end: 6n }, ['3', '4', '5'], 6n, 2],
    [{ keep: 'last', limit: 100, from: 10n }, ['10', '11'], 12n, 0],
    [{ from: 12n }, [], 12n, 0],
  ] satisfies [Partial<RecordWindow>, string[], bigint, number][])('%o', (window, wanted, nextOffset, passedOver) => {
    const decoded = decode(three, window);
    expect(offsets(decoded)).toEqual(wanted);
    expect(decoded).toMatchObject({ nextOffset, passedOver, cutBatches: [] });
  });

  test('a window that ends in the middle of a batch is continued there', () => {
    const seen: string[] = [];
    for (let from = 0n; from < 12n;) {
      const part = decode(three, { from, limit: 5 });
      seen.push(...offsets(part));
      expect(part.nextOffset).toBeGreaterThan(from);
      from = part.nextOffset;
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_none, i) => `${i}`));
  });

  test('a control batch and an empty one hold no records and are stepped over', () => {
    const bytes = Buffer.concat([
      values(0n, 1, { control: true }),
      buildBatch({ baseOffset: 1n, records: [], lastOffsetDelta: 4 }),
      values(6n, 1),
    ]);
    for (const keep of ['first', 'last'] as const) expect(offsets(decode(bytes, { keep }))).toEqual(['6']);
  });

  test.each(['first', 'last'] as const)('of ten million records (keep: %s) 500 become rows, and the batch is reported', (keep) => {
    const count = 1_000_000;
    const bytes = Buffer.concat([values(0n, 2), batchAround(smallestRecords(count), count, 'zstd', 2n)]);
    expect(bytes.length).toBeLessThan(10_000);
    const decoded = decode(bytes, { keep, limit: 500 });
    expect(decoded.records).toHaveLength(500);
    expect(decoded.cutBatches).toEqual([
      {
        partition: 3,
        offset: '2',
        lastOffset: '1000001',
        records: count,
        sizeBytes: bytes.length - values(0n, 2).length,
        decompressedBytes: 7 * count,
        shown: keep === 'first' ? 498 : 500,
        reason: 'RECORDS',
      },
    ]);
    if (keep === 'last') expect(decoded.passedOver).toBe(count - 500 + 2);
  });

  test('the last records of a large batch are the ones with the highest offsets', () => {
    const decoded = decode(batchAround(consecutiveRecords(300_000), 300_000, 'gzip'), { keep: 'last', limit: 3 });
    expect(offsets(decoded)).toEqual(['299997', '299998', '299999']);
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('a %s batch above 64 MiB is not decoded, the others are shown', (compression) => {
    const bomb = batchAround(Buffer.alloc(64 * 1024 * 1024 + 1), 10, compression, 2n);
    const decoded = decode(Buffer.concat([values(0n, 2), bomb, values(12n, 2)]));
    expect(offsets(decoded)).toEqual(['0', '1', '12', '13']);
    expect(decoded.cutBatches).toMatchObject([
      { offset: '2', lastOffset: '11', records: 10, decompressedBytes: null, shown: 0, reason: 'SIZE' },
    ]);
  });

  test.each<[string, Buffer, string]>([
    ['bytes that are no records', batchAround(Buffer.from('ffffffff0f000000', 'hex'), 1, 'none', 1n), 'INVALID_RECORD'],
    ['more records than bytes', batchAround(smallestRecords(2), 0x7fff_ffff, 'none', 1n), 'CORRUPT_MESSAGE'],
    ['a negative record count', batchAround(smallestRecords(2), -5, 'none', 1n), 'CORRUPT_MESSAGE'],
    ['a payload that is no gzip', corrupted('gzip'), 'CORRUPT_MESSAGE'],
    ['a codec without a name', withByte(values(1n, 1), 22, 7), 'UNSUPPORTED_COMPRESSION_TYPE'],
    ['message format 1', withByte(values(1n, 1), 16, 1), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ])('%s: reported by name, and what surrounds it is shown', (_what, bad, reason) => {
    for (const keep of ['first', 'last'] as const) {
      const decoded = decode(Buffer.concat([values(0n, 1), bad, values(0x7fff_ffff_fn, 1)]), { keep });
      expect(offsets(decoded)).toEqual(['0', '34359738367']);
      expect(decoded.cutBatches).toMatchObject([{ offset: '1', shown: 0, reason }]);
    }
  });

  test('a batch shorter than its header does not end the reading', () => {
    const short = Buffer.alloc(30);
    short.writeInt32BE(18, 8);
    short.writeInt8(2, 16);
    expect(decode(Buffer.concat([short, values(1n, 1)])).cutBatches).toMatchObject([{ offset: '0', reason: 'CORRUPT_MESSAGE' }]);
  });

  test('many batches that cannot be decoded are one entry beyond the twentieth', () => {
    const bad = Array.from({ length: 500 }, (_none, i) => batchAround(Buffer.from('ff', 'hex'), 1, 'gzip', BigInt(i)));
    for (const keep of ['first', 'last'] as const) {
      const { cutBatches, nextOffset } = decode(Buffer.concat(bad), { keep });
      expect(cutBatches).toHaveLength(20);
      const [first, last] = keep === 'first' ? [cutBatches[0], cutBatches.at(-1)] : [cutBatches.at(-1), cutBatches[0]];
      expect(first?.offset).toBe(keep === 'first' ? '0' : '499');
      expect(last?.reason).toBe('SEVERAL');
      expect(nextOffset).toBe(500n);
    }
  });

  test('a record with 100,000 headers shows a hundred and their number', () => {
    const headers = Array.from({ length: 100_000 }, (_none, i) => [`h${i}`, null] as const);
    const { records } = decode(buildBatch({ records: [{ value: Buffer.from('x'), headers }] }));
    expect(records[0]).toMatchObject({ headerCount: 100_000 });
    expect(records[0]?.headers).toHaveLength(100);
  });

  test('previews of an answer are bounded together, and say that they are cut', () => {
    const records = Array.from({ length: 400 }, () => ({ value: Buffer.alloc(60_000, 'a') }));
    const decoded = decode(buildBatch({ records, compression: 'zstd' }));
    expect(decoded.records).toHaveLength(400);
    expect(decoded.records.reduce((sum, { value }) => sum + value.text.length, 0)).toBeLessThan(5_000_000);
    expect(decoded.records.at(-1)?.value).toMatchObject({ truncated: true, sizeBytes: 60_000 });
    expect(decoded.records[0]?.value).toMatchObject({ truncated: false, sizeBytes: 60_000 });
  });

  test('a byte order mark stays in the text', () => {
    const { records } = decode(buildBatch({ records: [{ value: Buffer.from('\ufeffa') }] }));
    expect(records[0]?.value.text).toBe('\ufeffa');
  });
});

function corrupted(compression: 'gzip'): Buffer {
  const payload = gzipSync(Buffer.from('x'));
  payload.fill(0xff, 4);
  const batch = batchAround(payload, 1, 'none', 1n);
  return withByte(batch, 22, COMPRESSION_NAMES.indexOf(compression));
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = value;
  return changed;
}
