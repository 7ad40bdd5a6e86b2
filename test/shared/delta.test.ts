import { describe, expect, test } from 'vitest';
import { applyDelta, diff, type Delta } from '#shared/delta';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'orders'];
const byName = (value: unknown): unknown => Object.fromEntries(NAMES.map((name) => [name, value]));
/** As a history keeps it: text. */
const kept = (delta: Delta | undefined): Delta => JSON.parse(JSON.stringify(delta)) as Delta;

describe('a change of members that are named like those of Object.prototype', () => {
  test.each(NAMES)('%s alone differs', (name) => {
    const before = byName({ lag: 1, partitions: [1, 2] });
    const after = Object.fromEntries(NAMES.map((each) => [each, { lag: each === name ? 2 : 1, partitions: [1, each === name ? 3 : 2] }]));
    const delta = diff(before, after);
    expect(Object.keys(delta ?? {})).toEqual([name]);
    const patched = applyDelta(before, kept(delta)) as object;
    expect(JSON.stringify(patched)).toBe(JSON.stringify(after));
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
  });

  test('one that comes or goes replaces the whole', () => {
    for (const name of NAMES) {
      const after = Object.fromEntries([[name, 1]]);
      expect(JSON.stringify(applyDelta({ other: 1 }, kept(diff({ other: 1 }, after))))).toBe(JSON.stringify(after));
      expect(JSON.stringify(applyDelta(after, kept(diff(after, {}))))).toBe('{}');
    }
  });

  test('nothing reaches Object.prototype', () => {
    expect(diff(byName(1), byName(1))).toBeUndefined();
    applyDelta(byName({ lag: 1 }), kept(diff(byName({ lag: 1 }), byName({ lag: 2 }))));
    expect(({} as { lag?: number }).lag).toBeUndefined();
  });
});
