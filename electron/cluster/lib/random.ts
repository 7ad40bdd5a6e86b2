/** Randomness, injected so that a simulated run replays exactly from its seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, bound). */
  int(bound: number): number;
  /** `size` random bytes. */
  bytes(size: number): Uint8Array;
}

/** xoshiro128** (Blackman and Vigna), seeded by splitmix32: small, fast, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  const rotate = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  const nextUint32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c = (c ^ a) >>> 0;
    d = (d ^ b) >>> 0;
    b = (b ^ c) >>> 0;
    a = (a ^ d) >>> 0;
    c = (c ^ t) >>> 0;
    d = rotate(d, 11);
    return result;
  };
  return fromUint32(nextUint32);
}

/** Builds a `Random` from a source of uniform unsigned 32-bit integers. */
export function fromUint32(nextUint32: () => number): Random {
  return {
    next: () => nextUint32() / 0x1_0000_0000,
    int: (bound) => Math.floor((nextUint32() / 0x1_0000_0000) * bound),
    bytes(size) {
      const out = new Uint8Array(size);
      for (let i = 0; i < size; i++) out[i] = nextUint32() & 0xff;
      return out;
    },
  };
}
