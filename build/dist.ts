/** `npm run dist`: installers for this platform. What follows `--` goes to electron-builder (`-- --linux dir`). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const { buildTargets, ROOT } = await import('./targets.ts');

await buildTargets(['main', 'preload', 'renderer'], (line) => process.stderr.write(`${line}\n`));
const builder = join(ROOT, 'node_modules', 'electron-builder', 'cli.js');
const { status, error } = spawnSync(process.execPath, [builder, 'build', '--publish', 'never', ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
