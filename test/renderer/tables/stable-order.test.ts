import { describe, expect, it } from 'vitest';
import { stableOrder } from '../../../renderer/tables/stable-order.ts';

interface Row {
  key: string;
  lag: number;
}
const keyOf = (row: Row): string => row.key;
const byLag = (a: Row, b: Row): number => b.lag - a.lag;
const rows = (text: string): Row[] => text.split(' ').map((part) => ({ key: part[0] ?? '', lag: Number(part.slice(1)) }));
const keys = (list: Row[]): string => list.map(keyOf).join('');

describe('order of live rows', () => {
  it('sorts when nothing stands yet', () => {
    expect(keys(stableOrder([], rows('a1 b9 c5'), keyOf, byLag))).toBe('bca');
  });

  it('leaves rows where they are while their numbers change', () => {
    expect(keys(stableOrder(['b', 'c', 'a'], rows('a99 b0 c5'), keyOf, byLag))).toBe('bca');
  });

  it('puts a new row where it belongs and closes the gap of a removed one', () => {
    expect(keys(stableOrder(['b', 'c', 'a'], rows('a1 b9 d7'), keyOf, byLag))).toBe('bda');
    expect(keys(stableOrder(['b', 'a'], rows('a5 b9 z0'), keyOf, byLag))).toBe('baz');
  });

  it("follows the caller's order when unsorted: a tail's newest record stays first", () => {
    expect(keys(stableOrder(['b', 'a'], rows('c3 b2 a1'), keyOf, null))).toBe('cba');
  });
});
