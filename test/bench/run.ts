/** `npm run bench [-- NAME …]`: codecs, records, log, view, kcat; all of them where none is named. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { HELP_LINE, parsing, runCommand, UsageError } from '../../electron/cli/command.ts';
import { benchCodecs } from './codecs.ts';
import { benchKcat } from './kcat.ts';
import { benchLog } from './log.ts';
import { benchRecords } from './records.ts';
import { save, show, type Figure } from './table.ts';
import { benchView } from './view.ts';

interface Bench {
  title: string;
  run: () => Figure[] | Promise<Figure[]>;
  /** Why it cannot run here. */
  missing?: string | undefined;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  codecs: { title: 'Protocol codecs, per second of processor time', run: benchCodecs },
  records: { title: 'Checks of produced records, per second of processor time', run: benchRecords },
  log: { title: 'One log, per second of processor time', run: benchLog },
  view: { title: 'Updates of the view of a large cluster, processor time of one', run: benchView },
  kcat: {
    title: '1,000,000 records of 100 bytes by kcat, best of three',
    run: benchKcat,
    missing: spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed',
  },
};

const USAGE = `Usage: npm run bench [-- NAME …]

Runs benchmarks, all of them where none is named, and prints each as a table; the figures go into a JSON file as well.

${Object.entries(BENCHES)
  .map(([name, { title }]) => `  ${name.padEnd(15)}  ${title}`)
  .join('\n')}
${HELP_LINE}`;

async function runBenches(args: readonly string[]): Promise<number> {
  const { positionals: names } = parsing(() => parseArgs({ args: [...args], allowPositionals: true, options: {} }));
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
  if (unknown.length > 0) throw new UsageError(`There is no benchmark ${unknown.join(', ')}.`);
  for (const [name, { title, run, missing }] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    if (missing !== undefined) {
      console.error(`${name}: skipped, ${missing}`);
      continue;
    }
    const figures = await run();
    show(title, figures);
    console.error(`  ${save(name, figures)}`);
  }
  return 0;
}

process.exitCode = await runCommand({ usage: USAGE, run: runBenches }, process.argv.slice(2));
