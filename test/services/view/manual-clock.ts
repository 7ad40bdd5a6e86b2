/** A clock that a test moves, for lanes and for readings. */
import type { LaneClock } from '../../../electron/services/view/broker-lanes.ts';
import type { Instant } from '../../../electron/services/view/elapsed.ts';

export class ManualClock implements LaneClock {
  private ms = 0;
  /** The wall clock is ahead of the monotonic one by this. */
  wallOffsetMs = 1_700_000_000_000;
  private readonly timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.ms;
  }

  readonly instant = (): Instant => ({ wallMs: this.wallOffsetMs + this.ms, monotonicMs: this.ms });

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.ms + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Runs what falls due, then lets all that follows from it happen. */
  async advance(ms: number): Promise<void> {
    this.ms += ms;
    for (const timer of [...this.timers].filter(({ at }) => at <= this.ms)) {
      this.timers.delete(timer);
      timer.run();
    }
    await settle();
  }
}

export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise that the test settles. */
export class Pending<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
