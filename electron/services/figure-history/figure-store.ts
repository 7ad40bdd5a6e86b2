/**
 * The history of one connection: samples become points of every level, are kept for some seconds, then written together; ranges are
 * answered from both. Old points are deleted by age, and by size where there are too many series for it.
 */
import {
  AT_LEAST,
  MAX_POINTS,
  MIN_POINTS,
  PARTLY_UNKNOWN,
  type FigureRange,
  type FigureSample,
  type FigureSeries,
} from '#shared/models/figures';
import { aggregateOf, meanOf, merge, type Aggregate } from './aggregate.ts';
import { firstSampleAt, gapOf, KEEP_MS, LEVELS, planFor, stepOf, stepStart } from './levels.ts';
import type { PointsByLevel, PointTable, Series, StoredIncident } from './point-table.ts';

/** Samples of one subject at one time. */
export interface SubjectSample {
  at: number;
  subject: string;
  values: readonly FigureSample[];
}

export interface RangeQuery {
  subject: string;
  /** Null: all of the subject, those with the highest values first where there are more than one answer holds. */
  names: readonly string[] | null;
  /** Both included. */
  from: number;
  until: number;
  points: number;
}

export type StoredRange = Omit<FigureRange, 'storage'>;

export const MAX_SERIES = 10_000;
/** While there are as many, this part of them gives way to others, of those without a sample for an hour. */
const GIVING_WAY = 0.1;
const ENDED_MS = 3_600_000;
/** Of more series the finest level is not kept: its points are most of what is written. */
export const MAX_FINE_SERIES = 1_000;
/** Steps of a second that wait to be written. More are written at once, and what cannot be written is dropped. */
const MAX_PENDING = 200_000;
/** In one answer. */
const MAX_SERIES_IN_RANGE = 12;
const PRUNE_EVERY_MS = 60_000;
/** Part of the size limit at which points are deleted. */
const FULL = 0.9;
const MAX_INCIDENTS = 10_000;
export const MAX_INCIDENT_CHARACTERS = 256 * 1024;
const MAX_INCIDENTS_IN_ANSWER = 500;

export class FigureStore {
  private readonly table: PointTable;
  private readonly now: () => number;
  /** By subject, then name. */
  private readonly series = new Map<string, Map<string, Series>>();
  private seriesCount = 0;
  /** What waits to be written, in steps of the finest level. */
  private readonly pending = new Map<Series, Map<number, Aggregate>>();
  private pendingCount = 0;
  private floors: number[];
  private prunedAt = -Infinity;

  /** `now`: wall-clock ms. */
  constructor(table: PointTable, now: () => number) {
    this.table = table;
    this.now = now;
    this.floors = table.floors();
    for (const row of table.series()) this.addSeries(row);
  }

  get kind(): 'disk' | 'memory' {
    return this.table.kind;
  }

  /** No further series is recorded until others have ended. */
  get isFull(): boolean {
    return this.seriesCount >= MAX_SERIES;
  }

  append(samples: readonly SubjectSample[]): void {
    for (const { at, subject, values } of samples) {
      for (const { name, value, atLeast } of values) {
        const series = this.seriesOf(subject, name, at);
        if (series === null) continue;
        series.lastAt = Math.max(series.lastAt, at);
        this.addPending(series, at, aggregateOf(value, atLeast));
      }
    }
    if (this.pendingCount > MAX_PENDING) this.flush();
  }

  /** Writes what waits. Throws the table's error; what waits is kept then, unless it is too much. */
  flush(): void {
    if (this.pendingCount === 0) return;
    try {
      this.table.write(this.pendingPoints());
    } catch (error) {
      if (this.pendingCount > MAX_PENDING) this.dropPending();
      throw error;
    }
    this.dropPending();
  }

  /** Writes what waits, and once a minute deletes what is too old or too much. */
  maintain(): void {
    try {
      this.flush();
    } finally {
      // After a failure too: the file may be full.
      const now = this.now();
      if (Math.abs(now - this.prunedAt) >= PRUNE_EVERY_MS) {
        this.prunedAt = now;
        this.prune(now);
      }
      this.shrink(now);
    }
  }

