/**
 * The app built for an older Electron, in a directory of its own. The product's own target stays what `build/targets.ts`
 * says; this build exists so that the desktop app is seen to run in a real Electron where only an old one is to be had.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { buildNode, buildRenderer, OUT, ROOT } from '../../../build/targets.ts';

const HERE = 'test/electron/check-build';

/** `out/check-electron22` with `main`, `preload`, `renderer`, as `out` has them. */
export async function buildForOldElectron(): Promise<string> {
  const out = join(OUT, 'check-electron22');
  rmSync(out, { recursive: true, force: true });
  const workers = ['node-worker', 'load-worker', 'decode-worker', 'parse-worker', 'figure-worker'];
  const entries = Object.fromEntries(['main', ...workers].map((name) => [name, `${HERE}/${name}.ts`]));
  await buildNode(join(out, 'main'), entries, 'node16');
  await buildNode(join(out, 'preload'), { preload: 'electron/preload.ts' }, 'node16');
  await buildRenderer(join(out, 'renderer'), 'chrome108');
  return out;
}

/** A copy of the distribution that starts the built app: it has no default app and so takes no path. Hard links where possible. */
export function electronWithApp(dist: string, out: string, directory: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const linked = spawnSync('cp', ['-al', `${dist}/.`, directory], { stdio: 'ignore' }).status === 0;
  if (!linked) cpSync(dist, directory, { recursive: true });
  const app = join(directory, 'resources', 'app');
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ ...identity(), main: 'main.js' }));
  writeFileSync(join(app, 'main.js'), `require(${JSON.stringify(join(out, 'main', 'main.cjs'))});\n`);
  return join(directory, 'electron');
}

/** A project directory as electron-builder wants it, with the check build as its `out`. */
export function packagingProject(out: string, directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const name of ['main', 'preload', 'renderer']) cpSync(join(out, name), join(directory, 'out', name), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
  // Electron 22 does not have the last fuse yet, and Playwright drives the app through its inspector.
  const config = readFileSync(join(ROOT, 'electron-builder.yml'), 'utf8')
    .replace(/^ *grantFileProtocolExtraPrivileges:.*\n/m, '')
    .replace(/enableNodeCliInspectArguments: false/, 'enableNodeCliInspectArguments: true');
  writeFileSync(join(directory, 'electron-builder.yml'), config);
  for (const name of ['node_modules', 'build']) symlinkSync(join(ROOT, name), join(directory, name));
}

function identity(): { name: string; productName: string; version: string } {
  const { name, productName, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>;
  return { name: name ?? '', productName: productName ?? '', version: version ?? '' };
}

/** Where electron-builder left the packed app. */
export function packedExecutable(directory: string): string {
  const unpacked = join(directory, 'dist', 'linux-unpacked');
  const name = readdirSync(unpacked).find((one) => one === 'brokerdesk');
  if (name === undefined) throw new Error(`no executable in ${unpacked}: ${readdirSync(unpacked).join(', ')}`);
  return join(unpacked, name);
}
