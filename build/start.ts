/** `npm start`: the desktop app, or web mode where no Electron is to be had. What follows `--` is passed on to either. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const [{ buildTargets, ROOT }, { obtainElectron }, { runCommand }, { DESKTOP_USAGE }, { readWebOptions }] = await Promise.all([
  import('./targets.ts'),
  import('./electron-binary.ts'),
  import('../electron/cli/command.ts'),
  import('../electron/cli/host-options.ts'),
  import('../electron/cli/commands/web.ts'),
]);
const { ignoreClosedOutput, onParentEnd } = await import('../electron/cli/parent-watch.ts');

/** Signals closer together than this are one wish. */
const SAME_SIGNAL_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Linux without a display has nothing to show a window on. */
function lacksDisplay(): boolean {
  return process.platform === 'linux' && (process.env['DISPLAY'] ?? '') === '' && (process.env['WAYLAND_DISPLAY'] ?? '') === '';
}

/** Electron's own switches stand before the app, the app's after `--`. */
function electronArguments(own: readonly string[]): string[] {
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (asRoot) say('Running as root: Chromium cannot use its sandbox then, so it is off. Start as an ordinary user to have it.');
  return [...(asRoot ? ['--no-sandbox'] : []), ROOT, ...(own.length === 0 ? [] : ['--', ...own])];
}

/**
 * Runs it with our terminal; resolves with its exit code. Signals that we get are its to handle, each once: Ctrl-C reaches
 * us from the terminal and again from npm, and Electron takes the second as "at once", leaving the cluster unclosed. For
 * the same reason it stands in a process group of its own.
 */
function runThrough(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env };
    // With it set, Electron is a plain Node.
    delete env['ELECTRON_RUN_AS_NODE'];
    env['BROKERDESK_LAUNCHER'] = String(process.pid);
    const child = spawn(file, args, { stdio: 'inherit', env, cwd: ROOT, detached: process.platform !== 'win32' });
    let forwardedAt = -Infinity;
    const forward = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (now - forwardedAt < SAME_SIGNAL_MS) return;
      forwardedAt = now;
      child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    launcherEnded = () => void child.kill('SIGTERM');
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const one of SIGNALS) process.off(one, forward);
      resolve(code ?? (signal === null ? 1 : 128 + (SIGNAL_NUMBERS[signal] ?? 15)));
    });
  });
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** Until the app runs, there is nothing to end but this process. */
let launcherEnded = (): void => process.exit(1);

async function start(own: readonly string[]): Promise<number> {
  // Checked before the build. The desktop app takes fewer options than web mode and refuses the others itself.
  readWebOptions(own);
  ignoreClosedOutput();
  const unwatch = onParentEnd(() => launcherEnded());
  await buildTargets(['main', 'preload', 'renderer'], say);
  const electron = lacksDisplay() ? ({ path: null, reason: 'there is no display' } as const) : await obtainElectron();
  if (electron.path !== null) return runThrough(electron.path, electronArguments(own));
  say(`No desktop window (${electron.reason}): opening Brokerdesk in the browser instead.`);
  unwatch();
  process.argv = [process.execPath, join(ROOT, 'build', 'run.ts'), 'web', ...own];
  await import('./run.ts');
  return Number(process.exitCode ?? 0);
}

process.exitCode = await runCommand({ usage: DESKTOP_USAGE, run: start }, process.argv.slice(2));
