/**
 * History in a SQLite file. Its schema version is the database's `user_version`. Other processes may have the same file open: SQLite
 * locks it for each transaction, and points are added to stored ones, never replaced.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Aggregate } from './aggregate.ts';
import { LEVELS } from './levels.ts';
import type { LevelUsage, PointsByLevel, PointTable, Series, StoredIncident } from './point-table.ts';

export const SCHEMA_VERSION = 1;

/** Names are JSON texts, since SQLite's texts cannot hold every JavaScript string. */
const SCHEMA = `
  CREATE TABLE series (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, lastAt INTEGER NOT NULL, UNIQUE (subject, name)) STRICT;
  CREATE TABLE points (
    level INTEGER NOT NULL, series INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, total REAL NOT NULL,
    low REAL, high REAL, atLeast INTEGER NOT NULL, unknown INTEGER NOT NULL, PRIMARY KEY (level, series, at)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE floors (level INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  CREATE TABLE incidents (id TEXT PRIMARY KEY, startedAt INTEGER NOT NULL, endedAt INTEGER, body TEXT NOT NULL) STRICT;
  CREATE INDEX incidentsByStart ON incidents (startedAt);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const ADD_POINT = `
  INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET
    count = count + excluded.count, total = total + excluded.total,
    low = min(coalesce(low, excluded.low), coalesce(excluded.low, low)),
    high = max(coalesce(high, excluded.high), coalesce(excluded.high, high)),
    atLeast = max(atLeast, excluded.atLeast), unknown = unknown + excluded.unknown`;

export class SqlitePoints implements PointTable {
  readonly kind = 'disk';
  private readonly database: DatabaseSync;
  private readonly limit: number;
  private readonly statements: Record<'addPoint' | 'putSeries' | 'read' | 'oldest' | 'deletePoints', StatementSync>;

  /** The database has a schema of this version. Throws SQLite's error otherwise. `limitBytes` bounds the file. */
  constructor(database: DatabaseSync, limitBytes: number) {
    this.database = database;
    this.limit = limitBytes;
    database.exec(`PRAGMA max_page_count = ${Math.max(16, Math.floor(limitBytes / this.pageSize()))}`);
    this.statements = {
      addPoint: database.prepare(ADD_POINT),
      putSeries: database.prepare(
        'INSERT INTO series (subject, name, lastAt) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET lastAt = max(lastAt, excluded.lastAt) RETURNING id',
      ),
      read: database.prepare(
        'SELECT at, count, total, low, high, atLeast, unknown FROM points WHERE level = ? AND series = ? AND at >= ? AND at < ? ORDER BY at',
      ),
      oldest: database.prepare('SELECT min(at) AS at FROM points WHERE level = ? AND series = ?'),
      deletePoints: database.prepare('DELETE FROM points WHERE level = ? AND series = ? AND at < ?'),
    };
  }

  /** Creates the schema in an empty database. */
  static createSchema(database: DatabaseSync): void {
    transaction(database, () => {
      // Another process may have created it since it was looked at.
      if (numberOf(database.prepare('PRAGMA user_version').get()?.['user_version']) === 0) database.exec(SCHEMA);
    });
  }

  /** Throws what a table throws that is missing or another one, or a name that is no JSON text: pages have no checksum. */
  requireReadable(): void {
    this.series();
    this.floors();
    this.incidents(0, 0, 1);
  }

  series(): Series[] {
    return this.database
      .prepare('SELECT id, subject, name, lastAt FROM series')
      .all()
      .map(({ id, subject, name, lastAt }) => ({
        id: numberOf(id),
        subject: parseText(subject),
        name: parseText(name),
        lastAt: numberOf(lastAt),
      }));
  }

  write(changes: Iterable<readonly [Series, PointsByLevel]>): void {
    const { addPoint, putSeries } = this.statements;
    const ids = new Map<Series, number>();
    transaction(this.database, () => {
      for (const [series, levels] of changes) {
        const id = numberOf(putSeries.get(JSON.stringify(series.subject), JSON.stringify(series.name), series.lastAt)?.['id']);
        ids.set(series, id);
        levels.forEach((points, level) => {
          for (const [at, { count, total, low, high, atLeast, unknown }] of points)
            addPoint.run(level, id, at, count, total, low, high, atLeast ? 1 : 0, unknown);
        });
      }
    });
    for (const [series, id] of ids) series.id = id;
  }

  read(level: number, series: number, from: number, until: number): { at: number; aggregate: Aggregate }[] {
    return this.statements.read.all(level, series, from, until).map((row) => ({
      at: numberOf(row['at']),
      aggregate: {
        count: numberOf(row['count']),
        total: numberOf(row['total']),
        low: maybeNumber(row['low']),
        high: maybeNumber(row['high']),
        atLeast: row['atLeast'] === 1,
        unknown: numberOf(row['unknown']),
      },
    }));
  }

  oldest(series: number): (number | null)[] {
    return LEVELS.map((_, level) => maybeNumber(this.statements.oldest.get(level, series)?.['at']));
  }

  floors(): number[] {
    const rows = new Map(
      this.database
        .prepare('SELECT level, at FROM floors')
        .all()
        .map(({ level, at }) => [numberOf(level), numberOf(at)]),
    );
    return LEVELS.map((_, level) => rows.get(level) ?? 0);
  }

  deleteBefore(level: number, at: number): void {
    transaction(this.database, () => {
      // By series, since rows are ordered by series first.
      for (const { id } of this.database.prepare('SELECT id FROM series').all()) this.statements.deletePoints.run(level, numberOf(id), at);
      this.database
        .prepare('INSERT INTO floors VALUES (?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)')
        .run(level, Math.floor(at));
    });
  }

  deleteSeries(ids: readonly number[]): void {
    transaction(this.database, () => {
      for (const id of ids) {
        for (let level = 0; level < LEVELS.length; level++) this.statements.deletePoints.run(level, id, Number.MAX_SAFE_INTEGER);
        this.database.prepare('DELETE FROM series WHERE id = ?').run(id);
      }
    });
  }

  usage(): { used: number; limit: number } {
    const free = numberOf(this.database.prepare('PRAGMA freelist_count').get()?.['freelist_count']);
    const pages = numberOf(this.database.prepare('PRAGMA page_count').get()?.['page_count']);
    return { used: (pages - free) * this.pageSize(), limit: this.limit };
  }

  usageByLevel(): LevelUsage[] {
    return this.database
      .prepare('SELECT level, count(*) AS points, min(at) AS oldest FROM points GROUP BY level')
      .all()
      .map(({ level, points, oldest }) => ({ level: numberOf(level), points: numberOf(points), oldest: numberOf(oldest) }));
  }

  putIncident({ id, startedAt, endedAt, body }: StoredIncident): void {
    this.database
      .prepare(
        'INSERT INTO incidents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET startedAt = excluded.startedAt, endedAt = excluded.endedAt, body = excluded.body',
      )
      .run(JSON.stringify(id), startedAt, endedAt, body);
  }

  incidents(from: number, until: number, limit: number): StoredIncident[] {
    return this.database
      .prepare(
        'SELECT id, startedAt, endedAt, body FROM incidents WHERE startedAt < ? AND (endedAt IS NULL OR endedAt >= ?) ORDER BY startedAt DESC LIMIT ?',
      )
      .all(until, from, limit)
      .map(({ id, startedAt, endedAt, body }) => ({
        id: parseText(id),
        startedAt: numberOf(startedAt),
        endedAt: maybeNumber(endedAt),
        body: String(body),
      }))
      .reverse();
  }

  deleteIncidents(at: number, keep: number): void {
    this.database
      .prepare(
        'DELETE FROM incidents WHERE (endedAt IS NOT NULL AND endedAt < ?) OR id IN (SELECT id FROM incidents ORDER BY startedAt DESC LIMIT -1 OFFSET ?)',
      )
      .run(at, keep);
  }

  close(): void {
    this.database.close();
  }

  private pageSize(): number {
    return numberOf(this.database.prepare('PRAGMA page_size').get()?.['page_size']);
  }
}

function transaction(database: DatabaseSync, change: () => void): void {
  // Takes the write lock at once: a read transaction that is upgraded can meet a lock that no waiting resolves.
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    // A full disk ends the transaction by itself.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function maybeNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function parseText(value: unknown): string {
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : null;
  return typeof parsed === 'string' ? parsed : '';
}
