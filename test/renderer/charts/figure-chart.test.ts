import { describe, expect, test } from 'vitest';
import { AT_LEAST, PARTLY_UNKNOWN, type FigureRange, type FigureSeries } from '../../../shared/models/figures.ts';
import {
  TIME_STEPS_S,
  axisStart,
  chartColumns,
  formatRangeOption,
  formatRecordStart,
  formatStep,
  formatTick,
  highestSeries,
  nearestStep,
  readStep,
  tableRows,
  type ChartLine,
} from '../../../renderer/charts/figure-chart.ts';
import { formatCount } from '../../../renderer/format/numbers.ts';

const START = new Date(2026, 10, 30, 14, 0, 0).getTime();
const LINE: ChartLine = { name: 'a', label: 'A', colour: 'accent' };
const format = (value: number): string => formatCount(Math.round(value));

function series(mean: (number | null)[], marks = mean.map(() => 0), spread = 0, name = 'a'): FigureSeries {
  const shifted = (by: number) => (spread === 0 ? [] : mean.map((value) => (value === null ? null : value + by)));
  return { name, mean, low: shifted(-spread), high: shifted(spread), marks };
}

function range(seconds: number[], all: FigureSeries[], stepMs = 1_000, gapMs = 10_000): FigureRange {
  return {
    from: START,
    until: START + 15 * 60_000,
    stepMs,
    gapMs,
    at: seconds.map((s) => START + s * 1_000),
    series: all,
    omitted: 0,
    since: START,
    storage: { kind: 'disk', problem: null },
  };
}

describe('chartColumns', () => {
  test('where nothing was recorded for long the line is interrupted; an unknown value interrupts it too', () => {
    const { x, lines } = chartColumns(range([0, 1, 60, 61], [series([1, 2, null, 4])]), [LINE]);
    expect(x.map((at) => at - START / 1_000)).toEqual([0, 1, 1.5, 60, 61]);
    expect(lines[0]?.exact).toEqual([1, 2, null, null, 4]);
  });

  test('a lower bound is drawn apart, joined to the exact values beside it', () => {
    const marks = [0, 0, AT_LEAST, AT_LEAST, 0, 0];
    const { lines } = chartColumns(range([0, 1, 2, 3, 4, 5], [series([9, 9, 5, 6, 9, 9], marks)]), [LINE]);
    expect(lines[0]?.exact).toEqual([9, 9, null, null, 9, 9]);
    expect(lines[0]?.atLeast).toEqual([null, 9, 5, 6, 9, null]);
  });

  test('a lower bound is not joined over a gap', () => {
    const { x, lines } = chartColumns(range([0, 60, 61], [series([9, 5, 9], [0, AT_LEAST, 0])]), [LINE]);
    expect(x).toHaveLength(4);
    expect(lines[0]?.atLeast).toEqual([null, null, 5, 9]);
    expect(lines[0]?.exact).toEqual([9, null, null, 9]);
  });

  test('a step of minutes is drawn at its middle, with its lowest and highest sample', () => {
    const { x, lines } = chartColumns(range([0, 600], [series([10, 20], [0, 0], 3)], 600_000, 900_000), [LINE]);
    expect(x.map((at) => at - START / 1_000)).toEqual([300, 900]);
    expect([lines[0]?.low, lines[0]?.high]).toEqual([[7, 17], [13, 23]]); // prettier-ignore
  });

  test('a line of which the range has no series is empty', () => {
    expect(chartColumns(range([0, 1], []), [LINE]).lines[0]?.exact).toEqual([null, null]);
  });
});

describe('readStep', () => {
  const read = (value: number | null, marks = 0, spread = 0) =>
    readStep(range([0], [series([value], [marks], spread)], spread === 0 ? 1_000 : 600_000), [LINE], 0, format)?.rows[0]?.text;

  test('says what is unknown, what is a lower bound, and what a step spans', () => {
    expect(read(1_200)).toBe('1,200');
    expect(read(null)).toBe('?');
    expect(read(1_200, AT_LEAST)).toBe('≥ 1,200');
    expect(read(1_200, 0, 200)).toBe('1,200 (1,000 to 1,400)');
    expect(read(1_200, AT_LEAST | PARTLY_UNKNOWN, 200)).toBe('≥ 1,200 (1,000 to 1,400), in part unknown');
  });

  test('there is nothing to say outside of the range', () => {
    expect(readStep(range([0], [series([1])]), [LINE], -1, format)).toBeNull();
    expect(readStep(range([0], [series([1])]), [LINE], 1, format)).toBeNull();
  });
});

test('nearestStep: the step whose middle is nearest; none in an empty range', () => {
  const some = range([0, 10, 20], [], 10_000);
  expect([0, 9_000, 11_000, 99_000, -5_000].map((ms) => nearestStep(some, START + ms))).toEqual([0, 0, 1, 2, 0]);
  expect(nearestStep(range([], []), START)).toBe(-1);
});

