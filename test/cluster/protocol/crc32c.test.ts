import { expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { crc32c, crc32cTable } from '../../../electron/cluster/protocol/crc32c.ts';

test('crc32c: equals the vectors of RFC 3720 B.4', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  for (const implementation of [crc32c, crc32cTable]) {
    expect(implementation(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(implementation(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(implementation(ascending)).toBe(0x46dd794e);
    expect(implementation(Buffer.from(ascending).reverse())).toBe(0x113fdb5c);
  }
});

test('crc32c: native module and table agree at every length and split', () => {
  // Enough for the native module to be loaded.
  crc32c(Buffer.alloc(100_000));
  const bytes = seededRandom(1).bytes(1000);
  for (let size = 0; size <= bytes.length; size += 7) {
    const whole = crc32c(bytes.subarray(0, size));
    expect(crc32cTable(bytes.subarray(0, size))).toBe(whole);
    const split = size >> 1;
    expect(crc32c(bytes.subarray(split, size), crc32c(bytes.subarray(0, split)))).toBe(whole);
  }
});
