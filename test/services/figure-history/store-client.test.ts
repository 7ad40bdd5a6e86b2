import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FigureHistory } from '../../../electron/services/figure-history/figure-history.ts';
import { StoreClient, type StoreWorker } from '../../../electron/services/figure-history/store-client.ts';
import type { ToStoreWorker } from '../../../electron/services/figure-history/store-calls.ts';
import type { Connection } from '../../../shared/models/cluster.ts';

/** A worker that answers when the test says so. */
class FakeWorker extends EventEmitter implements StoreWorker {
  readonly received: ToStoreWorker[] = [];
  terminated = false;

  postMessage(message: unknown): void {
    this.received.push(message as ToStoreWorker);
  }
  answer(value: unknown = null): void {
    const next = this.received.shift();
    this.emit('message', { kind: 'answered', id: next?.id, value });
  }
  ref(): void {}
  unref(): void {}
  async terminate(): Promise<void> {
    this.terminated = true;
  }
}

const QUERY = { subject: 'g', names: null, from: 0, until: 1, points: 10 };
const PLACE = { path: '/x', reason: null };

describe('StoreClient', () => {
  let workers: FakeWorker[];
  let notices: string[];
  let client: StoreClient;
  const newest = (): FakeWorker => workers.at(-1) ?? new FakeWorker();

  beforeEach(() => {
    vi.useFakeTimers();
    workers = [];
    notices = [];
    client = new StoreClient({
      onNotice: (text) => notices.push(text),
      startWorker: () => {
        workers.push(new FakeWorker());
        return newest();
      },
    });
  });
  afterEach(() => vi.useRealTimers());

  test('gives each call its answer', async () => {
    const first = client.call('s', 'open', PLACE);
    const second = client.call('s', 'range', QUERY);
    newest().answer();
    newest().answer('a range');
    expect(await Promise.all([first, second])).toEqual([null, 'a range']);
    expect(workers).toHaveLength(1);
  });

  test('rejects a call that is not answered in time, and keeps the others', async () => {
    const call = client.call('s', 'range', QUERY);
    vi.advanceTimersByTime(20_001);
    await expect(call).rejects.toMatchObject({ app: { code: 'HISTORY_UNAVAILABLE', message: expect.stringContaining('20 s') as unknown } });
    const later = client.call('s', 'range', QUERY);
    newest().answer('late');
    newest().answer('in time');
    expect(await later).toBe('in time');
  });

  test('a worker that ends is replaced at the next call, with the open histories', async () => {
    const open = client.call('s', 'open', PLACE);
    newest().answer();
    await open;
    const lost = client.call('s', 'range', QUERY);
    newest().emit('error', new Error('out of memory'));
    newest().emit('exit');
    await expect(lost).rejects.toMatchObject({ app: { message: 'The history of figures is not available: out of memory.' } });
    void client.call('s', 'range', QUERY);
    expect(newest().received.map(({ call }) => call)).toEqual(['open', 'range']);
  });

  test('a worker that ends again and again is not started for ever', async () => {
    for (let i = 0; i < 20; i++) {
      const call = client.call('s', 'range', QUERY);
      newest().emit('exit');
      await expect(call).rejects.toMatchObject({ app: { code: 'HISTORY_UNAVAILABLE' } });
    }
    expect(workers).toHaveLength(5);
  });

  test('refuses calls while 256 wait', async () => {
    for (let i = 0; i < 256; i++) client.call('s', 'append', []).catch(() => undefined);
    await expect(client.call('s', 'append', [])).rejects.toMatchObject({ app: { code: 'HISTORY_UNAVAILABLE' } });
    expect(newest().received).toHaveLength(256);
  });

  test('ends its worker only after open histories and calls on their way have been answered', async () => {
    client.call('s', 'open', PLACE).catch(() => undefined);
    client.call('t', 'open', PLACE).catch(() => undefined);
    client.call('t', 'close', null).catch(() => undefined);
    const worker = newest();
    const closed = client.close();
    expect(worker.received.map(({ store, call }) => `${store} ${call}`)).toEqual(['s open', 't open', 't close', 's close']);
    for (let i = 0; i < 3; i++) worker.answer();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(worker.terminated).toBe(false);
    worker.answer();
    await closed;
    expect([worker.terminated, notices]).toEqual([true, []]);
    await expect(client.call('s', 'range', QUERY)).rejects.toMatchObject({ app: { code: 'HISTORY_UNAVAILABLE' } });
  });

  test('ends within a bound of time when its worker does not answer, and says that the end may be lost', async () => {
    client.call('s', 'open', PLACE).catch(() => undefined);
    const closed = client.close();
    await vi.advanceTimersByTimeAsync(5_001);
    await closed;
    expect(newest().terminated).toBe(true);
    expect(notices).toEqual(['The last seconds of history may be lost: they were not written within 5 s.']);
  });
});

