import { randomFillSync } from 'node:crypto';
import { fromUint32, type Random } from './random.ts';

/** The operating system's randomness, drawn in blocks. */
export function systemRandom(): Random {
  const pool = new Uint32Array(256);
  let used = pool.length;
  return fromUint32(() => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++] as number;
  });
}
