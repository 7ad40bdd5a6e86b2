import { describe, expect, it } from 'vitest';
import { LatencyWindow, TokenBucket } from '../../../electron/admin/load/rate.ts';

describe('TokenBucket', () => {
  it('keeps the rate in whole records', () => {
    const bucket = new TokenBucket(250, 0);
    let taken = 0;
    for (let now = 0; now <= 10_000; now += 7) taken += bucket.take(1_000, now);
    expect(taken).toBeGreaterThanOrEqual(2_495);
    expect(taken).toBeLessThanOrEqual(2_500);
  });

  it('allows a burst of one second after a pause', () => {
    const bucket = new TokenBucket(100, 0);
    expect(bucket.take(10_000, 60_000)).toBe(100);
    expect(bucket.take(10_000, 60_000)).toBe(0);
    expect(bucket.waitMs(60_000)).toBe(10);
  });

  it('shares its tokens between clients', () => {
    const bucket = new TokenBucket(1_000, 0);
    expect([bucket.take(60, 100), bucket.take(60, 100), bucket.take(60, 100)]).toEqual([60, 40, 0]);
  });

  it('lets a slow load send single records', () => {
    const bucket = new TokenBucket(0.1, 0);
    expect(bucket.take(1, 9_999)).toBe(0);
    expect(bucket.waitMs(9_000)).toBeGreaterThan(0);
    expect(bucket.take(1, 10_001)).toBe(1);
    expect(bucket.take(5, 10_000_000)).toBe(1);
  });

  it('changes the rate without a burst', () => {
    const bucket = new TokenBucket(10_000, 0);
    bucket.setRate(10, 5_000);
    expect(bucket.take(10_000, 5_000)).toBe(10);
  });
});

describe('LatencyWindow', () => {
  it('returns percentiles over the records of the last seconds', () => {
    const window = new LatencyWindow();
    expect(window.percentiles(0)).toEqual({ medianMs: null, p99Ms: null });
    window.add(5, 980, 1_000);
    window.add(400, 20, 1_100);
    expect(window.percentiles(2_000)).toEqual({ medianMs: 5, p99Ms: 400 });
    expect(window.percentiles(6_050)).toEqual({ medianMs: 400, p99Ms: 400 });
    expect(window.percentiles(9_000)).toEqual({ medianMs: null, p99Ms: null });
  });
});
