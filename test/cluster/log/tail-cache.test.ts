import { describe, expect, it } from 'vitest';
import { Tail, TailCache } from '../../../electron/cluster/log/tail-cache.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';

/** One batch of about `bytes` in a buffer of `held` bytes. */
function batchAt(baseOffset: bigint, bytes: number, held = bytes + 200): Buffer {
  const batch = buildBatch({ baseOffset, records: [{ value: Buffer.alloc(bytes) }] });
  const frame = Buffer.allocUnsafeSlow(Math.max(held, batch.length));
  batch.copy(frame);
  return frame.subarray(0, batch.length);
}

const readAll = (tail: Tail, offset: bigint): bigint | undefined => tail.read(offset, 2 ** 30, 2n ** 62n, true)?.nextOffset;

describe('TailCache', () => {
  it('counts the memory that a slice keeps, not its length', () => {
    const cache = new TailCache(100_000);
    const tail = new Tail(cache);
    for (let offset = 0n; offset < 100n; offset++) tail.append(batchAt(offset, 10_000, 19_000), offset, offset);
    expect(cache.sizeBytes).toBeLessThanOrEqual(100_000);
    expect(readAll(tail, 94n)).toBeUndefined();
    expect(readAll(tail, 95n)).toBe(100n);
  });

  it('copies a small slice of a large frame', () => {
    const cache = new TailCache(100_000);
    const tail = new Tail(cache);
    for (let offset = 0n; offset < 8n; offset++) tail.append(batchAt(offset, 10_000, 1_000_000), offset, offset);
    expect(readAll(tail, 0n)).toBe(8n);
  });

  it('drops the oldest chunk of any log first, and counts what a log clears', () => {
    const cache = new TailCache(100_000);
    const [first, second] = [new Tail(cache), new Tail(cache)];
    first.append(batchAt(0n, 40_000), 0n, 0n);
    second.append(batchAt(0n, 40_000), 0n, 0n);
    second.append(batchAt(1n, 40_000), 1n, 1n);
    expect(readAll(first, 0n)).toBeUndefined();
    expect(readAll(second, 0n)).toBe(2n);
    second.clear();
    expect(cache.sizeBytes).toBe(0);
  });
});
