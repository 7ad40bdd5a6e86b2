/** The resolutions in which history is kept, and which of them answers a request. */
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface Level {
  stepMs: number;
  keepMs: number;
}

/** Each level covers a range of the chart with less than 2,000 points: 15 min, 1 h, 24 h, 7 d and (three steps to a point) 30 d. */
export const LEVELS: readonly Level[] = [
  { stepMs: SECOND_MS, keepMs: 20 * MINUTE_MS },
  { stepMs: 10 * SECOND_MS, keepMs: 3 * HOUR_MS },
  { stepMs: MINUTE_MS, keepMs: 26 * HOUR_MS },
  { stepMs: 10 * MINUTE_MS, keepMs: 30 * DAY_MS },
];

export const KEEP_MS = 30 * DAY_MS;

/** A round of a slow cluster takes seconds: less than this between two samples is no gap. */
const MIN_GAP_MS = 10_000;

export interface Plan {
  level: number;
  /** Of a point in the answer: a multiple of the level's step. */
  stepMs: number;
}

/**
 * The level for a range from `from` to `until`, both included: the coarsest that is as fine as `points` (10 at least) allow, among those that reach back to `from`. `floors`: by level,
 * the time before which its points were deleted.
 */
export function planFor(from: number, until: number, points: number, floors: readonly number[]): Plan {
  // The first and last step of a range that is not aligned are points too.
  const idealMs = Math.max(1, until - from) / (points - 2);
  const reaching = LEVELS.map((_, level) => level).filter((level) => (floors[level] ?? 0) <= from);
  const candidates = reaching.length === 0 ? [LEVELS.length - 1] : reaching;
  const fineEnough = candidates.filter((level) => stepOf(level) <= idealMs);
  const level = fineEnough.at(-1) ?? candidates[0] ?? 0;
  const stepMs = stepOf(level);
  return { level, stepMs: stepMs * Math.max(1, Math.ceil(idealMs / stepMs)) };
}

export function stepOf(level: number): number {
  return LEVELS[level]?.stepMs ?? MINUTE_MS;
}

export function stepStart(at: number, stepMs: number): number {
  return Math.floor(at / stepMs) * stepMs;
}

export function gapOf(stepMs: number): number {
  return Math.max(MIN_GAP_MS, 1.5 * stepMs);
}

/** The time of the first sample, as exactly as it is known, from the oldest step of each level; null: none. */
export function firstSampleAt(oldest: readonly (number | null)[]): number | null {
  let first: { at: number; stepMs: number } | null = null;
  oldest.forEach((at, level) => {
    if (at !== null && (first === null || at < first.at)) first = { at, stepMs: stepOf(level) };
  });
  const coarse = first as { at: number; stepMs: number } | null;
  if (coarse === null) return null;
  // A finer level's oldest step within that one starts nearer to the sample.
  const within = oldest.filter((at): at is number => at !== null && at < coarse.at + coarse.stepMs);
  return within.reduce((latest, at) => Math.max(latest, at), coarse.at);
}
