/** Once before the files of a live suite: what they would otherwise all do at the same time. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { unpackBrowser } from './browser.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export default async function prepare(): Promise<void> {
  execFileSync(process.execPath, [resolve(ROOT, 'build/build.ts')], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  await unpackBrowser();
}
