import { SortedMap } from '../../electron/cluster/lib/sorted-map.ts';

/** A value as plain objects and lists: two sorted maps hold the same however their trees have grown. */
export function plain(value: unknown): unknown {
  if (value instanceof SortedMap) return [...(value as SortedMap<unknown>).entries()].map(([key, inner]): unknown => [key, plain(inner)]);
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].map(([key, inner]) => [key, plain(inner)]);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map((inner: unknown): unknown => plain(inner));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}
