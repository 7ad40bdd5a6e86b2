import { expect, test } from 'vitest';
import { judgeMemory, residentAt, sampleProcess, type Bars, type ProcessSample } from './memory.ts';

const MIB = 1024 * 1024;
const BARS: Bars = { growth: 1.3, residentBytes: 350 * MIB, referenceMs: 300_000 };

/** A sample each 10 s for half an hour. */
function run(mibAt: (atMs: number) => number): ProcessSample[] {
  return Array.from({ length: 180 }, (_, i) => {
    const atMs = (i + 1) * 10_000;
    return { atMs, residentBytes: mibAt(atMs) * MIB, anonymousBytes: 0 };
  });
}

test('soak: memory that stays below both bars passes, and one high sample does not count', () => {
  const { failures, peakBytes } = judgeMemory(
    run((atMs) => (atMs === 1_790_000 ? 600 : 250)),
    BARS,
  );
  expect(failures).toEqual([]);
  expect(peakBytes).toBe(600 * MIB);
});

test('soak: memory that grows fails, below the absolute bar too', () => {
  const { failures } = judgeMemory(
    run((atMs) => 200 + atMs / 12_000),
    BARS,
  );
  expect(failures).toEqual(['resident memory grew from 225 to 348 MiB, the bar is a factor of 1.3']);
});

test('soak: memory above the absolute bar fails without growth', () => {
  expect(
    judgeMemory(
      run(() => 351),
      BARS,
    ).failures,
  ).toEqual(['resident memory at the end: 351 MiB, the bar is 350']);
});

test('soak: a run without the samples that the bars need fails', () => {
  expect(judgeMemory([], BARS).failures).toHaveLength(2);
  expect(judgeMemory(run(() => 100).slice(0, 10), BARS).failures).toHaveLength(1);
});

test.runIf(process.platform === 'linux')('soak: reads the resident memory of a process', () => {
  const own = sampleProcess(process.pid, 5);
  expect(own?.atMs).toBe(5);
  expect(own?.residentBytes).toBeGreaterThan(20 * MIB);
  expect(own?.anonymousBytes).toBeLessThan(own?.residentBytes ?? 0);
  expect(sampleProcess(2 ** 30, 5)).toBeUndefined();
  expect(residentAt([], 0)).toBeNaN();
});
