/** Paths of the user's data and of the entry points of workers. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The data directory of the app for this user, by the conventions of the platform. */
export function userDataDirectory(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Brokerdesk');
  if (platform === 'win32') return join(env['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Brokerdesk');
  const data = env['XDG_DATA_HOME'];
  return join(data !== undefined && data.startsWith('/') ? data : join(home, '.local', 'share'), 'Brokerdesk');
}

/** The bundle in the directory of this file (out/main), or the TypeScript source. */
export function nodeWorkerPath(): string {
  return import.meta.filename.endsWith('.ts')
    ? join(import.meta.dirname, '..', 'cluster', 'node-worker.ts')
    : join(import.meta.dirname, 'node-worker.cjs');
}

/** The same for the worker of a load. */
export function loadWorkerPath(): string {
  return import.meta.filename.endsWith('.ts')
    ? join(import.meta.dirname, '..', 'admin', 'load', 'load-worker.ts')
    : join(import.meta.dirname, 'load-worker.cjs');
}

/** The version in package.json, which is two directories above both out/main and electron/cluster. */
export function ownVersion(): string {
  const file = join(dirname(nodeWorkerPath()), '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
