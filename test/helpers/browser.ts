/** A real browser for tests and pictures: the Chromium that npm brings on Linux x64, elsewhere one that the machine has. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

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

/** Headless. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = BUNDLED ? await sparticuz.executablePath() : installed;
  if (executablePath === undefined) throw new Error('no browser of the Chromium family is installed');
  return chromium.launch({
    executablePath,
    headless: true,
    // Not the arguments that come with the bundled one: they make it a single process, which ends with its first context.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
    timeout: 60_000,
  });
}
