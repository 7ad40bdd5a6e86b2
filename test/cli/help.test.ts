/** Every script of package.json with a usage: `--help` and unknown options. */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand, UsageError, type Command } from '../../electron/cli/command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
/** Other scripts run third-party tools. */
const OURS = Object.entries(scripts).filter(([, line]) => line.startsWith('node '));

interface Ended {
  code: number | string | null | undefined;
  stdout: string;
  stderr: string;
}

function run(line: string, ...args: string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(process.execPath, [...line.split(' ').slice(1), ...args], { cwd: ROOT, timeout: 150_000 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

// Without it every script would build.
beforeAll(() => void execFileSync(process.execPath, [join(ROOT, 'build/build.ts')], { cwd: ROOT, stdio: 'ignore' }), 180_000);

describe.concurrent('scripts', { timeout: 180_000 }, () => {
  it.for(OURS)('npm run %s -- --help: prints the usage to stdout, exit 0', async ([name, line], { expect }) => {
    const { code, stdout, stderr } = await run(line, '--help');
    expect(stderr).not.toMatch(/error|^\s+at /im);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: npm (run )?${name}\\b`));
    expect(stdout).toContain('--help');
  });

  it.for(OURS)('npm run %s -- --no-such-option: names it and prints the usage to stderr, exit 2', async ([name, line], { expect }) => {
    const { code, stdout, stderr } = await run(line, '--no-such-option');
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^Unknown option '--no-such-option'\\.\n\nUsage: npm (run )?${name}\\b`, 'm'));
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('runCommand', () => {
  const command = (run: Command['run']): Pick<Command, 'usage' | 'run'> => ({ usage: 'Usage: this', run });
  const catchOutput = (): { out: () => string; error: () => string } => {
    const [out, error] = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockReturnValue(true));
    return { out: () => text(out), error: () => text(error) };
  };
  const text = (spy: { mock: { calls: unknown[][] } } | undefined): string => (spy?.mock.calls ?? []).map(([one]) => String(one)).join('');

  it.each([['--help'], ['-h'], ['--wrong', '--help']])('runs nothing with %s', async (...args) => {
    const { out, error } = catchOutput();
    const body = vi.fn(() => Promise.resolve(1));
    expect(await runCommand(command(body), args)).toBe(0);
    expect([out(), error()]).toEqual(['Usage: this\n', '']);
    expect(body).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('takes --help after -- as an operand', async () => {
    expect(
      await runCommand(
        command((args) => Promise.resolve(args.length)),
        ['--', '--help'],
      ),
    ).toBe(2);
  });

  it.each<[() => Error, number, string]>([
    [() => new UsageError('--n takes a number.'), 2, '--n takes a number.\n\nUsage: this\n'],
    [() => new Error('The disk is full.'), 1, 'The disk is full.\n'],
  ])('prints an error to stderr: %o, exit %i', async (thrown, code, printed) => {
    const { out, error } = catchOutput();
    // Options are read before `run` returns a promise.
    const body = (): Promise<number> => {
      throw thrown();
    };
    expect(await runCommand(command(body), [])).toBe(code);
    expect([out(), error()]).toEqual(['', printed]);
    vi.restoreAllMocks();
  });
});
