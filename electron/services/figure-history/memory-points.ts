/** History for this run only, bounded by the number of its points. */
import { minOf } from '#shared/lists';
import { merge, type Aggregate } from './aggregate.ts';
import { LEVELS } from './levels.ts';
import type { LevelUsage, PointsByLevel, PointTable, Series, StoredIncident } from './point-table.ts';

/** About what V8 takes for an entry of a map with its aggregate, measured with 2 million of them. */
const POINT_BYTES = 200;
const LIMIT_BYTES = 48 * 1024 * 1024;

export class MemoryPoints implements PointTable {
  readonly kind = 'memory';
  private readonly rows = new Map<number, Series>();
  private lastId = 0;
  /** By series, then level. Keys ascend but after a clock was set back. */
  private readonly points = new Map<number, Map<number, Aggregate>[]>();
  private readonly floorOf: number[] = LEVELS.map(() => 0);
  private readonly stored = new Map<string, StoredIncident>();
  private readonly limit: number;

  constructor(limitBytes = LIMIT_BYTES) {
    this.limit = limitBytes;
  }

  series(): Series[] {
    return [...this.rows.values()];
  }

  write(changes: Iterable<readonly [Series, PointsByLevel]>): void {
    for (const [series, levels] of changes) {
      series.id ??= ++this.lastId;
      this.rows.set(series.id, { ...series });
      const stored = this.levelsOf(series.id);
      levels.forEach((points, level) => {
        for (const [at, aggregate] of points) {
          const before = stored[level]?.get(at);
          stored[level]?.set(at, before === undefined ? aggregate : merge(before, aggregate));
        }
      });
    }
  }

  read(level: number, series: number, from: number, until: number): { at: number; aggregate: Aggregate }[] {
    const found: { at: number; aggregate: Aggregate }[] = [];
    for (const [at, aggregate] of this.points.get(series)?.[level] ?? []) if (at >= from && at < until) found.push({ at, aggregate });
    return found.sort((a, b) => a.at - b.at);
  }

  oldest(series: number): (number | null)[] {
    return LEVELS.map((_, level) => {
      const oldest = minOf(this.points.get(series)?.[level]?.keys() ?? []);
      return Number.isFinite(oldest) ? oldest : null;
    });
  }

  floors(): number[] {
    return [...this.floorOf];
  }

  deleteBefore(level: number, at: number): void {
    this.floorOf[level] = Math.max(this.floorOf[level] ?? 0, at);
    for (const maps of this.points.values()) for (const start of maps[level]?.keys() ?? []) if (start < at) maps[level]?.delete(start);
  }

  deleteSeries(ids: readonly number[]): void {
    for (const id of ids) {
      this.rows.delete(id);
      this.points.delete(id);
    }
  }

  usage(): { used: number; limit: number } {
    const points = this.usageByLevel().reduce((sum, level) => sum + level.points, 0);
    let bodies = 0;
    for (const { body } of this.stored.values()) bodies += 2 * body.length;
    return { used: points * POINT_BYTES + bodies, limit: this.limit };
  }

  usageByLevel(): LevelUsage[] {
    return LEVELS.map((_, level) => {
      let points = 0;
      let oldest = Infinity;
      for (const maps of this.points.values()) {
        points += maps[level]?.size ?? 0;
        oldest = minOf(maps[level]?.keys() ?? [], oldest);
      }
      return { level, points, oldest: Number.isFinite(oldest) ? oldest : 0 };
    });
  }

  putIncident(incident: StoredIncident): void {
    this.stored.set(incident.id, { ...incident });
  }

  incidents(from: number, until: number, limit: number): StoredIncident[] {
    return [...this.stored.values()]
      .filter(({ startedAt, endedAt }) => startedAt < until && (endedAt ?? Infinity) >= from)
      .sort((a, b) => a.startedAt - b.startedAt)
      .slice(-limit);
  }

  deleteIncidents(at: number, keep: number): void {
    const newestFirst = [...this.stored.values()].sort((a, b) => b.startedAt - a.startedAt);
    newestFirst.forEach(({ id, endedAt }, i) => {
      if (i >= keep || (endedAt !== null && endedAt < at)) this.stored.delete(id);
    });
  }

  close(): void {
    this.rows.clear();
    this.points.clear();
    this.stored.clear();
  }

  private levelsOf(series: number): Map<number, Aggregate>[] {
    let maps = this.points.get(series);
    if (maps === undefined) {
      maps = LEVELS.map(() => new Map());
      this.points.set(series, maps);
    }
    return maps;
  }
}
