import { describe, expect, test } from 'vitest';
import { aggregateOf, meanOf, merge } from '../../../electron/services/figure-history/aggregate.ts';
import { firstSampleAt, gapOf, LEVELS, planFor } from '../../../electron/services/figure-history/levels.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;
/** As they are after every level has deleted what it does not keep. */
const FLOORS = LEVELS.map(({ keepMs }) => NOW - keepMs);

describe('merge', () => {
  const values: [number | null, boolean][] = [[5, false], [null, false], [11, true], [2, false], [Number.NaN, false]]; // prettier-ignore
  const parts = values.map(([value, atLeast]) => aggregateOf(value, atLeast));

  test('keeps count, sum, extremes, lower bounds and unknown samples', () => {
    const all = parts.reduce(merge);
    expect(all).toEqual({ count: 3, total: 18, low: 2, high: 11, atLeast: true, unknown: 2 });
    expect(meanOf(all)).toBe(6);
  });

  test('gives the same in any order and grouping, so that two processes can add to one step', () => {
    const all = parts.reduce(merge);
    expect(parts.toReversed().reduce(merge)).toEqual(all);
    expect(merge(parts.slice(0, 2).reduce(merge), parts.slice(2).reduce(merge))).toEqual(all);
  });

  test('a step of which no sample is known has no mean, not 0', () => {
    expect(meanOf(merge(aggregateOf(null, false), aggregateOf(null, true)))).toBeNull();
  });
});

describe('planFor', () => {
  test.each([
    ['15 min', 15 * MINUTE, 1_000],
    ['1 h', HOUR, 10_000],
    ['24 h', DAY, MINUTE],
    ['7 d', 7 * DAY, 10 * MINUTE],
    ['30 d', 30 * DAY, 30 * MINUTE],
  ])('answers %s in steps that fit into 1,500 points', (_name, span, stepMs) => {
    expect(planFor(NOW - span, NOW, 1_500, FLOORS).stepMs).toBe(stepMs);
  });

  test('never gives more points than were asked for', () => {
    for (const span of [1_000, 61_000, 15 * MINUTE, 16 * MINUTE + 1, HOUR, 5 * HOUR, 3 * DAY, 29 * DAY, 30 * DAY]) {
      for (const points of [10, 17, 100, 1_500, 2_000]) {
        const { stepMs } = planFor(NOW - span, NOW, points, FLOORS);
        const first = Math.floor((NOW - span) / stepMs);
        expect(Math.floor(NOW / stepMs) + 1 - first, `${span} in ${points}`).toBeLessThanOrEqual(points);
      }
    }
  });

  test('a short range of long ago is answered from the finest level that reaches back', () => {
    expect(planFor(NOW - 10 * HOUR, NOW - 9.9 * HOUR, 1_500, FLOORS)).toEqual({ level: 2, stepMs: MINUTE });
    expect(planFor(NOW - 20 * DAY, NOW - 20 * DAY + HOUR, 1_500, FLOORS)).toEqual({ level: 3, stepMs: 10 * MINUTE });
  });

  test('a range before everything that is kept is answered from the coarsest level', () => {
    expect(planFor(NOW - 40 * DAY, NOW - 35 * DAY, 1_500, FLOORS).level).toBe(LEVELS.length - 1);
  });
});

test('gapOf: one missing step of a minute is a gap; a round of nine seconds is none', () => {
  expect(2 * MINUTE).toBeGreaterThan(gapOf(MINUTE));
  expect(9_000).toBeLessThan(gapOf(1_000));
  expect(11_000).toBeGreaterThan(gapOf(1_000));
});

describe('firstSampleAt', () => {
  test('takes the finest step within the oldest one', () => {
    expect(firstSampleAt([607_000, 600_000, 600_000, 600_000])).toBe(607_000);
  });
  test('passes over a finer level whose old points were deleted', () => {
    expect(firstSampleAt([9_000_000, 5_000_000, 660_000, 600_000])).toBe(660_000);
    expect(firstSampleAt([9_000_000, null, null, 600_000])).toBe(600_000);
  });
  test('is null without a point', () => {
    expect(firstSampleAt([null, null, null, null])).toBeNull();
  });
});
