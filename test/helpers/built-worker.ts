/**
 * The node worker as it is shipped. A worker started from the sources loads two hundred files, three workers of a cluster six hundred;
 * the bundle makes a cluster start in a fraction of that. It is built when it is stale.
 */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export function builtWorker(): string {
  execFileSync(process.execPath, [resolve(ROOT, 'build/build.ts'), 'main'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  return resolve(ROOT, 'out/main/node-worker.cjs');
}
