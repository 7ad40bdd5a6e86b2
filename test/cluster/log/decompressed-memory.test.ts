/** The leader frees decompressed records at once: the garbage collector would let hundreds of MB of them accumulate. */
import { expect, test } from 'vitest';
import { freeBuffer } from '../../../electron/cluster/lib/free-buffer.ts';
import { COMPRESSION_NAMES } from '../../../electron/cluster/protocol/compression.ts';
import { batchOf, createHarness, contents, START_MS } from './helpers.ts';

const MIB = 1024 * 1024;
const APPENDS = 12;
const CLIENT = { origin: 'client' } as const;
const CODECS = COMPRESSION_NAMES.filter((codec) => codec !== 'none');

/** Bytes that buffers took at most while `work` ran `APPENDS` times, beyond what they took before. */
function mostTaken(work: () => void): number {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let turn = 0; turn < APPENDS; turn++) {
    work();
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  return most;
}

test.each(['gzip', 'zstd'] as const)('records of %s are freed after the append, and after a search by timestamp', (codec) => {
  const { log } = createHarness({ cleanupPolicy: new Set(['delete']) });
  const batch = batchOf(['a'.repeat(8 * MIB)], { compression: codec });
  expect(mostTaken(() => log.appendAsLeader(Buffer.from(batch), 0, CLIENT))).toBeLessThan(20 * MIB);
  expect(mostTaken(() => expect(log.offsetForTimestamp(BigInt(START_MS))?.offset).toBe(0n))).toBeLessThan(20 * MIB);
});

test.each(['gzip', 'zstd'] as const)('records of %s are freed after a refusal', (codec) => {
  const { log } = createHarness({ cleanupPolicy: new Set(['compact']) });
  const batch = batchOf(['a'.repeat(8 * MIB)], { compression: codec });
  const append = (): void => expect(() => log.appendAsLeader(Buffer.from(batch), 0, CLIENT)).toThrow('needs a key');
  expect(mostTaken(append)).toBeLessThan(20 * MIB);
});

test.each(CODECS)('a batch of %s that is compressed again is whole', (codec) => {
  const { log } = createHarness({ compressionType: codec === 'gzip' ? 'zstd' : 'gzip' });
  const value = 'a'.repeat(4 * MIB);
  log.appendAsLeader(batchOf([value], { compression: codec }), 0, CLIENT);
  expect(contents(log)).toEqual([`0:${value}`]);
});

test('a small buffer, which may share its memory, is left alone', () => {
  const small = Buffer.from('shared');
  freeBuffer(small);
  expect(small.toString()).toBe('shared');
  const large = Buffer.alloc(MIB);
  freeBuffer(large);
  expect(large).toHaveLength(0);
});
