import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtWorker } from '../helpers/built-worker.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line. `on` receives all output so far, and may send signals. */
function run(
  args: readonly string[],
  on: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'build/launch.mjs'), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  child.stdout.on('data', (chunk: Buffer) => {
    ended.stdout += chunk.toString();
    on(ended.stdout, kill);
  });
  child.stderr.on('data', (chunk: Buffer) => (ended.stderr += chunk.toString()));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ ...ended, code }));
  });
}

let scratch = '';
beforeAll(() => {
  builtWorker();
  scratch = mkdtempSync(join(tmpdir(), 'cli-test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('npm run cluster', () => {
  it.each([
    [['cluster', '--brokers', '12'], '--brokers takes a number from 1 to 9, not "12".'],
    [['cluster', '--nonsense'], "Unknown option '--nonsense'."],
    [['nonsense'], 'There is no command "nonsense".'],
  ])('%j: prints the error and the usage, exit 2', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toBe(message);
    expect(stderr).toContain('Usage: npm run cluster -- [options]');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('prints one line when every broker is ready, and exits with 0 on %s', async (signal) => {
    const { code, stdout } = await run(['cluster', '--memory', '--json', '--port', '0', '--control', '0'], (text, kill) => {
      if (text.includes('\n')) kill(signal);
    });
    expect(code).toBe(0);
    const [line = '', rest] = stdout.split('\n');
    expect(rest).toBe('');
    const printed = JSON.parse(line) as Record<string, unknown>;
    expect(Object.keys(printed)).toEqual(['bootstrap', 'zookeeper', 'control', 'token', 'data', 'pid']);
    expect(String(printed['bootstrap']).split(',')).toHaveLength(3);
    expect(printed['control']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(existsSync(String(printed['data']))).toBe(false);
  });

  it.runIf(process.platform === 'linux').each([
    ['with the memory settings of Brokerdesk', {}, ['MALLOC_ARENA_MAX=2', 'MALLOC_MMAP_THRESHOLD_=131072'], ['--max-semi-space-size=4']],
    ["with the user's settings of malloc", { MALLOC_ARENA_MAX: '3' }, ['MALLOC_ARENA_MAX=3'], ['--max-semi-space-size=4']],
    ["with the user's settings of V8", { MALLOC_ARENA_MAX: '3', NODE_OPTIONS: '--max-semi-space-size=16' }, ['MALLOC_ARENA_MAX=3'], []],
  ])('runs in the process that was started, %s', async (_how, env, expected, flags) => {
    const command = [join(ROOT, 'build/launch.mjs'), 'cluster', '--memory', '--json', '--port', '0', '--brokers', '1'];
    const child = spawn(process.execPath, command, { env: { ...process.env, ...env }, cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise<number | null>((done) => child.once('exit', done));
    const line = await new Promise<string>((done) => child.stdout.once('data', (chunk: Buffer) => done(chunk.toString())));
    const { pid } = JSON.parse(line) as { pid: number };
    expect(pid).toBe(child.pid);
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(variables.filter((variable) => variable.startsWith('MALLOC_')).toSorted()).toEqual(expected);
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    expect(words.filter((word) => word.startsWith('--max-semi-space-size'))).toEqual(flags);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('counts SIGINT of the terminal and SIGINT forwarded by npm as one', async () => {
    const { code, stdout } = await run(['cluster', '--memory', '--json', '--port', '0'], (text, kill) => {
      if (!text.includes('\n')) return;
      kill('SIGINT');
      setTimeout(() => kill('SIGINT'), 20);
    });
    expect(code).toBe(0);
    expect(existsSync((JSON.parse(stdout) as { data: string }).data)).toBe(false);
  });

  it('keeps data in --data, with broker settings of --config', async () => {
    const data = join(scratch, 'kept');
    const config = join(scratch, 'server.properties');
    writeFileSync(config, 'num.partitions=4\n');
    const args = ['cluster', '--data', data, '--brokers', '1', '--port', '0', '--config', config, '--json'];
    const { code, stdout } = await run(args, (text, kill) => {
      if (text.includes('\n')) kill('SIGINT');
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ data, control: null });
    expect(readdirSync(data).sort()).toEqual(['cluster.json', 'node-1', 'node-1.unsynced']);
  });

  it('names an invalid broker setting, exit 1', async () => {
    const config = join(scratch, 'bad.properties');
    writeFileSync(config, 'num.partitions=many\n');
    const { code, stdout, stderr } = await run(['cluster', '--memory', '--brokers', '1', '--port', '0', '--config', config, '--json']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('num.partitions');
  });
});
