import { expect, it } from 'vitest';
import { axisTop, placeLabels, type BandLabel } from '../../../renderer/charts/chart-bands.ts';
import type { ChartBand } from '../../../renderer/charts/figure-chart.ts';

const MINUTE = 60_000;
const plot = (width: number) => ({
  left: 50,
  right: 50 + width,
  ratio: 1,
  xOf: (at: number) => 50 + (at / (15 * MINUTE)) * width,
  widthOf: (text: string) => text.length * 6,
});
const band = (from: number, until: number | null, label: string, healed: string | null = null): ChartBand => ({
  from: from * MINUTE,
  until: until === null ? null : until * MINUTE,
  label,
  healed,
});

const CROWDS: readonly (readonly [name: string, bands: ChartBand[]])[] = [
  ['one at the end', [band(14.5, null, 'broker 2 killed')]],
  ['two at once', [band(5, 7, 'broker 2 killed', 'recovered in 2 min'), band(5.1, 8, 'link 1 ↔ 3 cut', 'recovered in 3 min')]],
  [
    'one after another',
    Array.from({ length: 9 }, (_, i) => band(i * 1.5, i * 1.5 + 1, `broker ${(i % 3) + 1} killed`, `recovered in ${i + 1} s`)),
  ],
  [
    'each second',
    Array.from({ length: 60 }, (_, i) => band(i / 60, i / 60 + 0.01, `controller moved to node ${i % 3}`, 'ended after 1 s')),
  ],
  ['beyond the plot', [band(2, 15.5, 'broker 2 killed', 'recovered in 13 min'), band(14.8, 40, 'broker 1 killed', 'recovered in 25 min')]],
  ['before the plot', [band(-20, -10, 'broker 1 killed'), band(-5, 2, 'broker 3 frozen', 'recovered in 7 min')]],
];

it.each(CROWDS.flatMap(([name, bands]) => [320, 600, 1_300].map((width) => [name, width, bands] as const)))(
  'Chart bands: no label covers another or leaves the plot (%s, %i px)',
  (_name, width, bands) => {
    const labels = placeLabels(bands, plot(width));
    expect(labels.length).toBeGreaterThan(0);
    for (const { x, width: size, row } of labels) {
      expect(x).toBeGreaterThanOrEqual(50);
      expect(x + size).toBeLessThanOrEqual(50 + width);
      expect(row).toBeLessThan(3);
    }
    const covers = (one: BandLabel, other: BandLabel): boolean =>
      one.row === other.row && one.x < other.x + other.width && other.x < one.x + one.width;
    for (const one of labels) for (const other of labels) if (one !== other) expect(covers(one, other)).toBe(false);
  },
);

it('Chart bands: labels the start of every band before the end of any', () => {
  const bands = [band(5, 5.2, 'broker 2 killed', 'recovered in 12 s'), band(5.3, 5.5, 'broker 3 killed'), band(5.6, 6, 'broker 1 killed')];
  expect(placeLabels(bands, plot(600)).map(({ text }) => text)).toEqual(['broker 2 killed', 'broker 3 killed', 'broker 1 killed']);
});

it.each([0, 1, 2, 3])('Chart bands: the highest value lies below %i rows of labels', (rows) => {
  const labels = Array.from({ length: rows }, (_, row): BandLabel => ({ text: 'broker 2 killed', x: 60, width: 90, row, role: 'bad' }));
  for (const height of [100, 148, 300])
    for (const max of [0, 9, 1_000, 5e9]) {
      const top = axisTop(max, 10, labels, height);
      expect(top).toBeGreaterThanOrEqual(10);
      // Rows are 15 px high and begin 5 px below the top of the plot.
      expect(height * (1 - max / top)).toBeGreaterThanOrEqual(rows === 0 ? 0 : 5 + 15 * rows);
    }
});

it('Chart bands: leaves no room for labels outside the range', () => {
  const labels = placeLabels([band(-20, -10, 'broker 1 killed')], plot(600));
  expect(labels).toEqual([]);
  expect(axisTop(1_000, 10, labels, 148)).toBeCloseTo(1_150);
});

it('Chart bands: shortens a label that would run through many other bands', () => {
  const [label] = placeLabels([band(5, null, 'dashboard-1 of group dashboard expired')], plot(600));
  expect(label?.text).toBe('dashboard-1 of group dashbo…');
});

it('Chart bands: a label of an end without room to its right ends before that end', () => {
  const [, end] = placeLabels([band(2, 14.9, 'broker 2 killed', 'recovered in 13 min')], plot(600));
  expect(end?.text).toBe('recovered in 13 min');
  expect((end?.x ?? 0) + (end?.width ?? 0)).toBeLessThan(plot(600).xOf(14.9 * MINUTE));
  expect(end?.x).toBeGreaterThan(plot(600).xOf(2 * MINUTE));
});
