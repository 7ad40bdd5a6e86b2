/** A setting's raw value said as a person would: `604800000` is 7 days. */
import { formatBytes, formatDuration } from './numbers.ts';

export function explainConfigValue(name: string, value: string | null): string | null {
  if (value === null || !/^-?\d{1,19}$/.test(value)) return null;
  const number = BigInt(value);
  const isTime = name.endsWith('.ms');
  const isSize = name.endsWith('.bytes');
  if (!isTime && !isSize) return null;
  if (number === -1n) return name.startsWith('retention') ? 'no limit' : null;
  if (number >= 9_223_372_036_854_775_807n) return isTime ? 'never' : 'no limit';
  if (number < 1_000n) return null;
  return isTime ? formatDuration(Number(number)) : formatBytes(value);
}
