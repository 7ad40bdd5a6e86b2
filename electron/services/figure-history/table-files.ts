/** Files of histories: opened, moved aside when they are damaged, deleted. Only their user can read them. */
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { KEEP_MS } from './levels.ts';
import { MemoryPoints } from './memory-points.ts';
import { clauseOf } from '#shared/errors';
import type { PointTable } from './point-table.ts';
import { SCHEMA_VERSION, SqlitePoints } from './sqlite-points.ts';

/** Of one connection. */
const LIMIT_BYTES = 128 * 1024 * 1024;
/** Another process writes for milliseconds. */
const LOCK_WAIT_MS = 2_000;
const SUFFIXES = ['', '-journal', '-wal', '-shm'];

/** SQLite's result codes (https://www.sqlite.org/rescode.html). */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

export interface OpenedTable {
  table: PointTable;
  /** Why history is kept in memory; null: it is kept in the file. */
  problem: string | null;
  /** A sentence about a damaged file. */
  notice: string | null;
}

/** Imported when needed: Node.js before 22.5 has no `node:sqlite`. */
export type LoadSqlite = () => Promise<{ DatabaseSync: typeof DatabaseSync }>;
export const loadSqlite: LoadSqlite = () => import('node:sqlite');

/** Never fails: what cannot be kept in the file is kept in memory, and `problem` says why. */
export async function openTable(path: string, load: LoadSqlite, now: () => number, limitBytes = LIMIT_BYTES): Promise<OpenedTable> {
  const inMemory = (problem: string): OpenedTable => ({ table: new MemoryPoints(), problem, notice: null });
  let sqlite: Awaited<ReturnType<LoadSqlite>>;
  try {
    sqlite = await load();
  } catch {
    return inMemory('History is kept in memory until the app ends: this version of Node.js has no SQLite.');
  }
  const open = (): PointTable | number => openDatabase(sqlite.DatabaseSync, path, limitBytes);
  let inode = 0;
  try {
    inode = prepareFile(path);
    const opened = open();
    if (typeof opened !== 'number') return { table: opened, problem: null, notice: null };
    return inMemory(
      `History is kept in memory until the app ends: ${path} was written by a newer version of Brokerdesk (format ${opened}), and is left as it is.`,
    );
  } catch (error) {
    if (!isDamage(error)) return inMemory(`History is kept in memory until the app ends: ${path} cannot be used: ${clauseOf(error)}.`);
    return replaceDamaged(path, inode, error, now, open);
  }
}

/** `inode`: of the file that is damaged. Another process may have replaced it by now. */
function replaceDamaged(path: string, inode: number, error: unknown, now: () => number, open: () => PointTable | number): OpenedTable {
  try {
    const aside = inodeOf(path) === inode ? moveAside(path, now()) : null;
    prepareFile(path);
    const table = open();
    if (typeof table === 'number') throw new Error('a newer version of Brokerdesk replaced it');
    const notice = aside === null ? null : `The history of figures could not be read (${clauseOf(error)}). Its file was kept as ${aside}.`;
    return { table, problem: null, notice };
  } catch (again) {
    const problem = `History is kept in memory until the app ends: ${path} is damaged and could not be replaced: ${clauseOf(again)}.`;
    return { table: new MemoryPoints(), problem, notice: null };
  }
}

/** A table, or the version of a newer schema. */
function openDatabase(Database: typeof DatabaseSync, path: string, limitBytes: number): PointTable | number {
  const database = new Database(path, { timeout: LOCK_WAIT_MS });
  try {
    // One file, also on network drives: a rollback journal needs no shared memory.
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;');
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > SCHEMA_VERSION) {
      database.close();
      return version;
    }
    if (version === 0) SqlitePoints.createSchema(database);
    const check = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (check !== 'ok') throw new DamagedFile(String(check));
    const table = new SqlitePoints(database, limitBytes);
    table.requireReadable();
    return table;
  } catch (error) {
    if (database.isOpen) database.close();
    throw error;
  }
}

class DamagedFile extends Error {}

/** SQLite says so, or a table of the schema is missing or another one, or a name is not as it was written. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedFile || error instanceof SyntaxError) return true;
  const code = sqliteCode(error);
  return (
    code === SQLITE_CORRUPT ||
    code === SQLITE_NOTADB ||
    (code === 1 && /no such (table|column)|already exists|has \d+ columns/.test(clauseOf(error)))
  );
}

function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  // The low byte is the result, the others say more about it.
  return error.errcode & 0xff;
}

/** Modes as given, whatever the process's mask is. SQLite gives its journal the mode of the database. Returns the file's inode. */
function prepareFile(path: string): number {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  return inodeOf(path);
}

/** 0: there is no such file. */
function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

function moveAside(path: string, now: number): string {
  const aside = `${path}.broken-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(path, aside);
  // It is kept for as long as any other file from now on.
  utimesSync(aside, now / 1_000, now / 1_000);
  // A journal belongs to its database and would be applied to the next one.
  for (const suffix of SUFFIXES.slice(1)) if (exists(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${aside}${suffix}`);
  return aside;
}

export function deleteFiles(path: string): void {
  for (const suffix of SUFFIXES) rmSync(`${path}${suffix}`, { force: true });
}

/** Deletes files, damaged ones too, that have not been written to for as long as points are kept. */
export function deleteOldFiles(directory: string, now: number, inUse: ReadonlySet<string>): void {
  if (!exists(directory)) return;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!basename(path).includes('.sqlite') || inUse.has(path)) continue;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && stat.isFile() && stat.mtimeMs < now - KEEP_MS) rmSync(path, { force: true });
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
