/** Durations as people write them in a scenario: `250ms`, `3s`, `1.5s`, `2m`. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
export const DURATION_PATTERN = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)$/;

/** Milliseconds; null for what is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return null;
  const [, figure = '', unit = ''] = match;
  return Math.round(Number(figure) * (UNITS[unit] ?? 0));
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
