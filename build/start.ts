/** `npm start`: starts the desktop app, or web mode without Electron. Arguments after `--` are passed on. */
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

/** Signals within this time count as one. */
const SAME_SIGNAL_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** On Linux a window needs a display. */
function lacksDisplay(): boolean {
  return process.platform === 'linux' && (process.env['DISPLAY'] ?? '') === '' && (process.env['WAYLAND_DISPLAY'] ?? '') === '';
}

/** Electron's switches precede the app, those of the app follow `--`. */
function electronArguments(own: readonly string[]): string[] {
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (asRoot) say('Running as root disables the sandbox of Chromium. Start as an ordinary user to enable it.');
  return [...(asRoot ? ['--no-sandbox'] : []), ROOT, ...(own.length === 0 ? [] : ['--', ...own])];
}

/**
 * Runs a program with the terminal of this process; resolves to its exit code. Forwards each signal once: SIGINT arrives from the
 * terminal and from npm, and at the second one Electron would end without closing the cluster. For the same reason the program
 * has its own process group.
 */
function runThrough(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env };
    // With this variable Electron runs as Node.js.
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

/** Before the app runs, only this process has to end. */
let launcherEnded = (): void => process.exit(1);

async function start(own: readonly string[]): Promise<number> {
  // Checked before the build. The desktop app has fewer options than web mode, and refuses the others itself.
  readWebOptions(own);
  ignoreClosedOutput();
  const unwatch = onParentEnd(() => launcherEnded());
  await buildTargets(['main', 'preload', 'renderer'], say);
  const electron = lacksDisplay() ? ({ path: null, reason: 'there is no display' } as const) : await obtainElectron();
  if (electron.path !== null) return runThrough(electron.path, electronArguments(own));
  say(`No desktop window (${electron.reason}): opening Brokerdesk in the browser.`);
  unwatch();
  process.argv = [process.execPath, join(ROOT, 'build', 'run.ts'), 'web', ...own];
  await import('./run.ts');
  return Number(process.exitCode ?? 0);
}

process.exitCode = await runCommand({ usage: DESKTOP_USAGE, run: start }, process.argv.slice(2));
