/** Lists of any length: spread into the arguments of a call, a list of some ten thousand values overflows the stack. */

export function appendAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** The largest value, and no less than `least`. */
export function maxOf(values: Iterable<number>, least = -Infinity): number {
  let largest = least;
  for (const value of values) if (value > largest) largest = value;
  return largest;
}

/** The smallest value, and no more than `most`. */
export function minOf(values: Iterable<number>, most = Infinity): number {
  let smallest = most;
  for (const value of values) if (value < smallest) smallest = value;
  return smallest;
}
