/** What changed between two JSON values, for patches of rows and for their history. Pure. */
import { ownValue } from './own-value.ts';

/**
 * `[value]` replaces the whole, an object holds the deltas of those members (or list items, by index) that differ. A list that grew or
 * shrank, and an object with other members, is replaced.
 */
export type Delta = [whole: unknown] | { [member: string]: Delta };

type Members = Readonly<Record<string, unknown>>;

/** Undefined: nothing differs. */
export function diff(before: unknown, after: unknown): Delta | undefined {
  if (before === after) return undefined;
  if (Array.isArray(before) && Array.isArray(after)) return before.length === after.length ? diffItems(before, after) : [after];
  if (isPlain(before) && isPlain(after)) return diffMembers(before, after);
  return [after];
}

function diffItems(before: readonly unknown[], after: readonly unknown[]): Delta | undefined {
  const changed: [index: string, delta: Delta][] = [];
  for (let i = 0; i < after.length; i++) {
    const delta = diff(before[i], after[i]);
    if (delta !== undefined) changed.push([String(i), delta]);
  }
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

function diffMembers(before: Members, after: Members): Delta | undefined {
  const names = Object.keys(after);
  if (names.length !== Object.keys(before).length) return [after];
  const changed: [name: string, delta: Delta][] = [];
  for (const name of names) {
    if (!Object.hasOwn(before, name)) return [after];
    const delta = diff(ownValue(before, name), ownValue(after, name));
    if (delta !== undefined) changed.push([name, delta]);
  }
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

/** The value after the change; `before` stays as it is, and what did not change is shared with it. */
export function applyDelta(before: unknown, delta: Delta): unknown {
  if (Array.isArray(delta)) return delta[0];
  if (Array.isArray(before)) {
    const list = [...(before as unknown[])];
    for (const [index, change] of Object.entries(delta)) list[Number(index)] = applyDelta(list[Number(index)], change);
    return list;
  }
  const members = before as Members;
  // Defined, not assigned: a member may be named __proto__.
  return {
    ...members,
    ...Object.fromEntries(Object.entries(delta).map(([name, change]) => [name, applyDelta(ownValue(members, name), change)])),
  };
}

function isPlain(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
