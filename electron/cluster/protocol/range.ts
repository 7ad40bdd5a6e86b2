/** A range of versions as the message specifications write it: `'0+'`, `'2-4'`, `'3'`. */
export type Range = `${number}+` | `${number}-${number}` | `${number}`;

/** Bounds of a range, both inclusive; the end of an open one is Infinity. */
export function rangeBounds(range: Range): { first: number; last: number } {
  const [first, last] = range.split('-');
  if (last !== undefined) return { first: Number(first), last: Number(last) };
  if (range.endsWith('+')) return { first: Number(range.slice(0, -1)), last: Infinity };
  return { first: Number(range), last: Number(range) };
}

export function inRange(range: Range | undefined, version: number): boolean {
  if (range === undefined) return false;
  const { first, last } = rangeBounds(range);
  return version >= first && version <= last;
}
