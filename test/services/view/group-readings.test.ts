import { expect, test } from 'vitest';
import type { LogBounds } from '../../../electron/admin/topics.ts';
import { withBounds } from '../../../electron/services/view/group-readings.ts';

const KNOWN: LogBounds = { start: 1n, end: 5n, stable: 4n };
const known = { topicId: 'A', partitions: new Map<number, LogBounds>([[0, KNOWN], [1, KNOWN]]) }; // prettier-ignore

test('withBounds: keeps the object of a topic whose bounds are the same', () => {
  expect(withBounds(known, 'A', new Map([[1, { ...KNOWN }]]))).toBe(known);
  const failed = withBounds(known, 'A', new Map([[1, { error: 'X' }]]));
  expect(withBounds(failed, 'A', new Map([[1, { error: 'X' }]]))).toBe(failed);
});

test.each<LogBounds>([
  { ...KNOWN, start: 2n },
  { ...KNOWN, end: 6n },
  { ...KNOWN, stable: 5n },
  { ...KNOWN, stable: null },
  { error: 'REQUEST_TIMED_OUT' },
])('withBounds: replaces bounds that differ in one member (%o)', (bounds) => {
  const next = withBounds(known, 'A', new Map([[1, bounds]]));
  expect([next.partitions.get(0), next.partitions.get(1)]).toEqual([KNOWN, bounds]);
  expect(withBounds(next, 'A', new Map([[1, KNOWN]])).partitions.get(1)).toEqual(KNOWN);
});

test('withBounds: keeps nothing of another incarnation of the topic', () => {
  expect([...withBounds(known, 'B', new Map([[1, KNOWN]])).partitions.keys()]).toEqual([1]);
});
