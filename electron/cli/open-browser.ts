/**
 * Opens web mode in the default browser. The URL contains the token, and all users of a machine can read the arguments of a process.
 * Therefore the browser is started with the path of a page that only this user can read and that redirects to the URL.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Longer than the first start of a browser on a slow machine. */
const KEPT_MS = 60_000;

/** The command that opens a URL; null without a display. */
export function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly [file: string, ...args: string[]] | null {
  if (platform === 'darwin') return ['open'];
  // The first quoted argument of `start` is a window title; rundll32 takes the URL unchanged.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const display = env['DISPLAY'] ?? env['WAYLAND_DISPLAY'] ?? '';
  return display === '' ? null : ['xdg-open'];
}

export interface RedirectPage {
  path: string;
  /** Idempotent. */
  remove: () => void;
}

/** Writes a page that redirects to `url` into a new directory in `parent`; only this user can read both. Throws errors of the file system. */
export function writeRedirectPage(parent: string, url: string): RedirectPage {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const directory = mkdtempSync(join(parent, 'open-'));
  const path = join(directory, 'brokerdesk.html');
  const remove = (): void => {
    rmSync(path, { force: true });
    try {
      rmdirSync(directory);
    } catch (error) {
      // The directory has been removed already, or contains a file of another program.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  };
  const target = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  const page =
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Brokerdesk</title>' +
    `<meta http-equiv="refresh" content="0; url=${target}"><p><a href="${target}">Open Brokerdesk</a></p>\n`;
  try {
    writeFileSync(path, page, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/**
 * Opens `url` with a page in `parent`, which is removed after a minute or at the end of this process. Resolves to true when a browser was
 * started. A failure is not an error, as the URL is printed to stdout as well.
 */
export async function openBrowser(url: string, parent: string, platform = process.platform, env = process.env): Promise<boolean> {
  const opener = openerFor(platform, env);
  if (opener === null) return false;
  let page: RedirectPage;
  try {
    page = writeRedirectPage(parent, url);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
  const [file, ...args] = opener;
  const started = await new Promise<boolean>((resolve) => {
    const child = spawn(file, [...args, pathToFileURL(page.path).href], { stdio: 'ignore', detached: true });
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
    child.once('error', () => resolve(false));
  });
  if (started) {
    setTimeout(page.remove, KEPT_MS).unref();
    process.once('exit', page.remove);
  } else page.remove();
  return started;
}
