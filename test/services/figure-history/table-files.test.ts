import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FigureStore, MAX_SERIES } from '../../../electron/services/figure-history/figure-store.ts';
import { SCHEMA_VERSION } from '../../../electron/services/figure-history/sqlite-points.ts';
import { StoreServer } from '../../../electron/services/figure-history/store-server.ts';
import type { StoreCall, StoreCalls, ToStoreWorker } from '../../../electron/services/figure-history/store-calls.ts';
import { loadSqlite, openTable, type LoadSqlite } from '../../../electron/services/figure-history/table-files.ts';
import type { FigureRange } from '../../../shared/models/figures.ts';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'table-files-'));
  path = join(directory, 'history', 'a.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sampleOf = (at: number, value: number) => ({ at, subject: 'g', values: [{ name: 'a', value, atLeast: false }] });
const noSqlite: LoadSqlite = () => Promise.reject(new Error('No such built-in module: node:sqlite'));

/** A server with one open history, as its worker has it. */
async function serve(load: LoadSqlite = loadSqlite) {
  const notices: string[] = [];
  const server = new StoreServer({ now: () => NOW, onNotice: (text) => notices.push(text), load });
  const call = async <C extends StoreCall>(name: C, args: StoreCalls[C]['args']): Promise<StoreCalls[C]['value']> =>
    (await server.handle({ id: 1, store: 's', call: name, args } as ToStoreWorker)) as StoreCalls[C]['value'];
  await call('open', { path, reason: null });
  const range = (): Promise<FigureRange> =>
    call('range', { subject: 'g', names: null, from: NOW - 60_000, until: NOW + 60_000, points: 500 });
  return { server, call, range, notices };
}

describe('a history file', () => {
  test('and its directory are readable by their user alone, whatever the mask and earlier modes were', async () => {
    mkdirSync(join(directory, 'history'), { mode: 0o755 });
    writeFileSync(path, '', { mode: 0o666 });
    chmodSync(path, 0o666);
    const { call } = await serve();
    await call('append', [sampleOf(NOW, 1)]);
    await call('close', null);
    expect([statSync(join(directory, 'history')).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  test('keeps its points over a restart', async () => {
    const before = await serve();
    await before.call('append', [sampleOf(NOW - 1_000, 5), sampleOf(NOW, 6)]);
    const shown = await before.range();
    await before.call('close', null);
    const after = await serve();
    expect(await after.range()).toEqual(shown);
    expect(shown.series[0]?.mean).toEqual([5, 6]);
    expect(shown.storage).toEqual({ kind: 'disk', problem: null });
    await after.call('close', null);
  });

  test.each([
    ['is no database', () => writeFileSync(path, 'not a database'.repeat(1_000))],
    ['is another database', () => withDatabase((database) => database.exec(`CREATE TABLE t (x); PRAGMA user_version = ${SCHEMA_VERSION}`))],
    ['has other columns', () => withDatabase((database) => database.exec('CREATE TABLE series (x)'))],
    ['has pages of zeros', () => damage()],
    ['lacks a table', () => withDatabase((database) => database.exec('DROP TABLE floors'))],
    ['lacks another table', () => withDatabase((database) => database.exec('DROP TABLE incidents'))],
    ['has a name that is no JSON text', () => withDatabase((database) => database.exec(`UPDATE series SET name = '{'`))],
  ])('that %s is moved aside by name, reported, and replaced', async (_name, spoil) => {
    const first = await serve();
    await first.call(
      'append',
      Array.from({ length: 3_000 }, (_, i) => sampleOf(NOW + i * 1_000, i)),
    );
    await first.call('close', null);
    if (_name.startsWith('is ') || _name === 'has other columns') rmSync(path);
    spoil();
    const spoiled = readFileSync(path);
    const { call, range, notices } = await serve();
    expect(notices).toHaveLength(1);
    const aside = /Its file was kept as (\S+)\.$/.exec(notices[0] ?? '')?.[1] ?? '';
    expect(readFileSync(aside).equals(spoiled)).toBe(true);
    await call('append', [sampleOf(NOW, 7)]);
    await call('close', null);
    const again = await serve();
    expect((await again.range()).series[0]?.mean).toEqual([7]);
    expect([again.notices, (await range().catch(() => null)) === null]).toEqual([[], true]);
    await again.call('close', null);
  });

  test('that is damaged while it is open is replaced, and recording continues', async () => {
    const { server, call, range, notices } = await serve();
    await call(
      'append',
      Array.from({ length: 3_000 }, (_, i) => sampleOf(NOW - 2_000_000 + i * 1_000, i)),
    );
    await server.maintain();
    // What it has read from other pages is in its cache.
    damage(0);
    await call('append', [sampleOf(NOW, 7)]);
    await server.maintain();
    await call('append', [sampleOf(NOW + 1_000, 8)]);
    await server.maintain();
    const { series, storage } = await range();
    expect(notices.join(' ')).toContain('Its file was kept as');
    expect(series[0]?.mean.at(-1)).toBe(8);
    expect(storage.kind).toBe('disk');
    await call('close', null);
  });

  test('of a newer version is left as it is, and history is kept in memory, which the answer says', async () => {
    mkdirSync(join(directory, 'history'));
    withDatabase((database) => database.exec(`CREATE TABLE t (x); PRAGMA user_version = ${SCHEMA_VERSION + 1}`));
    const before = readFileSync(path);
    const { call, range } = await serve();
    await call('append', [sampleOf(NOW, 1)]);
    const { storage, series } = await range();
    expect([series[0]?.mean, storage.kind]).toEqual([[1], 'memory']);
    expect(storage.problem).toContain('newer version of Brokerdesk');
    await call('close', null);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('without SQLite, as in old versions of Node.js, is not used: history is in memory, which the answer says', async () => {
    const { call, range } = await serve(noSqlite);
    await call('append', [sampleOf(NOW, 1)]);
    expect((await range()).storage).toEqual({
      kind: 'memory',
      problem: 'History is kept in memory until the app ends: this version of Node.js has no SQLite.',
    });
    await call('close', null);
    expect(existsSync(path)).toBe(false);
  });

  test('that another process locks while it is opened leaves history in memory, with the reason, and maintenance works', async () => {
    const { call: close } = await serve();
    await close('close', null);
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const { server, range } = await serve();
    other.exec('ROLLBACK');
    other.close();
    await server.maintain();
    expect((await range()).storage).toMatchObject({ kind: 'memory', problem: expect.stringContaining('database is locked') as unknown });
  });

  test('that cannot be created leaves history in memory, with the reason', async () => {
    writeFileSync(join(directory, 'history'), 'a file where the directory should be');
    const { range, notices } = await serve();
    expect((await range()).storage).toMatchObject({ kind: 'memory', problem: expect.stringContaining(path) as unknown });
    expect(notices).toEqual([]);
  });

  test('that has no room for another series says so where that one is asked for', async () => {
    const { call, range } = await serve();
    const values = Array.from({ length: MAX_SERIES }, (_, i) => ({ name: `t-${i}`, value: 1, atLeast: false }));
    await call('append', [{ at: NOW, subject: 'other', values }]);
    await call('append', [sampleOf(NOW, 1)]);
    expect((await range()).storage).toEqual({
      kind: 'disk',
      problem: 'This is not recorded: the history of this cluster already holds 10,000 series.',
    });
    const other = await call('range', { subject: 'other', names: ['t-1'], from: NOW, until: NOW, points: 10 });
    expect(other.storage.problem).toBeNull();
    await call('close', null);
  });

  test('of which a write fails says so until one succeeds, and loses nothing meanwhile', async () => {
    const { server, call, range } = await serve();
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    await call('append', [sampleOf(NOW, 1)]);
    await server.maintain();
    other.exec('ROLLBACK');
    other.close();
    const while_ = await range();
    expect(while_.storage.problem).toMatch(/^The last minutes of history are not saved: database is locked/);
    await call('append', [sampleOf(NOW + 1_000, 2)]);
    await server.maintain();
    const { series, storage } = await range();
    expect([series[0]?.mean, storage.problem]).toEqual([[1, 2], null]);
    await call('close', null);
  });

  test('is deleted with its connection, open or not', async () => {
    const { call } = await serve();
    await call('append', [sampleOf(NOW, 1)]);
    await call('delete', { path, reason: null });
    expect(readdirSync(join(directory, 'history'))).toEqual([]);
    await call('open', { path, reason: null });
    await call('close', null);
    await call('delete', { path, reason: null });
    expect(readdirSync(join(directory, 'history'))).toEqual([]);
  });

  test('that was not written to for a month is deleted when another one is opened', async () => {
    mkdirSync(join(directory, 'history'));
    const [old, recent, foreign] = ['old.sqlite', 'recent.sqlite', 'notes.txt'].map((name) => join(directory, 'history', name));
    for (const [file, age] of [
      [old, 31],
      [recent, 29],
      [foreign, 90],
    ] as const) {
      writeFileSync(file ?? '', 'x');
      utimesSync(file ?? '', new Date(NOW - age * DAY), new Date(NOW - age * DAY));
    }
    const { call } = await serve();
    await call('close', null);
    expect(readdirSync(join(directory, 'history')).sort()).toEqual(['a.sqlite', 'notes.txt', 'recent.sqlite']);
  });

  test('can be written by two processes at once: their samples are added to the same steps', async () => {
    const tables = await Promise.all([1, 2].map(() => openTable(path, loadSqlite, () => NOW)));
    const stores = tables.map(({ table }) => new FigureStore(table, () => NOW));
    for (let i = 0; i < 20; i++) {
      for (const [which, store] of stores.entries()) {
        // Each knows series that the other has not seen, in another order.
        const names = which === 0 ? ['a', 'b', 'c'] : ['c', 'd', 'a'];
        store.append([
          { at: NOW + i * 1_000, subject: 'g', values: names.map((name) => ({ name, value: which * 10 + i, atLeast: false })) },
        ]);
        store.flush();
      }
    }
    for (const store of stores) store.close();
    const { table } = await openTable(path, loadSqlite, () => NOW);
    const all = new FigureStore(table, () => NOW).range({ subject: 'g', names: null, from: NOW, until: NOW + 60_000, points: 500 });
    expect(all.series.map(({ name, mean }) => [name, mean[0], mean.at(-1)])).toEqual([
      ['a', 5, 24],
      ['b', 0, 19],
      ['c', 5, 24],
      ['d', 10, 29],
    ]);
    table.close();
  });
});

function withDatabase(action: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(path);
  action(database);
  database.close();
}

/** Zeros over all pages but the first, or over that one too. */
function damage(from = 4_096): void {
  const bytes = readFileSync(path);
  bytes.fill(0, from);
  writeFileSync(path, bytes);
}
