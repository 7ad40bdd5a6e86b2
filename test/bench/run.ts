/** `npm run bench [-- NAME …]`: codecs, log, kcat; all of them where none is named. */
import { spawnSync } from 'node:child_process';
import { benchCodecs } from './codecs.ts';
import { benchKcat } from './kcat.ts';
import { benchLog } from './log.ts';
import { save, show, type Figure } from './table.ts';

interface Bench {
  title: string;
  run: () => Figure[] | Promise<Figure[]>;
  /** Why it cannot run here. */
  missing?: string | undefined;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  codecs: { title: 'Protocol codecs, per second of processor time', run: benchCodecs },
  log: { title: 'One log, per second of processor time', run: benchLog },
  kcat: {
    title: '1,000,000 records of 100 bytes by kcat, best of three',
    run: benchKcat,
    missing: spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed',
  },
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}.\n\nUsage: npm run bench [-- NAME …]\n\n  ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
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
