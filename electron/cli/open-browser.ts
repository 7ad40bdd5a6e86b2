/** The platform's opener, for the address of web mode. */
import { spawn } from 'node:child_process';

/** The command that opens an address; null where there is no display to open it on. */
export function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly [file: string, ...args: string[]] | null {
  if (platform === 'darwin') return ['open'];
  // The first quoted argument of `start` would be a window's title; rundll32 takes the address as it is.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const display = env['DISPLAY'] ?? env['WAYLAND_DISPLAY'] ?? '';
  return display === '' ? null : ['xdg-open'];
}

/** Opens `url`; resolves with true when an opener was started. The address stands on stdout anyway, so failing is no error. */
export function openBrowser(url: string, platform = process.platform, env = process.env): Promise<boolean> {
  const opener = openerFor(platform, env);
  if (opener === null) return Promise.resolve(false);
  const [file, ...args] = opener;
  return new Promise((resolve) => {
    const child = spawn(file, [...args, url], { stdio: 'ignore', detached: true });
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
    child.once('error', () => resolve(false));
  });
}
