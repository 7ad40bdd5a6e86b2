// Runs a script of this directory (`launch.mjs test`), or a command of the app (`launch.mjs cluster`, with run.ts), with the compile
// cache of Node.js enabled from the first line: the cache has the JavaScript of the TypeScript sources, so that Node.js need not load its
// TypeScript compiler, which takes half of the start. It is plain JavaScript, so that an older Node.js can report the version that is needed.
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { join } from 'node:path';

/* global process -- an import would have Node set up all that is in it, standard streams too, which takes a while */

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `Brokerdesk needs Node 24 and this is Node ${process.versions.node}.\n` +
      `"npm ci" installs it into node_modules/.bin, unless install scripts are disabled. Run "npm ci --ignore-scripts=false".\n`,
  );
  process.exit(1);
}
const name = process.argv[2] ?? '';
const isScript = /^[a-z]+$/.test(name) && existsSync(join(import.meta.dirname, `${name}.ts`));
// For electron/cli/parent-watch.ts: the parent may end during the build.
if (!process.env.BROKERDESK_STARTED_BY?.startsWith(`${process.pid}:`)) process.env.BROKERDESK_STARTED_BY = `${process.pid}:${process.ppid}`;
// Both are read when a program starts, so this one is replaced once, in the same process; settings of the user are kept.
//
// V8 lets the young generation of the main thread grow to 48 MB and does not shrink it: after an hour 92 MB were used for 30 MB of objects.
//
// glibc keeps freed memory: each thread takes its buffers from an arena of its own, and once a large buffer was freed, buffers up to that
// size come from arenas too, which shrink at their end only. A cluster held 80 of 330 MB that way after minutes. The threshold below is glibc's
// own, fixed.
const SEMI_SPACE = '--max-semi-space-size';
const isSet = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) => option.includes(SEMI_SPACE));
if (!isScript && !isSet && process.platform !== 'win32') {
  const isMallocSet = process.platform !== 'linux' || Object.keys(process.env).some((key) => key.startsWith('MALLOC_'));
  const env = isMallocSet ? process.env : { ...process.env, MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: String(128 * 1024) };
  process.execve(process.execPath, [process.execPath, `${SEMI_SPACE}=4`, ...process.execArgv, ...process.argv.slice(1)], env);
}
module.enableCompileCache(join(import.meta.dirname, '..', 'out', 'compile-cache'));
if (isScript) process.argv.splice(2, 1);
await import(isScript ? `./${name}.ts` : './run.ts');
