/** Keeps a list's object while its items are the same objects in the same order. */
export function keepList<Item>(known: readonly Item[] | undefined, fresh: readonly Item[]): readonly Item[] {
  return known !== undefined && known.length === fresh.length && known.every((item, i) => item === fresh[i]) ? known : fresh;
}
