import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DecodePool } from '../../electron/admin/decoding/decoder.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../electron/admin/worker-pool.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { batchAround, smallestRecords } from '../helpers/record-bombs.ts';

type Order = 'echo' | 'throw' | 'fill' | 'loop' | 'exit';

let directory: string;
let pool: WorkerPool<{ order: Order; text: string }, string>;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'worker-pool-'));
  const serve = join(import.meta.dirname, '../../electron/admin/job-worker.ts');
  writeFileSync(
    join(directory, 'worker.ts'),
    `import { serveJobs } from ${JSON.stringify(serve)};
     serveJobs(({ order, text }: { order: string; text: string }) => {
       if (order === 'throw') throw new Error('it does not fit');
       if (order === 'exit') process.exit(3);
       for (const kept: object[] = []; order === 'fill'; ) kept.push({ text });
       while (order === 'loop') text.at(0);
       return text;
     });`,
  );
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => pool.close());

function open(more: Partial<WorkerPoolOptions> = {}): typeof pool {
  pool = new WorkerPool({
    name: 'test',
    subject: 'The work',
    path: join(directory, 'worker.ts'),
    threads: 1,
    jobTimeoutMs: 20_000,
    heapMb: 48,
    maxJobs: 10,
    maxBytes: 1_000,
    ...more,
  });
  return pool;
}

const run = (order: Order, text = 'x', bytes = 1): Promise<string> => pool.run({ request: { order, text }, bytes });
const codeOf = async (answer: Promise<unknown>): Promise<string> => {
  try {
    return `answered ${String(await answer)}`;
  } catch (error) {
    return error instanceof AdminError ? `${error.app.code}: ${error.app.message}` : String(error);
  }
};

describe('WorkerPool', () => {
  test('answers each job with its own value', async () => {
    open();
    expect(await Promise.all(['a', 'b', 'c'].map((text) => run('echo', text)))).toEqual(['a', 'b', 'c']);
  });

  test.each<[Order, RegExp]>([
    ['throw', /^WORKER_FAILED: The work failed: it does not fit\.$/],
    ['fill', /^WORKER_FAILED: The work failed: it needed more than 48 MB of memory\.$/],
    ['exit', /^WORKER_FAILED: The work failed: its worker ended\.$/],
  ])('a job that does %s fails by name, and the jobs behind it are done', async (order, wanted) => {
    open();
    const [failed, next] = [codeOf(run(order)), run('echo', 'next')];
    expect(await failed).toMatch(wanted);
    expect(await next).toBe('next');
  });

  test('a job that does not end is ended at its time limit, and the jobs behind it are done', async () => {
    open({ jobTimeoutMs: 300 });
    await run('echo');
    const [failed, next] = [codeOf(run('loop')), codeOf(run('echo', 'next'))];
    expect(await failed).toBe('WORKER_TIMED_OUT: The work failed: it took longer than 0.3 s.');
    expect(await next).toBe('answered next');
  });

  test('more jobs or bytes than the budget are refused by name, and taken again once there is room', async () => {
    open({ maxJobs: 2 });
    const [first, second] = [run('echo', 'a', 400), run('echo', 'b', 500)];
    expect(await codeOf(run('echo'))).toMatch(/^WORKER_BUSY/);
    await Promise.all([first, second]);
    expect(await codeOf(run('echo', 'c', 1_001))).toMatch(/^WORKER_BUSY/);
    expect(await run('echo', 'd', 1_000)).toBe('d');
  });

  test('a job whose request cannot be sent fails by name, and its thread takes the next one', async () => {
    open({ maxJobs: 1 });
    // Functions cannot be cloned.
    const request = { order: 'echo' as const, text: (() => 'x') as unknown as string };
    expect(await codeOf(Promise.resolve().then(() => pool.run({ request, bytes: 1_000 })))).toMatch(
      /^WORKER_FAILED: .*could not be cloned/,
    );
    expect(await codeOf(run('echo', 'next', 1_000))).toBe('answered next');
  });

  test('a thread that cannot be started fails its job by name and releases its part of the budget', async () => {
    // The constructor of a worker refuses every other kind of file at once.
    open({ maxJobs: 1, path: 'relative-path.ts' });
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await codeOf(Promise.resolve().then(() => run('echo', 'x', 1_000)))).toMatch(/^WORKER_FAILED/);
    }
  });

  test('closed, it rejects what waits, what runs and what is asked later', async () => {
    open();
    const answers = [codeOf(run('loop')), codeOf(run('echo'))];
    await pool.close();
    answers.push(codeOf(run('echo')));
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^CANCELLED/);
  });
});

describe('DecodePool', () => {
  test('decodes in its worker while the event loop of the caller stays free', async () => {
    const decoder = new DecodePool();
    try {
      const count = 4_000_000;
      const bytes = Buffer.concat([
        buildBatch({ records: [{ value: Buffer.from('a') }] }),
        batchAround(smallestRecords(count), count, 'zstd', 1n),
      ]);
      let turns = 0;
      const beat = setInterval(() => turns++, 1);
      const decoded = await decoder.decode({ partition: 0, bytes, from: 0n, end: null, limit: 10, keep: 'last' });
      clearInterval(beat);
      expect(decoded.records).toHaveLength(10);
      expect(decoded.passedOver).toBe(count - 10 + 1);
      expect(turns).toBeGreaterThan(10);
    } finally {
      await decoder.close();
    }
    pool = open();
  });
});
