import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeInTime } from '../electron/app-closing.ts';

const MODULE = resolve(import.meta.dirname, '../electron/app-closing.ts');

describe('closeInTime', () => {
  const never = (): Promise<void> => new Promise(() => undefined);

  it('is true once everything has ended', async () => {
    const lines: string[] = [];
    expect(await closeInTime([async () => undefined, async () => true], (line) => lines.push(line))).toBe(true);
    expect(lines).toEqual([]);
  });

  it.each([
    ['one gives up', [async () => undefined, async () => false], 60_000],
    ['one never ends', [async () => undefined, never], 20],
  ])('is false, with a line, where %s', async (_what, closables, timeoutMs) => {
    const lines: string[] = [];
    expect(await closeInTime(closables, (line) => lines.push(line), timeoutMs)).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('ended by force');
  });

  it('logs a failure, and does not end the process by force for it', async () => {
    const lines: string[] = [];
    expect(await closeInTime([() => Promise.reject(new Error('the disk is gone'))], (line) => lines.push(line))).toBe(true);
    expect(lines.join()).toContain('the disk is gone');
  });
});

describe('endByForce', () => {
  const directory = mkdtempSync(join(tmpdir(), 'app-closing-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('ends a process whose worker a system call blocks, which an orderly exit would wait for', () => {
    // Opening a named pipe blocks until another process opens its other end.
    const pipe = join(directory, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const program = `
      import { Worker } from 'node:worker_threads';
      import { closeInTime, endByForce } from ${JSON.stringify(MODULE)};
      const worker = new Worker('process.getBuiltinModule("node:worker_threads").parentPort.postMessage(1);'
        + 'process.getBuiltinModule("node:fs").readFileSync(process.getBuiltinModule("node:worker_threads").workerData)',
        { eval: true, workerData: ${JSON.stringify(pipe)} });
      await new Promise((resolve) => worker.once('message', resolve));
      // From there it is one instruction to the call.
      await new Promise((resolve) => setTimeout(resolve, 300));
      if (!(await closeInTime([() => worker.terminate()], () => undefined, 100))) endByForce();`;
    const { signal, error } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 60_000,
      killSignal: 'SIGTERM',
    });
    expect(error).toBeUndefined();
    expect(signal).toBe('SIGKILL');
  });
});
