/** Durations as people write them: in a scenario `250ms`, `3s`, `1.5s`, `2m`; in fields of the screen `7 d`, `1 h 30 min`, `250 ms`. */
import { ownValue } from './own-value.ts';
import { formatExactly, parseWithUnits, type Unit } from './units.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
export const DURATION_PATTERN = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)$/;

/** Milliseconds; null for what is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return null;
  const [, figure = '', unit = ''] = match;
  return Math.round(Number(figure) * (ownValue(UNITS, unit) ?? 0));
}

/** The shortest way to write it: `3s`, `250ms`, `2m`. */
export function writeDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole > 0 && whole % 60_000 === 0) return `${whole / 60_000}m`;
  return whole % 100 === 0 ? `${whole / 1_000}s` : `${whole}ms`;
}

/** In a sentence: `0.25 s`, `3 s`, `2 min`. */
export function sayDuration(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return `${Number((ms / 1_000).toFixed(ms < 1_000 ? 2 : 1))} s`;
}

/** Largest first. */
const TYPED_UNITS: readonly Unit[] = [
  { names: ['d', 'day', 'days'], size: 86_400_000n },
  { names: ['h', 'hour', 'hours'], size: 3_600_000n },
  { names: ['min', 'm', 'minutes'], size: 60_000n },
  { names: ['s', 'seconds'], size: 1_000n },
  { names: ['ms'], size: 1n },
];

/** Milliseconds of what was typed with units; null for anything else, such as a bare number or part of a millisecond. */
export const parseTypedDuration = (text: string): bigint | null => parseWithUnits(text, TYPED_UNITS);

/** Exact, and read back as the same by `parseTypedDuration`: `7 d`, `1 d 12 h`, `250 ms`. For 0 and more. */
export function formatExactDuration(ms: bigint): string {
  return formatExactly(ms, TYPED_UNITS, 'several');
}
