/** Figures over time for a chart, its pointer and its table. Pure. */
import { AT_LEAST, PARTLY_UNKNOWN, type FigureRange, type FigureSeries } from '#shared/models/figures';
import { maxOf, minOf } from '#shared/lists';
import { formatClockMinutes, formatClockSeconds, formatCoarse, formatDay, isSameDay } from '../format/numbers.ts';

/** One line of a chart. */
export interface ChartLine {
  /** Of the series in the range. */
  name: string;
  label: string;
  /** A colour role. */
  colour: string;
}

/** A time span that a chart shades; `until` null: it lasts. */
export interface ChartBand {
  from: number;
  until: number | null;
  label: string;
  /** What ended it. */
  healed: string | null;
}

/** In seconds, as uPlot wants them; then columns of each line: exact values, lower bounds, and the lowest and highest sample of a step. */
export interface ChartColumns {
  x: number[];
  lines: { exact: Column; atLeast: Column; low: Column; high: Column }[];
}
type Column = (number | null)[];

export const RANGES: readonly { value: number; label: string }[] = [
  { value: 15 * 60_000, label: '15 min' },
  { value: 3_600_000, label: '1 h' },
  { value: 86_400_000, label: '24 h' },
  { value: 7 * 86_400_000, label: '7 d' },
  { value: 30 * 86_400_000, label: '30 d' },
];

const DAY_S = 86_400;
/**
 * Distances of times on the axis, in seconds, ascending. None is more than 2.5 times the one before: with a factor of five, as between
 * a minute and five minutes, an axis of eight minutes has one time only.
 */
export const TIME_STEPS_S: number[] = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600),
  ...[1, 2, 5, 10].map((days) => days * DAY_S),
];

/** A record of seconds fills a minute of the axis. */
const MIN_AXIS_MS = 60_000;

/** Where the axis starts: a range that begins before the record is shown from there on. */
export function axisStart({ from, until, since }: FigureRange): number {
  return Math.max(from, Math.min(since ?? from, until - MIN_AXIS_MS));
}

/** A lower bound is drawn on from the point before it, and to the point after it: only between two exact values a line is exact. */
export function chartColumns(range: FigureRange, lines: readonly ChartLine[]): ChartColumns {
  const gaps = gapIndexes(range);
  const spread = (column: Column): Column => withGaps(column, gaps, null);
  const { at, stepMs } = range;
  const middle = stepMs > 1_000 ? stepMs / 2 : 0;
  return {
    x: withGaps(
      at.map((start) => (start + middle) / 1_000),
      gaps,
      (before) => before + stepMs / 2_000,
    ),
    lines: lines.map(({ name }) => {
      const series = seriesOf(range, name);
      const bounds = at.map((_, i) => isBound(series, i));
      const joinsBound = (i: number): boolean =>
        bounds[i] === true || (bounds[i - 1] === true && !gaps.has(i)) || (bounds[i + 1] === true && !gaps.has(i + 1));
      return {
        exact: spread(at.map((_, i) => (bounds[i] === true ? null : (series?.mean[i] ?? null)))),
        atLeast: spread(at.map((_, i) => (joinsBound(i) ? (series?.mean[i] ?? null) : null))),
        low: spread(at.map((_, i) => series?.low[i] ?? null)),
        high: spread(at.map((_, i) => series?.high[i] ?? null)),
      };
    }),
  };
}

function isBound(series: FigureSeries | undefined, i: number): boolean {
  return ((series?.marks[i] ?? 0) & AT_LEAST) !== 0;
}

/** Indexes of points before which nothing was recorded for some time. */
function gapIndexes({ at, gapMs }: FigureRange): Set<number> {
  const gaps = new Set<number>();
  for (let i = 1; i < at.length; i++) if ((at[i] ?? 0) - (at[i - 1] ?? 0) > gapMs) gaps.add(i);
  return gaps;
}

function withGaps<T>(column: readonly T[], gaps: ReadonlySet<number>, fill: T | ((before: number) => number)): T[] {
  if (gaps.size === 0) return [...column];
  const filled: T[] = [];
  column.forEach((value, i) => {
    if (gaps.has(i)) filled.push(typeof fill === 'function' ? ((fill as (before: number) => number)(Number(column[i - 1])) as T) : fill);
    filled.push(value);
  });
  return filled;
}

function seriesOf({ series }: FigureRange, name: string): FigureSeries | undefined {
  return series.find((one) => one.name === name);
}

/** The index of the step nearest to a time; -1 without a point. */
export function nearestStep({ at, stepMs }: FigureRange, time: number): number {
  let nearest = -1;
  let distance = Infinity;
  at.forEach((start, i) => {
    const away = Math.abs(start + stepMs / 2 - time);
    if (away < distance) [nearest, distance] = [i, away];
  });
  return nearest;
}

export interface Reading {
  time: string;
  rows: { name: string; label: string; colour: string; text: string }[];
}

/** What a chart says at one of its steps. */
export function readStep(
  range: FigureRange,
  lines: readonly ChartLine[],
  index: number,
  format: (value: number) => string,
): Reading | null {
  const at = range.at[index];
  if (at === undefined) return null;
  return {
    time: formatStep(at, range.stepMs, range.until - range.from),
    rows: lines.map(({ name, label, colour }) => {
      const series = seriesOf(range, name);
      const value = {
        mean: series?.mean[index] ?? null,
        low: series?.low[index] ?? null,
        high: series?.high[index] ?? null,
        marks: series?.marks[index] ?? 0,
      };
      return { name, label, colour, text: formatValue(value, format) };
    }),
  };
}

