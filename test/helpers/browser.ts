/** A real browser for tests and pictures: the Chromium that npm brings on Linux x64, elsewhere one that the machine has. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'node_modules', '@sparticuz', 'chromium');
const BUNDLED = process.platform === 'linux' && process.arch === 'x64';

/** Where Chromium's family installs itself, by platform. */
function candidates(): string[] {
  if (process.platform === 'darwin')
    return ['Google Chrome', 'Chromium', 'Microsoft Edge'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  if (process.platform === 'win32') {
    const roots = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((name) => process.env[name] ?? []);
    const inside = [
      ['Google', 'Chrome', 'Application', 'chrome.exe'],
      ['Microsoft', 'Edge', 'Application', 'msedge.exe'],
    ];
    return roots.flatMap((root) => inside.map((parts) => join(root, ...parts)));
  }
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'].map((name) => join('/usr/bin', name));
}

const installed = candidates().find((path) => existsSync(path));

/** For `describeWith`: false means that the suite is skipped by name. */
export const hasBrowser = BUNDLED || installed !== undefined;

/**
 * Path of its executable; undefined where there is none. The bundled one is unpacked once (200 MB) into the temporary directory,
 * elsewhere first and then renamed: its own unpacking takes a half-written file for a whole one.
 */
export async function unpackBrowser(): Promise<string | undefined> {
  if (!BUNDLED) return installed;
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const home = join(tmpdir(), `brokerdesk-chromium-${version}`);
  const executable = join(home, 'chromium');
  if (existsSync(executable)) return executable;
  const fresh = mkdtempSync(`${home}-`);
  try {
    const script = `await (await import('@sparticuz/chromium')).default.executablePath()`;
    const env = { ...process.env, TMPDIR: fresh };
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: ROOT, env });
    renameSync(fresh, home);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(executable)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return executable;
}

/** Headless. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await unpackBrowser();
  if (executablePath === undefined) throw new Error('no browser of the Chromium family is installed');
  return chromium.launch({
    executablePath,
    headless: true,
    // Not the arguments that come with the bundled one: they make it a single process, which ends with its first context.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
    timeout: 60_000,
  });
}
