/** Rate limit of a load and latency of its acknowledgements. Times are monotonic ms. */

/** Burst after a pause. Records of longer pauses are not made up for: the rate is a limit. */
const BURST_MS = 1_000;

export class TokenBucket {
  private perMs: number;
  private tokens = 0;
  private at: number;

  constructor(recordsPerSecond: number, now: number) {
    this.perMs = recordsPerSecond / 1_000;
    this.at = now;
  }

  setRate(recordsPerSecond: number, now: number): void {
    this.fill(now);
    this.perMs = recordsPerSecond / 1_000;
    this.tokens = Math.min(this.tokens, this.limit);
  }

  /** Takes tokens for up to `most` records; returns their number. */
  take(most: number, now: number): number {
    this.fill(now);
    const count = Math.min(most, Math.floor(this.tokens));
    this.tokens -= count;
    return count;
  }

  /** Time until `take` returns at least 1. */
  waitMs(now: number): number {
    this.fill(now);
    return this.tokens >= 1 ? 0 : Math.ceil((1 - this.tokens) / this.perMs);
  }

  private fill(now: number): void {
    this.tokens = Math.min(this.limit, this.tokens + Math.max(0, now - this.at) * this.perMs);
    this.at = now;
  }

  /** At least 1, or a slow load could never send. */
  private get limit(): number {
    return Math.max(1, this.perMs * BURST_MS);
  }
}

const WINDOW_MS = 5_000;

/** Latency of acknowledgements over the last 5 s. */
export class LatencyWindow {
  private samples: { at: number; ms: number; records: number }[] = [];

  add(ms: number, records: number, now: number): void {
    const last = this.samples.at(-1);
    // Records of one response are added one by one.
    if (last !== undefined && now - last.at < 1 && Math.abs(ms - last.ms) < 1) last.records += records;
    else this.samples.push({ at: now, ms, records });
  }

  /** Percentiles over records, not requests. Null without acknowledgements. */
  percentiles(now: number): { medianMs: number | null; p99Ms: number | null } {
    this.samples = this.samples.filter(({ at }) => at > now - WINDOW_MS);
    const sorted = this.samples.toSorted((a, b) => a.ms - b.ms);
    const total = sorted.reduce((sum, { records }) => sum + records, 0);
    const at = (share: number): number | null => {
      let passed = 0;
      for (const { ms, records } of sorted) {
        passed += records;
        if (passed >= total * share) return Math.round(ms * 10) / 10;
      }
      return null;
    };
    return total === 0 ? { medianMs: null, p99Ms: null } : { medianMs: at(0.5), p99Ms: at(0.99) };
  }
}
