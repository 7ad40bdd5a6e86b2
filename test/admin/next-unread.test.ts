import { describe, expect, test } from 'vitest';
import { findUnread, type AbortedTransaction } from '../../electron/admin/next-unread.ts';
import type { Decoder } from '../../electron/admin/decoding/decoder.ts';
import { decodeWindow } from '../../electron/admin/decoding/record-window.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import { buildBatch, type BatchToWrite } from '../../electron/cluster/protocol/records-builder.ts';

const decoder: Decoder = { decode: (window) => Promise.resolve(decodeWindow(window)) };
const busy: Decoder = { decode: () => Promise.reject(new AdminError({ code: 'WORKER_BUSY', message: 'busy' })) };
const P = 7n;

/** `count` records, the first of which has this timestamp, each a second after the one before. */
function data(baseOffset: bigint, count: number, timestamp: number, more: Partial<BatchToWrite> = {}): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({ value: Buffer.from('v'), timestamp: BigInt(timestamp + i * 1_000) }));
  return buildBatch({ baseOffset, records, ...more });
}

const transactional = { transactional: true, producerId: P, producerEpoch: 0, baseSequence: 0 };
const marker = (baseOffset: bigint): Buffer =>
  buildBatch({
    baseOffset,
    records: [{ key: Buffer.from([0, 0, 0, 0]), value: Buffer.alloc(6), timestamp: 5n }],
    ...transactional,
    control: true,
  });

function find(batches: Buffer[], offset: bigint, end: bigint, aborted: AbortedTransaction[] = [], by = decoder) {
  return findUnread(Buffer.concat(batches), { topic: 't', partition: 0, offset, end }, aborted, by);
}

describe('findUnread', () => {
  test('gives the timestamp of the record at the position, also in the middle of a compressed batch', async () => {
    const batch = data(10n, 5, 60_000, { compression: 'gzip' });
    expect(await find([batch], 10n, 15n)).toEqual({ kind: 'record', timestamp: 60_000 });
    expect(await find([batch], 13n, 15n)).toEqual({ kind: 'record', timestamp: 63_000 });
  });

  test('finds no record where only transaction markers are left', async () => {
    expect(await find([data(0n, 3, 1_000, transactional), marker(3n)], 3n, 4n)).toEqual({ kind: 'none' });
    expect(await find([marker(3n), marker(4n)], 3n, 5n)).toEqual({ kind: 'none' });
  });

  test('passes over records of an aborted transaction, and takes those behind its marker', async () => {
    const aborted = [{ producerId: P, firstOffset: 0n }];
    const log = [data(0n, 3, 1_000, transactional), marker(3n)];
    expect(await find(log, 0n, 4n, aborted)).toEqual({ kind: 'none' });
    expect(await find(log, 0n, 4n)).toEqual({ kind: 'record', timestamp: 1_000 });
    const next = [...log, data(4n, 1, 9_000, transactional), marker(5n)];
    expect(await find(next, 0n, 6n, aborted)).toEqual({ kind: 'record', timestamp: 9_000 });
    // Another producer's records among them are read.
    const mixed = [data(0n, 1, 1_000, transactional), data(1n, 1, 4_000), marker(2n)];
    expect(await find(mixed, 0n, 3n, aborted)).toEqual({ kind: 'record', timestamp: 4_000 });
  });

  test('takes records of a transaction that began after the marker of an earlier one', async () => {
    const log = [data(0n, 1, 1_000, transactional), marker(1n), data(2n, 1, 2_000, transactional), marker(3n)];
    expect(await find(log, 0n, 4n, [{ producerId: P, firstOffset: 2n }])).toEqual({ kind: 'record', timestamp: 1_000 });
    expect(await find(log, 1n, 4n, [{ producerId: P, firstOffset: 2n }])).toEqual({ kind: 'none' });
  });

  test('passes over what compaction has removed', async () => {
    const hole = buildBatch({ baseOffset: 0n, records: [{ value: null, timestamp: 1n, offsetDelta: 0 }], lastOffsetDelta: 9 });
    expect(await find([hole], 1n, 10n)).toEqual({ kind: 'none' });
    expect(await find([hole, data(10n, 1, 7_000)], 1n, 11n)).toEqual({ kind: 'record', timestamp: 7_000 });
  });

  test('decides nothing where the answer ends before the end, holds nothing, or cannot be decoded', async () => {
    expect(await find([marker(3n)], 3n, 9n)).toEqual({ kind: 'undecided' });
    expect(await find([], 3n, 9n)).toEqual({ kind: 'undecided' });
    expect(await find([data(0n, 1, 1_000)], 0n, 1n, [], busy)).toEqual({ kind: 'undecided' });
    const damaged = data(0n, 1, 1_000, { compression: 'gzip' });
    damaged.fill(0xff, 61);
    expect(await find([damaged], 0n, 1n)).toEqual({ kind: 'undecided' });
  });

  test('takes no record at or behind the end', async () => {
    expect(await find([marker(3n), data(4n, 1, 1_000)], 3n, 4n)).toEqual({ kind: 'none' });
    expect(await find([data(0n, 5, 1_000)], 5n, 5n)).toEqual({ kind: 'none' });
  });
});
