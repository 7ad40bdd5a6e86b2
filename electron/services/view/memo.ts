/** The last value that was made of an object and other inputs, until one of them is another. Inputs are compared by identity. */
export class Memo<Key extends object, Value> {
  private readonly entries = new WeakMap<Key, { inputs: readonly unknown[]; value: Value }>();

  get(key: Key, inputs: readonly unknown[], make: () => Value): Value {
    const known = this.entries.get(key);
    if (known !== undefined && known.inputs.length === inputs.length && known.inputs.every((input, i) => Object.is(input, inputs[i])))
      return known.value;
    const value = make();
    this.entries.set(key, { inputs, value });
    return value;
  }
}

/** Keeps a list's object while its items are the same objects in the same order. */
export function keepList<Item>(known: readonly Item[] | undefined, fresh: readonly Item[]): readonly Item[] {
  return known !== undefined && known.length === fresh.length && known.every((item, i) => item === fresh[i]) ? known : fresh;
}
