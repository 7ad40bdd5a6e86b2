import { describe, expect, test } from 'vitest';
import { seededRandom, type Random } from '../../../electron/cluster/lib/random.ts';
import { BatchView } from '../../../electron/cluster/protocol/record-batch.ts';
import { RecordCursor } from '../../../electron/cluster/protocol/record-cursor.ts';
import { scanRecords, type RecordScan } from '../../../electron/cluster/protocol/record-scan.ts';
import { buildBatch, type RecordToWrite } from '../../../electron/cluster/protocol/records-builder.ts';

/** The result of the exact walk over the same bytes; undefined where it refuses them, or where offsets are not 0, 1, 2 … */
function walk(bytes: Buffer, count: number): RecordScan | undefined {
  const cursor = new RecordCursor(bytes);
  let leastTimestampDelta = Infinity;
  let largestTimestampDelta = -Infinity;
  let keyless = 0;
  try {
    for (let index = 0; index < count; index++) {
      cursor.next();
      if (cursor.offsetDelta !== index || cursor.wideDelta !== undefined) return undefined;
      leastTimestampDelta = Math.min(leastTimestampDelta, cursor.timestampDelta);
      largestTimestampDelta = Math.max(largestTimestampDelta, cursor.timestampDelta);
      if (!cursor.hasKey) keyless++;
    }
  } catch {
    return undefined;
  }
  return cursor.atEnd ? { leastTimestampDelta, largestTimestampDelta, keyless } : undefined;
}

function recordsOf(records: readonly RecordToWrite[]): Buffer {
  return new BatchView(buildBatch({ records })).payload;
}

/** Lengths on both sides of where a varint needs one byte more. */
const LENGTHS = [0, 1, 5, 62, 63, 64, 65, 200, 8_191, 8_192, 16_384];
/** Milliseconds; likewise, within what the scan decides. */
const DELTAS = [0, 1, -1, 63, 64, -64, -65, 8_191, 8_192, -8_193, 1_048_575, 1_048_576, -1_048_577, 134_217_727, -134_217_728];

function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.int(values.length)] as T;
}

function randomRecords(random: Random): RecordToWrite[] {
  const bytes = (): Buffer => Buffer.alloc(pick(random, LENGTHS), random.int(256));
  return Array.from({ length: 1 + random.int(6) }, (_, index) => ({
    timestamp: 1_000_000_000_000n + BigInt(index === 0 ? 0 : pick(random, DELTAS)),
    key: chance(random, 0.4) ? null : bytes(),
    value: chance(random, 0.1) ? null : bytes(),
    headers: chance(random, 0.7)
      ? []
      : Array.from({ length: random.int(64) }, (): [string, Buffer | null] => [
          'n'.repeat(random.int(70)),
          chance(random, 0.3) ? null : Buffer.alloc(random.int(8_192)),
        ]),
  }));
}

describe('scanRecords', () => {
  test('decides about ordinary records with the same summary as the exact walk', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 300; round++) {
      const records = randomRecords(random);
      const bytes = recordsOf(records);
      const scan = scanRecords(bytes, records.length);
      expect(scan).toBeDefined();
      expect(scan).toEqual(walk(bytes, records.length));
    }
  });

  test('decides about 20,000 records and about one of 500 KB', () => {
    const many = recordsOf(Array.from({ length: 20_000 }, (_, index) => ({ timestamp: BigInt(index), value: Buffer.from('v') })));
    expect(scanRecords(many, 20_000)).toEqual({ leastTimestampDelta: 0, largestTimestampDelta: 19_999, keyless: 20_000 });
    const one = recordsOf([{ timestamp: 1n, key: Buffer.from('k'), value: Buffer.alloc(500_000) }]);
    expect(scanRecords(one, 1)).toEqual({ leastTimestampDelta: 0, largestTimestampDelta: 0, keyless: 0 });
  });

  test('accepts no batch that the exact walk refuses: flipped bits, other bytes, cuts, additions, other counts', () => {
    const random = seededRandom(2);
    let accepted = 0;
    let left = 0;
    for (let round = 0; round < 6_000; round++) {
      const records = Array.from({ length: 1 + random.int(3) }, (_, index) => ({
        timestamp: BigInt(random.int(100) * index),
        key: chance(random, 0.5) ? null : Buffer.alloc(random.int(4)),
        value: Buffer.alloc(pick(random, [0, 3, 70])),
        headers: chance(random, 0.6)
          ? []
          : ([
              ['h', Buffer.alloc(random.int(3))],
              ['n', null],
            ] as [string, Buffer | null][]),
      }));
      let bytes = Buffer.from(recordsOf(records));
      for (let change = random.int(3); change >= 0; change--) {
        const at = random.int(bytes.length);
        if (chance(random, 0.4)) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
        else if (chance(random, 0.7)) bytes[at] = pick(random, [0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xfe, 0xff]);
        else bytes = chance(random, 0.5) ? bytes.subarray(0, Math.max(1, at)) : Buffer.concat([bytes, Buffer.alloc(1 + random.int(3), at)]);
      }
      const count = chance(random, 0.1) ? 1 + random.int(4) : records.length;
      const scan = scanRecords(bytes, count);
      if (scan === undefined) left++;
      else {
        accepted++;
        expect(scan, `${count} records in ${bytes.toString('hex')}`).toEqual(walk(bytes, count));
      }
    }
    // Neither all of one kind nor all of the other: else nothing was compared.
    expect(accepted).toBeGreaterThan(600);
    expect(left).toBeGreaterThan(600);
  });

  test('accepts no batch that is cut off at any byte', () => {
    const headers: [string, Buffer | null][] = [
      ['name', Buffer.alloc(80)],
      ['n', null],
    ];
    const bytes = recordsOf([
      { key: Buffer.alloc(3), value: Buffer.alloc(100) },
      { value: Buffer.alloc(70), headers },
    ]);
    expect(scanRecords(bytes, 2)).toBeDefined();
    for (let end = 0; end < bytes.length; end++) expect(scanRecords(bytes.subarray(0, end), 2)).toBeUndefined();
  });

  test.each<[name: string, records: RecordToWrite[]]>([
    ['offset deltas with a hole', [{ offsetDelta: 0 }, { offsetDelta: 2 }]],
    ['a timestamp far from the base', [{ timestamp: 0n }, { timestamp: 1n << 40n }]],
    ['a record of more than 1 MiB', [{ value: Buffer.alloc(1 << 20) }]],
    ['64 headers', [{ headers: Array.from({ length: 64 }, () => ['h', null]) }]],
  ])('leaves %s to the exact walk', (_name, records) => {
    expect(scanRecords(recordsOf(records), records.length)).toBeUndefined();
  });
});
