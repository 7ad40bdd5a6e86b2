import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Runner, type Job } from '../../build/test-runner.ts';

let scratch = '';
let printed: string[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'runner-test-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.removeAllListeners('SIGINT');
  process.removeAllListeners('SIGTERM');
  rmSync(scratch, { recursive: true, force: true });
});
const runner = (): Runner => new Runner({ root: scratch, logs: scratch });

/** Jobs that take a few turns of the event loop each, and the sets of jobs that ran at the same time. */
function observe(jobs: readonly Omit<Job<null>, 'run'>[]): { jobs: Job<null>[]; together: Set<string>[] } {
  const active = new Set<string>();
  const together: Set<string>[] = [];
  const run = async (name: string): Promise<null> => {
    active.add(name);
    together.push(new Set(active));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    active.delete(name);
    return null;
  };
  return { jobs: jobs.map((job) => ({ ...job, run: () => run(job.name) })), together };
}

describe('Runner side by side', () => {
  it('runs as many at a time as it has lanes, and all of them', async () => {
    const { jobs, together } = observe(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name })));
    const ended: string[] = [];
    await runner().sideBySide(jobs, 3, (name) => ended.push(name));
    expect(Math.max(...together.map(({ size }) => size))).toBe(3);
    expect(ended.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('runs nothing beside a job that is alone, and keeps its place', async () => {
    const { jobs, together } = observe([{ name: 'build', alone: true }, { name: 'a' }, { name: 'b' }, { name: 'figures', alone: true }]);
    const ended: string[] = [];
    await runner().sideBySide(jobs, 2, (name) => ended.push(name));
    expect(ended[0]).toBe('build');
    expect(ended.at(-1)).toBe('figures');
    for (const set of together) if (set.has('build') || set.has('figures')) expect(set.size).toBe(1);
    expect(together.some(({ size }) => size === 2)).toBe(true);
  });

  it('runs busy jobs one after another while others wait', async () => {
    const busy = ['lint', 'unit'].map((name) => ({ name, busy: true }));
    const { jobs, together } = observe([...busy, ...['a', 'b', 'c', 'd'].map((name) => ({ name }))]);
    await runner().sideBySide(jobs, 2, () => undefined);
    expect(together.some((set) => set.has('lint') && set.has('unit'))).toBe(false);
  });

  it('gives the exit code of a program, and its output in one piece', async () => {
    writeFileSync(join(scratch, 'program.mjs'), `console.log('out'); console.error('err'); process.exit(Number(process.argv[2]));`);
    const jobs: Job<number | null>[] = [0, 3].map((code) => ({ name: `exit-${code}`, run: (run) => run('program.mjs', [String(code)]) }));
    const codes = new Map<string, number | null>();
    await runner().sideBySide(jobs, 2, (name, code) => codes.set(name, code));
    expect(Object.fromEntries(codes)).toEqual({ 'exit-0': 0, 'exit-3': 3 });
    expect(printed).toContain('\n── exit-3\nout\nerr\n');
  });
});
