/** The value of a key that a constant table defines itself: a key such as `constructor` finds nothing of Object.prototype. */
export function ownValue<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