  range({ subject, names, from: wantedFrom, until: wantedUntil, points }: RangeQuery): StoredRange {
    const now = this.now();
    const from = Math.max(wantedFrom, now - KEEP_MS);
    const until = Math.max(from, Math.min(wantedUntil, now + stepOf(LEVELS.length - 1)));
    const all = [...(this.series.get(subject)?.values() ?? [])].filter(({ name }) => names === null || names.includes(name));
    const since = this.firstSampleOf(all);
    const { level, stepMs } = planFor(
      Math.max(from, since ?? from),
      until,
      Math.max(MIN_POINTS, Math.min(points, MAX_POINTS)),
      this.floorsAt(now),
    );
    const shown = this.withHighest(all, from, until);
    const columns = shown.map((series) => this.steps(series, level, stepMs, from, until));
    const at = [...new Set(columns.flatMap((steps) => [...steps.keys()]))].sort((a, b) => a - b);
    return {
      from,
      until,
      stepMs,
      gapMs: gapOf(stepMs),
      at,
      series: shown.map(({ name }, i) => columnOf(name, at, columns[i] ?? new Map<number, Aggregate>(), stepMs > stepOf(0))),
      omitted: all.length - shown.length,
      since,
    };
  }

  /** Stores an incident, or replaces the one with its id. Throws RangeError when its body is too long. */
  putIncident(incident: StoredIncident): void {
    if (incident.body.length > MAX_INCIDENT_CHARACTERS) throw new RangeError(`an incident of ${incident.body.length} characters`);
    this.table.putIncident(incident);
  }

