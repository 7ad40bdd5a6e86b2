import type { Clock, Timer } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';

/**
 * A deadline that is postponed often, as a member's session is with every heartbeat. A postponement only changes a number and starts no timer;
 * the running timer checks the number when it fires.
 *
 * It counts running time: after a stall of the node all timers are overdue before the heartbeats that arrived meanwhile have been read, and
 * members must not expire because of that.
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
    // Timers may fire up to 1 ms early.
    if (due > runningTime(this.clock) + 1) {
      this.arm(due);
      return;
    }
    this.due = null;
    this.expired();
  }
}
