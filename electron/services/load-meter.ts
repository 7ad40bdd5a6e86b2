/** A rate over the last three seconds, from a counter that never decreases. */
const WINDOW_MS = 3_000;

export class LoadMeter {
  private samples: { at: number; total: number }[] = [];

  /** `now`: milliseconds of a monotonic clock. */
  sample(total: number, now: number): void {
    this.samples.push({ at: now, total });
    // One sample from before the window is kept, so that the rate covers the whole window.
    while (this.samples.length > 2 && (this.samples[1]?.at ?? now) <= now - WINDOW_MS) this.samples.shift();
  }

  get perSecond(): number {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < 1) return 0;
    return Math.round(((last.total - first.total) * 10_000) / (last.at - first.at)) / 10;
  }
}
