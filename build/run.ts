/**
 * `node build/run.ts NAME …args`: builds stale targets, then runs a command of the built command line (`electron/cli.ts`) in this
 * process. `npm run cluster` and other commands use it.
 */
import { createRequire, enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { TargetName } from './targets.ts';

const { OUT, ROOT, staleTargets } = await import('./targets.ts');

/** Commands that need further targets besides `main`. */
const NEEDS: Readonly<Record<string, readonly TargetName[]>> = { web: ['main', 'renderer'] };

const [name = '', ...args] = process.argv.slice(2);
const stale = staleTargets(NEEDS[name] ?? ['main']);
if (stale.length > 0) {
  // In a separate process: the bundler takes more memory than a cluster, and does not release it.
  const { spawnSync } = await import('node:child_process');
  const { status } = spawnSync(process.execPath, [join(ROOT, 'build', 'build.ts'), ...stale], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

// V8's code cache avoids compilation after the first start; workers find it by the environment.
const cache = join(OUT, 'compile-cache');
enableCompileCache(cache);
process.env['NODE_COMPILE_CACHE'] = cache;

const { main } = createRequire(import.meta.url)(join(OUT, 'main', 'cli.cjs')) as { main: (argv: readonly string[]) => Promise<void> };
await main([name, ...args]);