describe('tableRows', () => {
  test('newest first; joined steps keep extremes, lower bounds and unknown parts', () => {
    const rows = tableRows(range([0, 1, 2, 3], [series([1, 3, null, 8], [0, AT_LEAST, 0, 0])]), [LINE], format, 2);
    expect(rows.map(({ cells }) => cells[0])).toEqual(['8, in part unknown', '≥ 2 (1 to 3)']);
  });

  test('never has more rows than asked for, and leaves out no step', () => {
    const seconds = Array.from({ length: 900 }, (_, i) => i);
    const rows = tableRows(range(seconds, [series(seconds)]), [LINE], format, 60);
    expect(rows.length).toBeLessThanOrEqual(60);
    expect(rows[0]?.cells[0]).toContain('899');
    expect(rows.at(-1)?.cells[0]).toContain('(0 to');
  });

  test('steps are not joined over a gap: a row covers no time in which nothing was recorded', () => {
    const rows = tableRows(range([0, 1, 2, 600, 601], [series([1, 1, 1, 5, 5])]), [LINE], format, 3);
    expect(rows.map(({ time, cells }) => [time, cells[0]])).toEqual([
      ['14:10:00 – 14:10:02', '5'],
      ['14:00:00 – 14:00:03', '1'],
    ]);
    const many = Array.from({ length: 200 }, (_, i) => i * 60);
    const broken = tableRows(range(many, [series(many.map(() => 1))]), [LINE], format, 60);
    expect(broken.length).toBeLessThanOrEqual(60);
    expect(broken.at(-1)?.cells[0]).toBe('1, in part unknown');
  });

  test('what is unknown throughout is "?"', () => {
    expect(tableRows(range([0, 1], [series([null, null])]), [LINE], format, 1)[0]?.cells).toEqual(['?']);
  });
});

test('highestSeries: those with the highest peak, in the order of the range', () => {
  const all = [
    series([1, 2], [0, 0], 0, 'a'),
    series([null, 50], [0, 0], 0, 'b'),
    series([5, 5], [0, 0], 100, 'c'),
    series([null], [0], 0, 'd'),
  ];
  expect(highestSeries(range([0, 1], all), 2)).toEqual(['b', 'c']);
  expect(highestSeries(range([0, 1], all), 9)).toEqual(['a', 'b', 'c', 'd']);
});

describe('axisStart', () => {
  const of = (since: number | null) => axisStart({ ...range([], []), since }) - START;

  test('a range that begins before the record is shown from its start on, a minute of it at least', () => {
    expect(of(START - 1)).toBe(0);
    expect(of(START + 300_000)).toBe(300_000);
    expect(of(START + 899_000)).toBe(840_000);
    expect(of(null)).toBe(0);
  });
});

describe('formatRangeOption', () => {
  const of = (recordedMs: number) => formatRangeOption({ value: 3_600_000, label: '1 h' }, recordedMs);

  test('a range says how much of it is recorded, unless all of it is', () => {
    expect([0, 5_000, 600_000, 3_600_000, 9_000_000].map(of)).toEqual([
      '1 h',
      '1 h (less than 1 min recorded)',
      '1 h (10 min recorded)',
      '1 h',
      '1 h',
    ]);
  });
});

describe('times', () => {
  test('a step of a second is a time, a longer one a span, with the day in a long range', () => {
    expect(formatStep(START, 1_000, 900_000)).toBe('14:00:00');
    expect(formatStep(START, 10_000, 3_600_000)).toBe('14:00:00 – 14:00:10');
    expect(formatStep(START, 600_000, 86_400_000 * 7)).toBe('30 Nov 14:00 – 14:10');
  });

  test('labels of an axis are as exact as its span needs', () => {
    expect(formatTick(START, 60_000)).toBe('14:00:00');
    expect(formatTick(START, 3_600_000)).toBe('14:00');
    expect(formatTick(START, 7 * 86_400_000)).toBe('30 Nov 14:00');
    expect(formatTick(new Date(2026, 10, 30).getTime(), 7 * 86_400_000)).toBe('30 Nov');
  });

  test('the record starts at a time of today, or of a day', () => {
    expect(formatRecordStart(START, START + 60_000)).toBe('Recorded since 14:00:00.');
    expect(formatRecordStart(START, START + 2 * 86_400_000)).toBe('Recorded since 30 Nov 14:00:00.');
  });

  test.each([0.5, 1, 3, 8, 15, 45, 60, 300, 1_440, 3 * 1_440, 10_080, 30 * 1_440])(
    'an axis of %d minutes has two times at least',
    (minutes) => {
      for (const width of [540, 900, 1_600]) {
        const step = TIME_STEPS_S.find((seconds) => (seconds / (minutes * 60)) * width >= 90) ?? Infinity;
        expect(Math.floor((minutes * 60) / step)).toBeGreaterThanOrEqual(2);
      }
    },
  );
});
