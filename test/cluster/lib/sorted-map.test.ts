import { expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { SortedMap } from '../../../electron/cluster/lib/sorted-map.ts';

test('SortedMap: equals a Map in key order, and earlier versions stay unchanged', () => {
  const random = seededRandom(7);
  const model = new Map<string, number>();
  let map = SortedMap.empty<number>();
  const kept: { map: SortedMap<number>; was: [string, number][] }[] = [];
  const sorted = (): [string, number][] => [...model].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let step = 0; step < 20_000; step++) {
    const key = `k${random.int(600)}`;
    if (random.next() < 0.55) {
      model.set(key, step);
      map = map.set(key, step);
    } else {
      model.delete(key);
      map = map.delete(key);
    }
    expect(map.size).toBe(model.size);
    expect(map.get(key)).toBe(model.get(key));
    expect(map.has(key)).toBe(model.has(key));
    if (step % 1000 === 0) kept.push({ map, was: sorted() });
  }
  expect([...map.entries()]).toEqual(sorted());
  for (const { map: old, was } of kept) expect([...old.entries()]).toEqual(was);
  expect(SortedMap.of(model)).toBeDefined();
  expect([...SortedMap.of(model).keys()]).toEqual(sorted().map(([key]) => key));
});

test('SortedMap: stays balanced when keys are inserted in order', () => {
  let map = SortedMap.empty<number>();
  for (let index = 0; index < 50_000; index++) map = map.set(String(index).padStart(6, '0'), index);
  const depth = (tree: unknown): number => {
    if (tree === undefined) return 0;
    const { left, right } = tree as { left: unknown; right: unknown };
    return 1 + Math.max(depth(left), depth(right));
  };
  expect(depth((map as unknown as { tree: unknown }).tree)).toBeLessThan(32);
  expect(map.get('031415')).toBe(31415);
});
