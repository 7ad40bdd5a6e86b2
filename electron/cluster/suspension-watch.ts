/**
 * Detects that the operating system did not run this process: it was stopped, or the machine slept or was starved. Late timers alone do not prove
 * that, since one thread may be busy while the others run; a suspended process has used no processor time meanwhile.
 */
import type { Clock, Timer } from './lib/clock.ts';

const TICK_MS = 250;
/** Shorter ones are not reported: no timeout between nodes is that short. */
const MIN_SUSPENSION_MS = 2_000;
/** Share of a gap that the process's threads may have used: before the suspension began, and between its end and this check. */
const MAX_USED = 0.25;

export interface SuspensionWatchOptions {
  readonly clock: Clock;
  /** Milliseconds of processor time of all threads since the start of the process. */
  processorMs(): number;
  /** Called before anything that the threads report after the suspension, with its length in ms. */
  suspended(forMs: number): void;
}

export class SuspensionWatch {
  private readonly options: SuspensionWatchOptions;
  private seenAt = 0;
  private usedMs = 0;
  private timer: Timer | undefined;

  constructor(options: SuspensionWatchOptions) {
    this.options = options;
  }

  start(): void {
    if (this.timer !== undefined) return;
    this.note();
    this.tick();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** To be called before an event is recorded: messages of threads may be read before a timer fires. */
  look(): void {
    if (this.timer === undefined) return;
    const { options } = this;
    const gapMs = options.clock.monotonic() - this.seenAt;
    if (gapMs < MIN_SUSPENSION_MS) {
      // Gaps are measured between ticks: a check must not hide the start of one.
      if (gapMs >= TICK_MS) this.note();
      return;
    }
    const usedMs = options.processorMs() - this.usedMs;
    this.note();
    if (usedMs <= gapMs * MAX_USED) options.suspended(Math.round(gapMs));
  }

  private note(): void {
    this.seenAt = this.options.clock.monotonic();
    this.usedMs = this.options.processorMs();
  }

  private tick(): void {
    this.timer = this.options.clock.setTimer(TICK_MS, () => {
      this.look();
      this.tick();
    });
  }
}
