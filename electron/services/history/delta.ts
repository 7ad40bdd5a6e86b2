import { ownValue } from '#shared/own-value';

/**
 * What changed between two JSON values, as small as it is: `[value]` replaces the whole, an object holds the deltas of those
 * members (or list items, by index) that differ. A list that grew or shrank, and an object with other members, is replaced.
 */
export type Delta = [whole: unknown] | { [member: string]: Delta };

/** Undefined: nothing differs. */
export function diff(before: unknown, after: unknown): Delta | undefined {
  if (before === after) return undefined;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length ? members(before as unknown as Members, after as unknown as Members) : [after];
  }
  if (isPlain(before) && isPlain(after)) return sameNames(before, after) ? members(before, after) : [after];
  return [after];
}

type Members = Readonly<Record<string, unknown>>;

function members(before: Members, after: Members): Delta | undefined {
  const changed: [name: string, delta: Delta][] = [];
  for (const [name, value] of Object.entries(after)) {
    const delta = diff(ownValue(before, name), value);
    if (delta !== undefined) changed.push([name, delta]);
  }
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

/** The value after the change; `before` stays as it is, and what did not change is shared with it. */
export function patch(before: unknown, delta: Delta): unknown {
  if (Array.isArray(delta)) return delta[0];
  if (Array.isArray(before)) {
    const list = [...(before as unknown[])];
    for (const [index, change] of Object.entries(delta)) list[Number(index)] = patch(list[Number(index)], change);
    return list;
  }
  const members = before as Members;
  // Defined, not assigned: a member may be named __proto__.
  return {
    ...members,
    ...Object.fromEntries(Object.entries(delta).map(([name, change]) => [name, patch(ownValue(members, name), change)])),
  };
}

function isPlain(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameNames(before: Members, after: Members): boolean {
  const names = Object.keys(after);
  return names.length === Object.keys(before).length && names.every((name) => Object.hasOwn(before, name));
}
