import type { Clock, Timer } from '../lib/clock.ts';

/** A timer that runs this much late was held up by its own node, which then heard nobody. */
const HELD_UP_MS = 1000;
/** What everybody gets after such a pause: time for what already waits in the sockets to be read. */
const SECOND_CHANCE_MS = 1000;

/**
 * A moment that is pushed back all the time, as a member's session is with every heartbeat. Pushing back only moves a
 * number; the timer finds out when it runs, so heartbeats cost no timers.
 *
 * A node that was frozen finds all its timers overdue at once, before it has read one heartbeat that came meanwhile. So a
 * deadline that is found long overdue waits once more before it counts.
 */
export class Deadline {
  private readonly clock: Clock;
  private readonly expired: () => void;
  private due: number | null = null;
  private timer: Timer | null = null;
  private timerDue = 0;

  constructor(clock: Clock, expired: () => void) {
    this.clock = clock;
    this.expired = expired;
  }

  get pending(): boolean {
    return this.due !== null;
  }

  /** Moves the deadline to `delayMs` from now. */
  set(delayMs: number): void {
    this.due = this.clock.monotonic() + delayMs;
    if (this.timer !== null && this.timerDue <= this.due) return;
    this.timer?.cancel();
    this.arm(this.due);
  }

  clear(): void {
    this.due = null;
    this.timer?.cancel();
    this.timer = null;
  }

  private arm(due: number): void {
    const now = this.clock.monotonic();
    this.timerDue = due;
    this.timer = this.clock.setTimer(Math.max(due - now, 0), () => this.fire());
  }

  private fire(): void {
    this.timer = null;
    const due = this.due;
    if (due === null) return;
    const now = this.clock.monotonic();
    const heldUp = now - this.timerDue > HELD_UP_MS;
    if (heldUp && due <= now) {
      this.due = now + SECOND_CHANCE_MS;
      this.arm(this.due);
    } else if (due > now) {
      this.arm(due);
    } else {
      this.due = null;
      this.expired();
    }
  }
}
