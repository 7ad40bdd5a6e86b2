/** Parts of the texts of faults. */
import { formatDuration, formatRate } from '../numbers.ts';
import { sayDuration } from '../durations.ts';
import type { LinkDirection, LinkEnd } from './fields.ts';
import type { FormatNode } from './definition.ts';

/** `2`, `clients`. */
export function formatEnd(end: LinkEnd): string {
  return String(end);
}

/** `2 ↔ 3`, `2 → 3` (what 2 sends), `2 ← 3`. */
export function formatLink([first, second]: readonly [LinkEnd, LinkEnd], direction: LinkDirection = 'both'): string {
  const arrow = direction === 'both' ? '↔' : direction === 'out' ? '→' : '←';
  return `${formatEnd(first)} ${arrow} ${formatEnd(second)}`;
}

/** `between broker 2 and the clients`, `from broker 2 to broker 3`. */
export function formatWay(
  { between, direction }: { between: readonly [string | number, string | number]; direction: LinkDirection },
  format: FormatNode,
): string {
  const [first, second] = between.map((end) => (end === 'clients' ? 'the clients' : format(end)));
  if (direction === 'both') return `between ${first} and ${second}`;
  return direction === 'out' ? `from ${first} to ${second}` : `from ${second} to ${first}`;
}

/** Milliseconds; 0 bytes per second: unlimited. */
export interface Slowness {
  latencyMs: number;
  jitterMs?: number;
  bytesPerSecond: number;
}

/** `200 ms ± 50 ms, 50.0 kB/s`. */
export function formatSlowness({ latencyMs, jitterMs = 0, bytesPerSecond }: Slowness): string {
  const parts: string[] = [];
  if (latencyMs > 0 || jitterMs > 0) parts.push(`${formatDuration(latencyMs)}${jitterMs > 0 ? ` ± ${formatDuration(jitterMs)}` : ''}`);
  if (bytesPerSecond > 0) parts.push(formatRate(bytesPerSecond));
  return parts.length === 0 ? 'at full speed' : parts.join(', ');
}

export function findNoSlowness({ latencyMs, jitterMs = 0, bytesPerSecond }: Slowness): string | null {
  return latencyMs + jitterMs + bytesPerSecond === 0 ? 'a latency or a bandwidth limit is required' : null;
}

/** `1 min behind`. */
export function formatSkew(offsetMs: number): string {
  return `${formatDuration(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead'}`;
}

/** `30 s forward`. */
export function formatClockStep(offsetMs: number): string {
  return `${sayDuration(Math.abs(offsetMs))} ${offsetMs < 0 ? 'back' : 'forward'}`;
}
