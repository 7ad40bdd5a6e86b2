// Runs a script of this directory (`launch.mjs test`), or else a command of the app (`launch.mjs cluster`, by run.ts), with
// Node's compile cache on from the first line: it keeps the JavaScript that the TypeScript becomes, and Node need not load
// its TypeScript compiler, which alone takes as long as all the rest of a start. Plain JavaScript for another reason too: an
// older Node cannot even read a TypeScript file that would say which Node it takes.
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { join } from 'node:path';

/* global process -- an import would have Node set up all that is in it, standard streams too, which takes a while */

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `Brokerdesk needs Node 24 and this is Node ${process.versions.node}.\n` +
      `"npm ci" installs it into node_modules/.bin, unless it was told to run no install scripts. Run "npm ci --ignore-scripts=false".\n`,
  );
  process.exit(1);
}
// For electron/cli/parent-watch.ts: a build may come first, and the parent can end meanwhile.
process.env.BROKERDESK_STARTED_BY = `${process.pid}:${process.ppid}`;
module.enableCompileCache(join(import.meta.dirname, '..', 'out', 'compile-cache'));
const name = process.argv[2] ?? '';
const isScript = /^[a-z]+$/.test(name) && existsSync(join(import.meta.dirname, `${name}.ts`));
if (isScript) process.argv.splice(2, 1);
await import(isScript ? `./${name}.ts` : './run.ts');
