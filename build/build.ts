/** `npm run build [-- main|preload|renderer …]`: builds what is stale of all of it, or of what is named; `--force` builds it anyway. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TargetName } from './targets.ts';

const { buildTargets, OUT } = await import('./targets.ts');

const ALL: readonly TargetName[] = ['main', 'preload', 'renderer'];
const { values, positionals } = parseArgs({ allowPositionals: true, options: { force: { type: 'boolean', default: false } } });
const unknown = positionals.filter((name) => !(ALL as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`There is nothing named ${unknown.join(', ')} to build, only ${ALL.join(', ')}.`);
  process.exit(2);
}
const names = positionals.length === 0 ? ALL : ALL.filter((name) => positionals.includes(name));
if (values.force) for (const name of names) rmSync(join(OUT, 'stamps', name), { force: true });
const built = await buildTargets(names, (line) => console.error(line));
if (built.length === 0) console.error('everything is built');
