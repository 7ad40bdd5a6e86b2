/**
 * Keeps rows where they are while their numbers change. A row moves only when the user sorts; a new row is put where it
 * belongs among the ones that stand; a removed row leaves a gap that closes.
 */
export function stableOrder<Row, Key>(
  previous: readonly Key[],
  rows: readonly Row[],
  keyOf: (row: Row) => Key,
  compare: ((a: Row, b: Row) => number) | null,
): Row[] {
  // Unsorted: the caller's order is the order.
  if (compare === null) return [...rows];
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const kept: Row[] = [];
  for (const key of previous) {
    const row = byKey.get(key);
    if (row === undefined) continue;
    kept.push(row);
    byKey.delete(key);
  }
  const fresh = [...byKey.values()];
  fresh.sort(compare);
  if (kept.length === 0) return fresh;
  return merge(kept, fresh, compare);
}

function merge<Row>(kept: Row[], fresh: Row[], compare: (a: Row, b: Row) => number): Row[] {
  const merged: Row[] = [];
  let next = 0;
  for (const row of kept) {
    for (let candidate = fresh[next]; candidate !== undefined && compare(candidate, row) < 0; candidate = fresh[next]) {
      merged.push(candidate);
      next += 1;
    }
    merged.push(row);
  }
  return [...merged, ...fresh.slice(next)];
}
