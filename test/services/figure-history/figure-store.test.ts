import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  FigureStore,
  MAX_FINE_SERIES,
  MAX_INCIDENT_CHARACTERS,
  MAX_SERIES,
  type StoredRange,
} from '../../../electron/services/figure-history/figure-store.ts';
import { MemoryPoints } from '../../../electron/services/figure-history/memory-points.ts';
import type { PointTable } from '../../../electron/services/figure-history/point-table.ts';
import { loadSqlite, openTable } from '../../../electron/services/figure-history/table-files.ts';
import { AT_LEAST, PARTLY_UNKNOWN } from '../../../shared/models/figures.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A whole number of steps of every level. */
const START = 1_800_000_000_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'figure-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe.each(['disk', 'memory'] as const)('FigureStore on %s', (kind) => {
  let now: number;
  let store: FigureStore;

  const tableOf = async (limitBytes?: number): Promise<PointTable> => {
    if (kind === 'memory') return new MemoryPoints(limitBytes);
    const opened = await openTable(join(directory, 'a.sqlite'), loadSqlite, () => now, limitBytes);
    expect([opened.problem, opened.notice]).toEqual([null, null]);
    return opened.table;
  };
  const open = async (limitBytes?: number): Promise<FigureStore> => new FigureStore(await tableOf(limitBytes), () => now);
  const take = (at: number, values: Record<string, number | null>, subject = 'g', atLeast = false): void => {
    now = at;
    store.append([{ at, subject, values: Object.entries(values).map(([name, value]) => ({ name, value, atLeast })) }]);
  };
  const range = (from: number, until: number, points = 1_500): StoredRange =>
    store.range({ subject: 'g', names: null, from, until, points });
  const meansOf = ({ at, series }: StoredRange, name = 'a'): [number, number | null][] =>
    at.map((start, i) => [start - START, series.find((one) => one.name === name)?.mean[i] ?? null]);

  beforeEach(async () => {
    now = START;
    store = await open();
  });
  afterEach(() => store.close());

  test('answers what waits and what is written alike', () => {
    take(START, { a: 1, b: 7 });
    store.flush();
    take(START + SECOND, { a: 3, b: null });
    const answer = range(START, START + MINUTE);
    expect(meansOf(answer)).toEqual([[0, 1], [1_000, 3]]); // prettier-ignore
    expect(meansOf(answer, 'b')).toEqual([[0, 7], [1_000, null]]); // prettier-ignore
    expect(answer.since).toBe(START);
    store.flush();
    expect(range(START, START + MINUTE)).toEqual(answer);
  });

  test('a later sample of a step that is written is added to it', () => {
    take(START, { a: 1 });
    store.flush();
    take(START + 500, { a: 3 });
    store.flush();
    take(START + 600, { a: 5 });
    expect(meansOf(range(START, START + MINUTE))).toEqual([[0, 3]]);
  });

  test('a lower bound stays one in every coarser step, and an unknown sample is counted', () => {
    take(START, { a: 100 });
    take(START + SECOND, { a: 40 }, 'g', true);
    take(START + 2 * SECOND, { a: null });
    now = START + DAY;
    const { series, stepMs } = range(START, now, 10);
    expect(stepMs).toBe(3 * HOUR);
    expect(series[0]).toEqual({ name: 'a', mean: [70], low: [40], high: [100], marks: [AT_LEAST | PARTLY_UNKNOWN] });
  });

  test('only what was sampled has a step: a time without samples is a gap, an unknown value is not', () => {
    for (let i = 0; i < 10; i++) take(START + i * SECOND, { a: i });
    for (let i = 70; i < 75; i++) take(START + i * SECOND, { a: null });
    const { at, gapMs, series } = range(START, START + 2 * MINUTE);
    const gaps = at.filter((start, i) => i > 0 && start - (at[i - 1] ?? 0) > gapMs).map((start) => start - START);
    expect(gaps).toEqual([70_000]);
    expect(series[0]?.mean.slice(-5)).toEqual([null, null, null, null, null]);
  });

  test('keeps a month in coarser and coarser steps, and answers each range of the menu', () => {
    const hours = 31 * 24;
    // One sample in ten minutes is enough for the coarsest level; the last hour has one a second.
    for (let m = 0; m < hours * 6; m++) take(START + m * 10 * MINUTE, { a: m });
    const end = now;
    for (let s = 1; s <= 3_600; s++) take(end + s * SECOND, { a: s });
    store.maintain();
    const counts = [15 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY].map((span) => {
      const { at, stepMs } = range(now - span, now);
      return [stepMs / SECOND, at.length];
    });
    expect(counts.map(([step]) => step)).toEqual([1, 10, 60, 600, 1_800]);
    expect(counts.map(([, count]) => count)).toEqual([900, 360, 204, 1_009, 1_441].map((n) => expect.closeTo(n, -1.3) as unknown));
    // Older than a month is deleted.
    const { since } = range(START, now);
    expect(now - (since ?? 0)).toBeLessThanOrEqual(30 * DAY + 10 * MINUTE);
    expect(now - (since ?? 0)).toBeGreaterThan(29.9 * DAY);
  });

  test('a record of some minutes is shown as it was taken, also in a range of 30 days', () => {
    for (let i = 0; i < 300; i++) take(START + i * SECOND, { a: i });
    store.maintain();
    const { at, since, from } = range(now - 30 * DAY, now);
    expect(at.length).toBe(300);
    expect([since, from]).toEqual([START, now - 30 * DAY]);
  });

  test('of a group with many topics the twelve with the highest lag are answered, and the others counted', () => {
    take(START, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`t-${String(i).padStart(2, '0')}`, (i * 7) % 40])));
    const { series, omitted } = range(START, START + MINUTE);
    expect(series.length + omitted).toBe(40);
    expect(series.flatMap(({ mean }) => mean).sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(Array.from({ length: 12 }, (_, i) => i + 28));
    const names = series.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
  });

  test.each([
    ['a property of every object', '__proto__'],
    ['another one', 'constructor'],
    ['empty', ''],
    ['blank', ' '],
    ['with a NUL', 'a\u0000b'],
    ['half of a surrogate pair', '\ud800'],
    ['a quotation mark', 'a"b'],
    ['a text direction mark', '\u202e'],
    ['SQL', "x'; DROP TABLE points; --"],
    ['of 32,767 letters', 'n'.repeat(32_767)],
  ])('keeps a name apart from all others that is %s', async (_kind, name) => {
    now = START;
    const sample = { at: START, subject: `group:${name}`, values: [{ name, value: 3, atLeast: false }] };
    store.append([sample, { at: START, subject: 'group:other', values: [{ name: 'x', value: 9, atLeast: false }] }]);
    store.flush();
    const ask = (): StoredRange => store.range({ subject: `group:${name}`, names: null, from: START, until: START + SECOND, points: 10 });
    expect(ask().series).toEqual([{ name, mean: [3], low: [], high: [], marks: [0] }]);
    if (kind === 'memory') return;
    store.close();
    store = await open();
    expect(ask().series[0]).toMatchObject({ name, mean: [3] });
  });

  test('stays below its size, deleting the finest steps first, and continues to record', async () => {
    store.close();
    if (kind === 'disk') rmSync(join(directory, 'a.sqlite'));
    store = await open(2 * 1024 * 1024);
    const names = Array.from({ length: 150 }, (_, i) => `t-${i}`);
    for (let s = 0; s < 900; s += 3) {
      take(START + s * SECOND, Object.fromEntries(names.map((name, i) => [name, s * i + 0.5])));
      if (s % 60 === 57) store.maintain();
    }
    now += MINUTE;
    store.maintain();
    store.flush();
    const ask = store.range({ subject: 'g', names: ['t-3'], from: START, until: now, points: 2_000 });
    // The oldest part is still there, in coarser steps.
    expect(ask.at[0]).toBeLessThan(START + 10 * MINUTE + 1);
    expect(ask.stepMs).toBeGreaterThan(SECOND);
    const last = store.range({ subject: 'g', names: ['t-3'], from: now - 90 * SECOND, until: now, points: 2_000 });
    expect(last.at.at(-1)).toBe(START + 897 * SECOND);
    expect(last.series[0]?.mean.at(-1)).toBe(897 * 3 + 0.5);
  });

  test('of very many series the steps of a second are not kept, and none of their ranges is empty', () => {
    const names = Array.from({ length: MAX_FINE_SERIES + 1 }, (_, i) => `t-${i}`);
    for (let s = 0; s < 130; s++) {
      take(START + s * SECOND, Object.fromEntries(names.map((name) => [name, s])));
      if (s % 15 === 14) store.maintain();
    }
    store.maintain();
    for (const span of [20, 60, 130]) {
      const { stepMs, at, series } = store.range({ subject: 'g', names: ['t-9'], from: now - span * SECOND, until: now, points: 1_500 });
      expect(stepMs, `${span} s`).toBe(10 * SECOND);
      expect(at.length, `${span} s`).toBeGreaterThanOrEqual(span / 10);
      expect(series[0]?.mean.at(-1)).toBe(124.5);
    }
  });

  test('a clock that was set back does not stop the record, nor damage what is kept', () => {
    take(START + HOUR, { a: 1 });
    take(START, { a: 2 });
    take(START + SECOND, { a: 3 });
    store.maintain();
    expect(meansOf(range(START, START + 10 * SECOND))).toEqual([[0, 2], [1_000, 3]]); // prettier-ignore
  });

  test('a clock that was far ahead for a time leaves ranges of the present as fine as they were', () => {
    now = START + 365 * DAY;
    store.maintain();
    for (let s = 0; s < 30; s++) take(START + s * SECOND, { a: s });
    store.maintain();
    const { stepMs, at } = range(START, now);
    expect([stepMs, at.length]).toEqual([SECOND, 30]);
    // And they are deleted by age as before.
    now = START + HOUR;
    store.maintain();
    expect(range(START, START + MINUTE).stepMs).toBe(10 * SECOND);
    expect(meansOf(range(START, START + MINUTE))).toEqual([[0, 4.5], [10_000, 14.5], [20_000, 24.5]]); // prettier-ignore
  });

  test.each([
    ['an empty range', START, START],
    ['a range that ends before it starts', START + HOUR, START],
    ['the year 275760', 8.6e15, 8.64e15],
    ['everything', 0, 8.64e15],
  ])('answers %s', (_name, from, until) => {
    take(START, { a: 1 });
    const { at, series } = range(from, until);
    expect(at.length).toBe(series[0]?.mean.length ?? 0);
    expect(at.length).toBeLessThanOrEqual(1_500);
  });

  test('incidents: replaced by id, found by range, open ones too, old ones deleted', () => {
    const body = '{"cause":"broker 1 killed"}';
    store.putIncident({ id: 'x', startedAt: START, endedAt: null, body });
    store.putIncident({ id: 'y', startedAt: START + HOUR, endedAt: START + 2 * HOUR, body });
    expect(store.incidents(START + DAY, START + 2 * DAY).map(({ id }) => id)).toEqual(['x']);
    store.putIncident({ id: 'x', startedAt: START, endedAt: START + MINUTE, body });
    expect(store.incidents(START + 30 * MINUTE, START + 3 * HOUR)).toEqual([
      { id: 'y', startedAt: START + HOUR, endedAt: START + 2 * HOUR, body },
    ]);
    expect(store.incidents(START, START + DAY).map(({ id }) => id)).toEqual(['x', 'y']);
    expect(() => store.putIncident({ id: 'z', startedAt: 0, endedAt: 0, body: 'x'.repeat(MAX_INCIDENT_CHARACTERS + 1) })).toThrow(
      RangeError,
    );
    now = START + 30 * DAY + 90 * MINUTE;
    store.maintain();
    expect(store.incidents(0, now).map(({ id }) => id)).toEqual(['y']);
  });

  test('of more series than are kept, new ones are recorded in the place of those that were sampled longest ago', () => {
    const fill = (at: number, from: number, until: number): void =>
      take(at, Object.fromEntries(Array.from({ length: until - from }, (_, i) => [`t-${from + i}`, 1])));
    const isKept = (name: string): boolean =>
      store.range({ subject: 'g', names: [name], from: START, until: now, points: 10 }).series.length === 1;
    fill(START, 0, 1);
    fill(START + MINUTE, 1, MAX_SERIES);
    take(START + 2 * MINUTE, { new: 1 });
    expect([isKept('new'), store.isFull]).toEqual([false, true]);
    // All of them are read at present: none gives way.
    store.maintain();
    expect([isKept('t-0'), isKept('t-1')]).toEqual([true, true]);
    fill(START + 2 * HOUR, MAX_SERIES / 2, MAX_SERIES);
    store.maintain();
    take(START + 2 * HOUR + SECOND, { new: 1 });
    expect([isKept('new'), isKept('t-0'), isKept(`t-${MAX_SERIES - 1}`), store.isFull]).toEqual([true, false, true, false]);
    store.flush();
    expect(isKept(`t-${MAX_SERIES / 2}`)).toBe(true);
  });

  test('a series without a sample for a month is deleted', () => {
    take(START, { old: 1 });
    store.maintain();
    take(START + 31 * DAY, { a: 1 });
    store.maintain();
    expect(range(0, now).series.map(({ name }) => name)).toEqual(['a']);
  });
});
