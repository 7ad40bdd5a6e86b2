/** Formats the value of a setting: times as durations, bytes as sizes, other values unchanged. */
import { formatBytes, formatDuration } from '../format/numbers.ts';

/** Values that mean "no limit" in Kafka. */
const NEVER = new Set(['-1', '9223372036854775807']);

export function formatSetting(name: string, value: string): string {
  if (value === '') return 'none';
  const endless = /\.(ms|bytes)$/.test(name);
  if (endless && NEVER.has(value)) return 'no limit';
  if (!/^\d{1,15}$/.test(value)) return value;
  if (name.endsWith('.ms')) return formatDuration(Number(value));
  if (name.endsWith('.seconds')) return formatDuration(Number(value) * 1_000);
  if (name.endsWith('.minutes')) return formatDuration(Number(value) * 60_000);
  if (name.endsWith('.bytes')) return formatBytes(Number(value));
  return value;
}
