/** `npm run build [-- main|preload|renderer …]`: builds the stale ones of all targets, or of the named ones. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TargetName } from './targets.ts';

const [{ buildTargets, OUT }, { HELP_LINE, parsing, runCommand, UsageError }] = await Promise.all([
  import('./targets.ts'),
  import('../electron/cli/command.ts'),
]);

const ALL: readonly TargetName[] = ['main', 'preload', 'renderer'];

const USAGE = `Usage: npm run build [-- TARGET … [--force]]

Builds ${ALL.join(', ')} into out/: the stale ones of all, or of those that are named.

  --force          build what is not stale too
${HELP_LINE}`;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsing(() =>
    parseArgs({ args: [...args], allowPositionals: true, options: { force: { type: 'boolean', default: false } } }),
  );
  const unknown = positionals.filter((name) => !(ALL as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UsageError(`There is no build target ${unknown.join(', ')}.`);
  const names = positionals.length === 0 ? ALL : ALL.filter((name) => positionals.includes(name));
  if (values.force) for (const name of names) rmSync(join(OUT, 'stamps', name), { force: true });
  const built = await buildTargets(names, (line) => console.error(line));
  if (built.length === 0) console.error('everything is built');
  return 0;
}

process.exitCode = await runCommand({ usage: USAGE, run }, process.argv.slice(2));
