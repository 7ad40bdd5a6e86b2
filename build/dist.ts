/** `npm run dist`: builds installers with electron-builder. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const [{ buildTargets, ROOT }, { HELP_LINE, runCommand, UsageError }] = await Promise.all([
  import('./targets.ts'),
  import('../electron/cli/command.ts'),
]);
const { NOTICES_FILE, writeNotices } = await import('./notices.ts');

const USAGE = `Usage: npm run dist -- [options]

Builds the app and packs it into dist/ by electron-builder.yml; for this platform unless one is named.

  --linux [TARGET …]   also --mac, --win; targets as electron-builder names them: dir, AppImage, deb, dmg, nsis …
  --x64, --arm64, --universal
                       the architecture (default: this machine's)
  --dir                only the unpacked directory, no installer
  -c.KEY=VALUE         a setting in place of the one in electron-builder.yml
${HELP_LINE.replace('--help    ', '--help        ')}`;

const FLAGS = new Set(['--linux', '--mac', '--win', '--x64', '--arm64', '--universal', '--dir']);
const TARGET = /^[A-Za-z0-9][\w:-]*$/;
const SETTING = /^(?:-c|--config)\.[\w.]+=/;

/** Throws `UsageError` before the build; electron-builder would check some options only while it packs. */
function check(args: readonly string[]): void {
  for (const [index, arg] of args.entries()) {
    if (FLAGS.has(arg) || SETTING.test(arg)) continue;
    const afterPlatform = /^--(?:linux|mac|win)$/.test(args.slice(0, index).findLast((one) => one.startsWith('-')) ?? '');
    if (TARGET.test(arg) && afterPlatform) continue;
    throw new UsageError(arg.startsWith('-') ? `Unknown option '${arg}'.` : `A target follows a platform, as in --linux ${arg}.`);
  }
}

async function run(args: readonly string[]): Promise<number> {
  check(args);
  await buildTargets(['main', 'preload', 'renderer'], (line) => process.stderr.write(`${line}\n`));
  writeNotices(ROOT, NOTICES_FILE);
  const builder = join(ROOT, 'node_modules', 'electron-builder', 'cli.js');
  const { status, error } = spawnSync(process.execPath, [builder, 'build', '--publish', 'never', ...args], { cwd: ROOT, stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

process.exitCode = await runCommand({ usage: USAGE, run }, process.argv.slice(2));
