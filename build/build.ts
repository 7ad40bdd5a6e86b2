/** `npm run build`: builds what is stale; `--force` builds everything. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireNode24 } from './node-version.ts';

requireNode24();
const { buildTargets, OUT } = await import('./targets.ts');

const { values } = parseArgs({ options: { force: { type: 'boolean', default: false } } });
if (values.force) rmSync(join(OUT, 'stamps'), { recursive: true, force: true });
const built = await buildTargets(['main', 'preload', 'renderer'], (line) => console.error(line));
if (built.length === 0) console.error('everything is built');
