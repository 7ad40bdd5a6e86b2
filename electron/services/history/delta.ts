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
  let changed: { [member: string]: Delta } | undefined;
  for (const name in after) {
    const delta = diff(before[name], after[name]);
    if (delta !== undefined) (changed ??= {})[name] = delta;
  }
  return changed;
}

/** The value after the change; `before` stays as it is, and what did not change is shared with it. */
export function patch(before: unknown, delta: Delta): unknown {
  if (Array.isArray(delta)) return delta[0];
  const after: Record<string, unknown> = Array.isArray(before)
    ? ([...(before as unknown[])] as unknown as Record<string, unknown>)
    : { ...(before as Members) };
  for (const [name, change] of Object.entries(delta)) after[name] = patch(after[name], change);
  return after;
}

function isPlain(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameNames(before: Members, after: Members): boolean {
  for (const name in after) if (!(name in before)) return false;
  for (const name in before) if (!(name in after)) return false;
  return true;
}
