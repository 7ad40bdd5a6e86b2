/** The time between two readings, by both clocks, so that a figure is never measured across a pause of the process or the machine. */

export interface Instant {
  /** Wall-clock ms. */
  readonly wallMs: number;
  /** Milliseconds of a clock that is never set, and that stops while the machine sleeps. */
  readonly monotonicMs: number;
}

/** Readings farther apart are not compared: the process was suspended, or nothing was read. */
const MAX_GAP_MS = 10_000;
/** The wall clock was set, or the machine slept. */
const MAX_CLOCK_DIFFERENCE_MS = 1_000;

export function systemInstant(): Instant {
  return { wallMs: Date.now(), monotonicMs: performance.now() };
}

/** Seconds between two readings; null where no rate can be measured between them. */
export function elapsedSeconds(before: Instant, after: Instant): number | null {
  const elapsedMs = after.monotonicMs - before.monotonicMs;
  if (elapsedMs <= 0 || elapsedMs > MAX_GAP_MS) return null;
  if (Math.abs(after.wallMs - before.wallMs - elapsedMs) > MAX_CLOCK_DIFFERENCE_MS) return null;
  return elapsedMs / 1_000;
}

/** Half of the new, half of the old: a figure that can be read while it moves. */
export function smooth(before: number | null, now: number | null): number | null {
  if (now === null) return null;
  return before === null ? now : before / 2 + now / 2;
}