interface StepValue {
  mean: number | null;
  low: number | null;
  high: number | null;
  marks: number;
}

/** `1,200`, `≥ 1,200`, `1,200 (80 to 4,000)`, `?`. */
function formatValue({ mean, low, high, marks }: StepValue, format: (value: number) => string): string {
  if (mean === null) return '?';
  const bound = (marks & AT_LEAST) === 0 ? '' : '≥ ';
  const span = low === null || high === null || low === high ? '' : ` (${format(low)} to ${format(high)})`;
  const partly = (marks & PARTLY_UNKNOWN) === 0 ? '' : ', in part unknown';
  return `${bound}${format(mean)}${span}${partly}`;
}

export function formatStep(at: number, stepMs: number, spanMs: number): string {
  const day = spanMs > 20 * 3_600_000 ? `${formatDay(at)} ` : '';
  if (stepMs <= 1_000) return `${day}${formatClockSeconds(at)}`;
  const format = stepMs < 60_000 ? formatClockSeconds : formatClockMinutes;
  return `${day}${format(at)} – ${format(at + stepMs)}`;
}

/** Label of an axis' tick. */
export function formatTick(at: number, spanMs: number): string {
  if (spanMs <= 10 * 60_000) return formatClockSeconds(at);
  if (spanMs <= 36 * 3_600_000) return formatClockMinutes(at);
  return isSameDay(at, at - 60_000) ? `${formatDay(at)} ${formatClockMinutes(at)}` : formatDay(at);
}

/** `24 h`, or `24 h (2 h recorded)` where the record is shorter. */
export function formatRangeOption({ value, label }: { value: number; label: string }, recordedMs: number): string {
  if (recordedMs <= 0 || recordedMs >= value) return label;
  return `${label} (${recordedMs < 60_000 ? 'less than 1 min' : formatCoarse(recordedMs)} recorded)`;
}

/** `Recorded since 14:02:10.` */
export function formatRecordStart(since: number, now: number): string {
  return `Recorded since ${isSameDay(since, now) ? '' : `${formatDay(since)} `}${formatClockSeconds(since)}.`;
}

export interface TableRow {
  at: number;
  time: string;
  cells: string[];
}

/** The chart as rows, newest first. Steps are joined so that there are at most `maxRows`; over a gap only where there are too many gaps. */
export function tableRows(range: FigureRange, lines: readonly ChartLine[], format: (value: number) => string, maxRows: number): TableRow[] {
  const gaps = gapIndexes(range);
  const areGapsKept = 2 * gaps.size < maxRows;
  // Each gap ends a row early, and so makes one more at most.
  const joined = Math.max(1, Math.ceil(range.at.length / (areGapsKept ? maxRows - gaps.size : maxRows)));
  const rows: TableRow[] = [];
  let first = 0;
  while (first < range.at.length) {
    let next = first + 1;
    while (next < range.at.length && next - first < joined && !(areGapsKept && gaps.has(next))) next++;
    const indexes = Array.from({ length: next - first }, (_, i) => first + i);
    const at = range.at[first] ?? 0;
    const last = range.at[next - 1] ?? at;
    const isJoinedOverGap = indexes.slice(1).some((i) => gaps.has(i));
    rows.push({
      at,
      time: formatStep(at, last - at + range.stepMs, range.until - range.from),
      cells: lines.map(({ name }) => formatValue(joinSteps(seriesOf(range, name), indexes, isJoinedOverGap), format)),
    });
    first = next;
  }
  return rows.reverse();
}

function joinSteps(series: FigureSeries | undefined, indexes: readonly number[], isJoinedOverGap: boolean): StepValue {
  const means = indexes.flatMap((i) => series?.mean[i] ?? []);
  if (series === undefined || means.length === 0) return { mean: null, low: null, high: null, marks: 0 };
  const lows = indexes.flatMap((i) => series.low[i] ?? series.mean[i] ?? []);
  const highs = indexes.flatMap((i) => series.high[i] ?? series.mean[i] ?? []);
  let marks = isJoinedOverGap || means.length < indexes.length ? PARTLY_UNKNOWN : 0;
  for (const i of indexes) marks |= series.marks[i] ?? 0;
  return { mean: means.reduce((sum, mean) => sum + mean, 0) / means.length, low: minOf(lows), high: maxOf(highs), marks };
}

/** Names of the `count` series with the highest values in the range, in the order of the range. */
export function highestSeries({ series }: FigureRange, count: number): string[] {
  const peak = ({ high, mean }: FigureSeries): number =>
    maxOf(
      [...high, ...mean].map((value) => value ?? -1),
      -1,
    );
  const peaks = new Map(series.map((one) => [one.name, peak(one)]));
  const highest = [...peaks].sort(([, a], [, b]) => b - a).slice(0, count);
  const names = new Set(highest.map(([name]) => name));
  return series.flatMap(({ name }) => (names.has(name) ? [name] : []));
}
