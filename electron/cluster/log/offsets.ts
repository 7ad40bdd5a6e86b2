/** Offsets are bigints, which Math does not know. */

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
export function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return max(low, min(value, high));
}
