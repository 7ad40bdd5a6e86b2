/** Retention by age with a wrong clock: as in Apache Kafka the broker's own clock decides, and uncommitted records are never deleted. */
import { expect, test } from 'vitest';
import { append, batchOf, createHarness, contents, START_MS } from './helpers.ts';

const YEAR_MS = 365 * 86_400_000;
const WEEK = { retentionMs: 7 * 86_400_000 };

test('a clock a year ahead deletes committed records, and none above the high watermark', () => {
  const { log } = createHarness(WEEK);
  for (const value of ['a', 'b']) {
    append(log, value);
    log.roll();
  }
  append(log, 'c');
  log.updateHighWatermark(2n);
  expect(log.applyRetention(START_MS)).toMatchObject({ segments: 0 });
  expect(log.applyRetention(START_MS + YEAR_MS)).toMatchObject({ segments: 2 });
  expect(log.logStartOffset).toBe(2n);
  expect(contents(log)).toEqual(['2:c']);
  log.updateHighWatermark(3n);
  log.applyRetention(START_MS + YEAR_MS);
  // Offsets are never assigned twice.
  expect([log.logStartOffset, log.logEndOffset]).toEqual([3n, 3n]);
  expect(append(log, 'd')).toBe(3n);
});

test("a follower adopts its leader's log start, and deletes the records below it", () => {
  const { log } = createHarness({ retentionMs: -1 });
  for (let offset = 0n; offset < 3n; offset++) {
    log.appendAsFollower(batchOf([`v${offset}`], { baseOffset: offset }));
    log.roll();
  }
  log.updateHighWatermark(3n);
  log.maybeIncrementLogStartOffset(2n);
  expect(log.applyRetention(START_MS)).toMatchObject({ segments: 2 });
  expect(contents(log)).toEqual(['2:v2']);
});

test('a clock a year behind deletes nothing', () => {
  const { log } = createHarness(WEEK);
  append(log, 'a');
  log.roll();
  append(log, 'b');
  log.updateHighWatermark(2n);
  expect(log.applyRetention(START_MS - YEAR_MS)).toMatchObject({ segments: 0 });
  expect(contents(log)).toEqual(['0:a', '1:b']);
});
