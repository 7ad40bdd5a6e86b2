/**
 * A clock with a wrong time of day: durations and timers are unaffected, as on a machine whose wall clock was set
 * wrongly.
 */
import type { Clock } from './clock.ts';

export class SkewedClock implements Clock {
  /** Milliseconds by which `now` runs ahead; negative: behind. */
  offsetMs = 0;
  readonly monotonic: Clock['monotonic'];
  readonly setTimer: Clock['setTimer'];
  private readonly inner: Clock;

  constructor(inner: Clock) {
    this.inner = inner;
    this.monotonic = () => inner.monotonic();
    this.setTimer = (delayMs, callback) => inner.setTimer(delayMs, callback);
  }

  now(): number {
    return this.inner.now() + this.offsetMs;
  }
}
