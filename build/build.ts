/** `npm run build [-- main|preload|renderer …]`: builds the stale targets, or the stale ones of the named targets. */
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

Builds the stale targets, or the stale ones of the named targets, into out/: ${ALL.join(', ')}.

  --force          also build targets that are not stale
${HELP_LINE}`;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsing(() =>
    parseArgs({ args: [...args], allowPositionals: true, options: { force: { type: 'boolean', default: false } } }),
  );
  const unknown = positionals.filter((name) => !(ALL as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UsageError(`Unknown build target: ${unknown.join(', ')}.`);
  const names = positionals.length === 0 ? ALL : ALL.filter((name) => positionals.includes(name));
  if (values.force) for (const name of names) rmSync(join(OUT, 'stamps', name), { force: true });
  const built = await buildTargets(names, (line) => console.error(line));
  if (built.length === 0) console.error('everything is built');
  return 0;
}

process.exitCode = await runCommand({ usage: USAGE, run }, process.argv.slice(2));
