import type { Clock, Timer } from '../lib/clock.ts';

/** Work of a data directory that runs later or at intervals. A run that fails ends neither its timer nor the node: `attempt` reports it. */
export class TimedWork {
  private readonly clock: Clock;
  private readonly attempt: (work: () => void) => void;
  private readonly timers = new Set<Timer>();
  private stopped = false;

  constructor(clock: Clock, attempt: (work: () => void) => void) {
    this.clock = clock;
    this.attempt = attempt;
  }

  after(delayMs: number, work: () => void): void {
    const timer = this.clock.setTimer(delayMs, () => {
      this.timers.delete(timer);
      this.attempt(work);
    });
    this.timers.add(timer);
  }

  every(intervalMs: number, work: () => void): void {
    this.after(intervalMs, () => {
      try {
        work();
      } finally {
        if (!this.stopped) this.every(intervalMs, work);
      }
    });
  }

  /** Cancels everything that has not run. */
  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }
}