  /** Ascending by start; of more than 500 the newest. */
  incidents(from: number, until: number): StoredIncident[] {
    return this.table.incidents(from, until, MAX_INCIDENTS_IN_ANSWER);
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.table.close();
    }
  }

  private seriesOf(subject: string, name: string, at: number): Series | null {
    const known = this.series.get(subject)?.get(name);
    if (known !== undefined) return known;
    if (this.isFull) return null;
    return this.addSeries({ id: null, subject, name, lastAt: at });
  }

  private addSeries(row: Series): Series {
    let byName = this.series.get(row.subject);
    if (byName === undefined) {
      byName = new Map();
      this.series.set(row.subject, byName);
    }
    byName.set(row.name, row);
    this.seriesCount++;
    return row;
  }

  private addPending(series: Series, at: number, aggregate: Aggregate): void {
    let steps = this.pending.get(series);
    if (steps === undefined) {
      steps = new Map();
      this.pending.set(series, steps);
    }
    const start = stepStart(at, stepOf(0));
    if (!steps.has(start)) this.pendingCount++;
    addTo(steps, start, aggregate);
  }

  private *pendingPoints(): Generator<readonly [Series, PointsByLevel]> {
    const coarse = this.isCoarse;
    for (const [series, steps] of this.pending) {
      const levels = LEVELS.map(({ stepMs }, level) => {
        if (level === 0) return coarse ? new Map<number, Aggregate>() : steps;
        const joined = new Map<number, Aggregate>();
        for (const [at, aggregate] of steps) addTo(joined, stepStart(at, stepMs), aggregate);
        return joined;
      });
      yield [series, levels];
    }
  }

  private dropPending(): void {
    this.pending.clear();
    this.pendingCount = 0;
  }

  private steps(series: Series, level: number, stepMs: number, from: number, until: number): Map<number, Aggregate> {
    const steps = new Map<number, Aggregate>();
    const add = (at: number, aggregate: Aggregate): void => addTo(steps, stepStart(at, stepMs), aggregate);
    const first = stepStart(from, stepOf(level));
    if (series.id !== null) for (const { at, aggregate } of this.table.read(level, series.id, first, until + 1)) add(at, aggregate);
    for (const [at, aggregate] of this.pending.get(series) ?? []) if (at >= first && at <= until) add(at, aggregate);
    return steps;
  }

  private withHighest(all: readonly Series[], from: number, until: number): Series[] {
    const byName = (a: Series, b: Series): number => (a.name < b.name ? -1 : 1);
    if (all.length <= MAX_SERIES_IN_RANGE) return [...all].sort(byName);
    const coarsest = LEVELS.length - 1;
    const heights = new Map<Series, number>();
    for (const series of all) {
      let highest = -1;
      for (const { high } of this.steps(series, coarsest, stepOf(coarsest), from, until).values()) highest = Math.max(highest, high ?? -1);
      heights.set(series, highest);
    }
    return [...all]
      .sort((a, b) => (heights.get(b) ?? -1) - (heights.get(a) ?? -1) || byName(a, b))
      .slice(0, MAX_SERIES_IN_RANGE)
      .sort(byName);
  }

  private firstSampleOf(all: readonly Series[]): number | null {
    const oldest = LEVELS.map((): number | null => null);
    const note = (level: number, at: number | null): void => {
      const before = oldest[level] ?? null;
      if (at !== null && (before === null || at < before)) oldest[level] = at;
    };
    for (const series of all) {
      if (series.id !== null) this.table.oldest(series.id).forEach((at, level) => note(level, at));
      note(0, this.pending.get(series)?.keys().next().value ?? null);
    }
    return firstSampleAt(oldest);
  }

  private prune(now: number): void {
    LEVELS.forEach(({ keepMs, stepMs }, level) => {
      const before = stepStart(now - keepMs, stepMs);
      const floor = this.floors[level] ?? 0;
      // A floor in the future says nothing about what was recorded after the clock was set back.
      if (before > floor || floor > now) this.table.deleteBefore(level, before);
    });
    this.table.deleteIncidents(now - KEEP_MS, MAX_INCIDENTS);
    this.forgetOldSeries(now);
    if (this.isCoarse) this.table.deleteBefore(0, stepStart(now, stepOf(0)));
    this.floors = this.table.floors();
  }

  /** A floor in the future was left by a clock that was ahead: of what was recorded since, only what is too old was deleted. */
  private floorsAt(now: number): number[] {
    const floors = this.floors.map((floor, level) => (floor > now ? now - (LEVELS[level]?.keepMs ?? 0) : floor));
    return this.isCoarse ? [Infinity, ...floors.slice(1)] : floors;
  }

  private get isCoarse(): boolean {
    return this.seriesCount > MAX_FINE_SERIES;
  }

  private forgetOldSeries(now: number): void {
    const all = [...this.series.values()].flatMap((byName) => [...byName.values()]);
    let old = all.filter(({ lastAt }) => lastAt < now - KEEP_MS);
    if (this.isFull) {
      const ended = all.filter(({ lastAt }) => lastAt < now - ENDED_MS).sort((a, b) => a.lastAt - b.lastAt);
      old = ended.slice(0, Math.max(old.length, GIVING_WAY * MAX_SERIES));
    }
    if (old.length === 0) return;
    this.table.deleteSeries(old.flatMap(({ id }) => id ?? []));
    for (const series of old) {
      const { subject, name } = series;
      this.pending.delete(series);
      this.series.get(subject)?.delete(name);
      if (this.series.get(subject)?.size === 0) this.series.delete(subject);
    }
    this.seriesCount -= old.length;
  }

  /** Near the size limit: a quarter of the range of the level with most points is deleted, until there is room. */
  private shrink(now: number): void {
    for (let i = 0; i < 4 * LEVELS.length; i++) {
      const { used, limit } = this.table.usage();
      if (used <= FULL * limit) return;
      const [largest] = this.table.usageByLevel().sort((a, b) => b.points - a.points);
      if (largest === undefined || largest.points === 0) return;
      const { level, oldest } = largest;
      this.table.deleteBefore(level, stepStart(oldest + Math.max(stepOf(level), (now - oldest) / 4), stepOf(level)));
      this.floors = this.table.floors();
    }
  }
}

function addTo(steps: Map<number, Aggregate>, start: number, aggregate: Aggregate): void {
  const before = steps.get(start);
  steps.set(start, before === undefined ? aggregate : merge(before, aggregate));
}

function columnOf(name: string, at: readonly number[], steps: ReadonlyMap<number, Aggregate>, hasSpread: boolean): FigureSeries {
  const column: FigureSeries = { name, mean: [], low: [], high: [], marks: [] };
  for (const start of at) {
    const step = steps.get(start);
    const mean = step === undefined ? null : meanOf(step);
    column.mean.push(mean === null ? null : rounded(mean));
    if (hasSpread) {
      column.low.push(step?.low ?? null);
      column.high.push(step?.high ?? null);
    }
    column.marks.push(step === undefined ? 0 : (step.atLeast ? AT_LEAST : 0) | (step.unknown > 0 ? PARTLY_UNKNOWN : 0));
  }
  return column;
}

/** A mean has no more digits than a chart shows. */
function rounded(mean: number): number {
  return Math.round(mean * 1_000) / 1_000;
}
