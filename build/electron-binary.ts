/**
 * Finds Electron's binary, or tries once to install it with Electron's installer. `npm ci` does not need it. A failure is
 * remembered for a day, so that `npm start` does not retry at every start.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { removeBuilt } from './removal.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PACKAGE = join(ROOT, 'node_modules', 'electron');
const REFUSED = join(ROOT, 'out', 'electron-refused');
const DAY_MS = 24 * 60 * 60 * 1000;
const SILENCE_MS = 20_000;

const EXECUTABLE: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/** Path of an executable that exists, or null. Never downloads. */
export function findElectron(): string | null {
  const name = EXECUTABLE[process.platform] ?? 'electron';
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  // The installer writes path.txt last: without it, dist has an incomplete download.
  if (override === undefined && !existsSync(join(PACKAGE, 'path.txt'))) return null;
  const path = override === undefined ? join(PACKAGE, 'dist', name) : join(override, name);
  return existsSync(path) ? path : null;
}

/** Finds the binary, or tries once to install it; null with `reason` when it is not available. */
export async function obtainElectron(): Promise<{ path: string } | { path: null; reason: string }> {
  const found = findElectron();
  if (found !== null) return { path: found };
  if (process.env['ELECTRON_OVERRIDE_DIST_PATH'] !== undefined)
    return { path: null, reason: 'ELECTRON_OVERRIDE_DIST_PATH holds no Electron' };
  if (!existsSync(join(PACKAGE, 'install.js'))) return { path: null, reason: 'the electron package is not installed' };
  const refused = readRefusal();
  if (refused !== null) return { path: null, reason: refused };
  const reason = await install();
  const path = findElectron();
  if (path !== null) return { path };
  mkdirSync(join(ROOT, 'out'), { recursive: true });
  // Written atomically: two processes may start at once.
  const aside = `${REFUSED}.${process.pid}`;
  writeFileSync(aside, `${Date.now()}\n${reason}\n`);
  renameSync(aside, REFUSED);
  return { path: null, reason };
}

function readRefusal(): string | null {
  if (!existsSync(REFUSED)) return null;
  const [at = '', reason = ''] = readFileSync(REFUSED, 'utf8').split('\n');
  // An unreadable note counts as no note.
  if (!(Date.now() - Number(at) < DAY_MS) || reason === '') {
    rmSync(REFUSED, { force: true });
    return null;
  }
  return reason;
}

/** Runs Electron's installer; resolves to the reason of a failure, or to ''. */
function install(): Promise<string> {
  const temporary = join(ROOT, 'out', 'electron-download');
  mkdirSync(temporary, { recursive: true });
  process.stderr.write('Getting Electron (once) …\n');
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(PACKAGE, 'install.js')], {
      env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    let bytes = 0;
    let lastGrowth = Date.now();
    let silent = false;
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-10_000)));
    const watch = setInterval(() => {
      const now = sizeOf(temporary) + sizeOf(join(PACKAGE, 'dist'));
      if (now > bytes) {
        bytes = now;
        lastGrowth = Date.now();
        if (process.stderr.isTTY) process.stderr.write(`\r${(bytes / 1_000_000).toFixed(0)} MB `);
      } else if (Date.now() - lastGrowth > SILENCE_MS) {
        silent = true;
        child.kill();
      }
    }, 500);
    // The `close` event follows and reports the failure.
    child.on('error', (error) => (stderr += error.message));
    child.on('close', (code) => {
      clearInterval(watch);
      removeBuilt(join(ROOT, 'out'), temporary);
      if (silent) resolve(`its download was silent for ${SILENCE_MS / 1000} s`);
      else resolve(code === 0 ? '' : `its download failed (${/\bE[A-Z_]{4,}\b|\b[45]\d\d\b/.exec(stderr)?.[0] ?? `exit ${code}`})`);
    });
  });
}

function sizeOf(directory: string): number {
  if (!existsSync(directory)) return 0;
  let total = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // The installer may move files during the check.
    if (entry.isFile()) total += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return total;
}
