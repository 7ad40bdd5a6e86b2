/** What a history is kept in: rows of points by level, series and time. In a file (`sqlite-points.ts`) or in memory (`memory-points.ts`). */
import type { Aggregate } from './aggregate.ts';

export interface Series {
  /** Null until it is written. Another process may have given it an id first. */
  id: number | null;
  /** What it is about: a group, or the cluster (`subjects.ts`). */
  subject: string;
  name: string;
  /** Wall-clock ms of its last sample. */
  lastAt: number;
}

/** By level, then by the start of the step, wall-clock ms. */
export type PointsByLevel = readonly Map<number, Aggregate>[];

/** An outage or another event with a duration, as JSON. */
export interface StoredIncident {
  id: string;
  startedAt: number;
  /** Null: open. */
  endedAt: number | null;
  body: string;
}

export interface LevelUsage {
  level: number;
  points: number;
  /** Wall-clock ms of the oldest; 0 without a point. */
  oldest: number;
}

export interface PointTable {
  readonly kind: 'disk' | 'memory';
  series(): Series[];
  /** Adds the points to what is kept for the same steps, all or nothing, and gives each series the id under which it is stored. */
  write(changes: Iterable<readonly [Series, PointsByLevel]>): void;
  /** Points of one series with from <= at < until, ascending. */
  read(level: number, series: number, from: number, until: number): { at: number; aggregate: Aggregate }[];
  /** Start of a series' oldest step by level, wall-clock ms; null: none. */
  oldest(series: number): (number | null)[];
  /** By level: the time before which points were deleted. */
  floors(): number[];
  /** Deletes a level's points before `at`, which becomes its floor. */
  deleteBefore(level: number, at: number): void;
  deleteSeries(ids: readonly number[]): void;
  /** Bytes, or an estimate of them. */
  usage(): { used: number; limit: number };
  usageByLevel(): LevelUsage[];
  /** Stores an incident or replaces the one with its id. */
  putIncident(incident: StoredIncident): void;
  /** Incidents that touch the range, the newest `limit`, ascending by start. */
  incidents(from: number, until: number, limit: number): StoredIncident[];
  /** Deletes incidents that ended before `at`, and all but the newest `keep`. */
  deleteIncidents(at: number, keep: number): void;
  close(): void;
}
