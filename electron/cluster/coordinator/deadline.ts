import type { Clock, Timer } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';

/**
 * A point in time that is postponed again and again, as a member's session is with every heartbeat. A postponement only changes a
 * number; the timer finds out when it runs, so heartbeats cost no timers.
 *
 * It is counted in running time: a node that was stalled finds all its timers overdue before it has read one heartbeat that
 * arrived meanwhile, and must not expire members for that.
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
    this.due = runningTime(this.clock) + delayMs;
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
    this.timerDue = due;
    this.timer = setRunningTimer(this.clock, Math.max(due - runningTime(this.clock), 0), () => this.fire());
  }

  private fire(): void {
    this.timer = null;
    const { due } = this;
    if (due === null) return;
    // A running timer may come up to 1 ms early.
    if (due > runningTime(this.clock) + 1) {
      this.arm(due);
      return;
    }
    this.due = null;
    this.expired();
  }
}
