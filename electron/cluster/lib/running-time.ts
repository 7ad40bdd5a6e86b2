/**
 * Time in which this process could run. After a stall of the event loop (a long collection, a starved or suspended process) all timers are
 * overdue before one socket has been read, so a timeout that judges a peer must not count the stall. Stalls are measured by how late a
 * periodic tick runs.
 */
import type { Clock, Timer } from './clock.ts';

/** The finest stall that is noticed lies between `TOLERATED_MS` and the sum of both. */
const TICK_MS = 50;
/** A tick may be this late on a healthy machine. */
const TOLERATED_MS = 15;
/** After a stall the sockets get this long to be read before a timeout counts. */
const SETTLE_MS = 100;

/** A clock that also measures running time (`Clock.running`) between `start` and `stop`. */
export class StallAwareClock implements Clock {
  private readonly inner: Clock;
  private stalledMs = 0;
  private tickDueAt = Number.POSITIVE_INFINITY;
  private timer: Timer | undefined;

  constructor(inner: Clock) {
    this.inner = inner;
  }

  now(): number {
    return this.inner.now();
  }

  monotonic(): number {
    return this.inner.monotonic();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.inner.setTimer(delayMs, callback);
  }

  running(): number {
    const now = this.inner.monotonic();
    return now - this.stalledMs - this.lateness(now);
  }

  /** Starts the measurement. */
  start(): void {
    if (this.timer === undefined) this.schedule();
  }

  /** Ends the measurement; from then on all time counts. */
  stop(): void {
    this.stalledMs += this.lateness(this.inner.monotonic());
    this.tickDueAt = Number.POSITIVE_INFINITY;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private schedule(): void {
    this.tickDueAt = this.inner.monotonic() + TICK_MS;
    this.timer = this.inner.setTimer(TICK_MS, () => {
      this.stalledMs += this.lateness(this.inner.monotonic());
      this.schedule();
    });
  }

  private lateness(now: number): number {
    return Math.max(0, now - this.tickDueAt - TOLERATED_MS);
  }
}

/** Running time in ms; where a clock does not measure it, its monotonic time. */
export function runningTime(clock: Clock): number {
  return clock.running?.() ?? clock.monotonic();
}

/**
 * A timer for a timeout of a peer: runs `callback` once, after `delayMs` of running time. If it runs late itself, received bytes in
 * the sockets are read first. On a clock that does not measure running time it is an ordinary timer.
 */
export function setRunningTimer(clock: Clock, delayMs: number, callback: () => void): Timer {
  if (clock.running === undefined) return clock.setTimer(delayMs, callback);
  const dueAt = runningTime(clock) + delayMs;
  let timer: Timer;
  // Granted once: a loop that is always late must not postpone the timeout for ever.
  let settled = false;
  const arm = (waitMs: number): void => {
    const expectedAt = clock.monotonic() + waitMs;
    timer = clock.setTimer(waitMs, () => {
      const left = dueAt - runningTime(clock);
      const settle = !settled && clock.monotonic() - expectedAt > TOLERATED_MS;
      settled ||= settle;
      // Timers of Node.js may come up to 1 ms early.
      if (settle) arm(Math.max(left, SETTLE_MS));
      else if (left > 1) arm(left);
      else callback();
    });
  };
  arm(delayMs);
  return {
    cancel: () => {
      timer.cancel();
    },
  };
}
