import { describe, expect, it } from 'vitest';
import { indexOfKey, keyIndex, keyText, LoadValues } from '../../../electron/admin/load/values.ts';
import type { LoadKeys } from '../../../shared/models/load.ts';

describe('LoadValues', () => {
  it('encodes the sequence number in values of any size', () => {
    for (const bytes of [32, 100, 10_000]) {
      const values = new LoadValues('0a1b2c3d', bytes);
      for (const sequence of [0, 9, 19_999_999]) {
        const value = values.encode(16, sequence);
        expect(value).toHaveLength(bytes);
        expect(values.sequenceOf(value)).toBe(sequence);
      }
    }
  });

  it('returns −1 for values of other loads and other programs', () => {
    const values = new LoadValues('0a1b2c3d', 40);
    const foreign = [
      null,
      '',
      'bd1 0a1b2c3',
      'bd1 0a1b2c3d ',
      'bd1 0a1b2c3d 1',
      'bd1 0a1b2c3d 1 x ',
      'bd1 0a1b2c3d 1  ',
      'bd1 0a1b2c3d 1 12',
    ];
    for (const text of foreign) expect(values.sequenceOf(text === null ? null : Buffer.from(text))).toBe(-1);
    expect(values.sequenceOf(new LoadValues('0a1b2c3e', 40).encode(1, 5))).toBe(-1);
  });
});

describe('keyIndex and indexOfKey', () => {
  const counts = (keys: LoadKeys, records: number): Map<number, number> => {
    const found = new Map<number, number>();
    for (let i = 0; i < records; i++) found.set(keyIndex(keys, i), (found.get(keyIndex(keys, i)) ?? 0) + 1);
    return found;
  };

  it('spread keys evenly, or use none', () => {
    expect(counts({ kind: 'none' }, 10)).toEqual(new Map([[-1, 10]]));
    expect([...counts({ kind: 'even', distinct: 5 }, 100).values()]).toEqual([20, 20, 20, 20, 20]);
  });

  it('give the hot key its share, and spread the other keys evenly', () => {
    const hot = counts({ kind: 'hot', distinct: 5, share: 0.8 }, 1_000);
    expect(hot.get(0)).toBe(800);
    for (const key of [1, 2, 3, 4]) expect(hot.get(key)).toBe(50);
    expect(counts({ kind: 'hot', distinct: 5, share: 0 }, 100).get(0)).toBeUndefined();
    expect(counts({ kind: 'hot', distinct: 5, share: 1 }, 100)).toEqual(new Map([[0, 100]]));
    expect(counts({ kind: 'hot', distinct: 1, share: 0.1 }, 100)).toEqual(new Map([[0, 100]]));
  });

  it('recognize only keys of the load', () => {
    const keys: LoadKeys = { kind: 'even', distinct: 20 };
    expect(indexOfKey(keys, Buffer.from(keyText(19)))).toBe(19);
    for (const other of ['key-20', 'key-01', 'key-', 'kex-1', 'key-1x']) expect(indexOfKey(keys, Buffer.from(other))).toBe(-1);
    expect(indexOfKey(keys, null)).toBe(-1);
  });
});
