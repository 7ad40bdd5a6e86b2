/**
 * Time for everything under `electron/cluster`. Code there must not ask the operating system for the
 * time or for a timer; it is given a `Clock`, so that the simulator can control time and the lab can skew it.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump; used in records and on the screen. */
  now(): number;
  /** Milliseconds from an arbitrary start that never decrease. Every timeout is measured with them. */
  monotonic(): number;
  /** Runs `callback` once, `delayMs` from now. A delay of 0 still runs it later, never at once. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Monotonic milliseconds in which this process could run; absent where stalls are not measured. See `running-time.ts`. */
  running?(): number;
}

export interface Timer {
  /** Idempotent; after it the callback will not run. */
  cancel(): void;
}

/** Resolves after `delayMs` on the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}