describe('FigureHistory in its worker', () => {
  const REMOTE: Connection = { id: '6d1e7a52-53a3-4c3c-8f0e-1d3c0a5d2f11', name: 'r', kind: 'remote', bootstrap: 'h:1', colour: 'warn' };
  const EMBEDDED: Connection = { id: 'embedded', name: 'e', kind: 'embedded', bootstrap: 'h:1', colour: 'flow' };
  const SLOW_MS = 50_000;
  let directory: string;
  let problems: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'figure-history-'));
    problems = [];
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const start = (files: string | null, clusterDirectory: string | null): FigureHistory =>
    new FigureHistory({
      directory: files,
      clusterDirectory,
      onError: (what, error) => problems.push(`${what}: ${String(error)}`),
      onNotice: (text) => problems.push(text),
      // These tests start threads of a busy machine, at low priority: what they expect is not a time.
      callTimeoutMs: SLOW_MS,
      closeTimeoutMs: SLOW_MS,
    });
  /** What was recorded under the name of a connection, after a sample if one is given. */
  const record = async (history: FigureHistory, connection: Connection, lag: number | null) => {
    const recorder = history.record(connection);
    const at = Date.now();
    if (lag !== null) recorder.takeLag('g', { at, topics: [{ topic: '__proto__', lag, atLeast: true }] });
    recorder.close();
    const again = history.record(connection);
    const { series, storage } = await again.lag('g', { from: at - 3_600_000, until: at + 1_000, points: 1_000 });
    again.close();
    return { lags: series.map(({ name, mean, marks }) => [name, mean.at(-1), marks.at(-1)]), storage };
  };

  test('keeps what was recorded over a restart, also what was taken just before the end', async () => {
    const before = start(join(directory, 'h'), null);
    const at = Date.now() - 60_000;
    before.record(REMOTE).takeLag('g', { at, topics: [{ topic: '__proto__', lag: 12, atLeast: true }] });
    const inMemory = before.record(EMBEDDED);
    expect((await inMemory.lag('g', { from: 0, until: Date.now(), points: 100 })).storage).toEqual({
      kind: 'memory',
      problem: 'History is kept in memory until the app ends, as the data of the embedded cluster is.',
    });
    // Its last sample waits for its second.
    await before.close();
    const after = start(join(directory, 'h'), null);
    expect(await record(after, REMOTE, null)).toEqual({ lags: [['__proto__', 12, 1]], storage: { kind: 'disk', problem: null } });
    await after.close();
    expect(problems).toEqual([]);
  });

  test('the embedded cluster of another data directory has another history', async () => {
    const one = start(join(directory, 'h'), '/data/one');
    expect((await record(one, EMBEDDED, 5)).lags).toEqual([['__proto__', 5, 1]]);
    await one.close();
    const other = start(join(directory, 'h'), '/data/other');
    expect((await record(other, EMBEDDED, null)).lags).toEqual([]);
    await other.close();
    const back = start(join(directory, 'h'), '/data/one');
    expect((await record(back, EMBEDDED, null)).lags).toEqual([['__proto__', 5, 1]]);
    await back.close();
  });

  test('a removed connection leaves nothing', async () => {
    const history = start(join(directory, 'h'), null);
    await record(history, REMOTE, 5);
    history.delete(REMOTE);
    expect((await record(history, REMOTE, null)).lags).toEqual([]);
    await history.close();
    expect(problems).toEqual([]);
  });

  test.each(['../../escaped', 'a/b', '', 'con', 'x'.repeat(300)])(
    'an id such as %# from an edited file stays inside the directory',
    async (id) => {
      const history = start(join(directory, 'h'), null);
      expect((await record(history, { ...REMOTE, id }, 5)).storage).toEqual({ kind: 'disk', problem: null });
      await history.close();
    },
  );
});
