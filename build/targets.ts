/** The build targets: the main process as CommonJS for Node.js and Electron, the preload script, the renderer. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { removeBuilt } from './removal.ts';
import { fingerprint, readStamp, writeStamp } from './sources.ts';

export const ROOT = resolve(import.meta.dirname, '..');
export const OUT = join(ROOT, 'out');

export type TargetName = 'main' | 'preload' | 'renderer';

interface Target {
  name: TargetName;
  /** Sources; a change makes the target stale. */
  sources: readonly string[];
  /** False without its sources. */
  exists(): boolean;
  build(outDir: string): Promise<void>;
}

/** Entry points of the main process by their names in out/main; missing ones are skipped. */
const MAIN_ENTRIES: Readonly<Record<string, string>> = {
  main: 'electron/main.ts',
  cli: 'electron/cli.ts',
  'node-worker': 'electron/cluster/node-worker.ts',
  'load-worker': 'electron/admin/load/load-worker.ts',
  'decode-worker': 'electron/admin/decoding/decode-worker.ts',
  'parse-worker': 'electron/scenarios/parse-worker.ts',
  'figure-worker': 'electron/services/figure-history/figure-worker.ts',
};

const COMMON_SOURCES = ['package.json', 'package-lock.json', 'build/targets.ts', 'shared'];

const TARGETS: readonly Target[] = [
  {
    name: 'main',
    sources: [...COMMON_SOURCES, 'electron'],
    exists: () => true,
    build: (outDir) => buildNode(outDir, present(MAIN_ENTRIES)),
  },
  {
    name: 'preload',
    sources: [...COMMON_SOURCES, 'electron/preload.ts'],
    exists: () => existsSync(join(ROOT, 'electron/preload.ts')),
    build: (outDir) => buildNode(outDir, { preload: 'electron/preload.ts' }),
  },
  {
    name: 'renderer',
    sources: [...COMMON_SOURCES, 'renderer'],
    exists: () => existsSync(join(ROOT, 'renderer/index.html')),
    build: (outDir) => buildRenderer(outDir),
  },
];

/** The stale ones of the named targets. */
export function staleTargets(names: readonly TargetName[]): TargetName[] {
  return TARGETS.filter((target) => names.includes(target.name) && target.exists() && !isFresh(target)).map(({ name }) => name);
}

function isFresh({ name, sources }: Target): boolean {
  return existsSync(join(OUT, name)) && readStamp(join(OUT, 'stamps', name)) === fingerprint(ROOT, sources);
}

/** Builds the stale ones of the named targets; `report` receives a line for each. Returns the built targets. */
export async function buildTargets(names: readonly TargetName[], report: (line: string) => void): Promise<TargetName[]> {
  const built: TargetName[] = [];
  for (const target of TARGETS) {
    if (!names.includes(target.name) || !target.exists()) continue;
    const outDir = join(OUT, target.name);
    const stampFile = join(OUT, 'stamps', target.name);
    const stamp = fingerprint(ROOT, target.sources);
    if (existsSync(outDir) && readStamp(stampFile) === stamp) continue;
    const start = performance.now();
    // Built in another directory and then renamed, so that no process starts from an incomplete build.
    const aside = `${outDir}.${process.getBuiltinModule('node:crypto').randomUUID()}`;
    try {
      await target.build(aside);
      replaceDirectory(outDir, aside);
    } finally {
      removeBuilt(OUT, aside);
    }
    writeStamp(stampFile, stamp);
    report(`built ${target.name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    built.push(target.name);
  }
  return built;
}

/** Replaces `directory` by `fresh`; of two concurrent builds the later one stays. */
function replaceDirectory(directory: string, fresh: string): void {
  for (let attempt = 1; ; attempt++) {
    const old = `${fresh}.old`;
    try {
      if (existsSync(directory)) renameSync(directory, old);
      renameSync(fresh, directory);
      return;
    } catch (error) {
      if (attempt === 5) throw error;
    } finally {
      removeBuilt(OUT, old);
    }
  }
}

function present(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(join(ROOT, path))));
}

/** Modules that are not bundled: those of Node.js, Electron, and the dependencies in package.json. */
function externals(): (string | RegExp)[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const packages = ['electron', ...Object.keys(dependencies)];
  return [/^node:/, ...builtinModules, ...packages, ...packages.map((name) => new RegExp(`^${name}/`))];
}

/** Entry points by their names in `outDir`, as CommonJS for Node.js and Electron. `target` is lower only for checks in an older Electron. */
export async function buildNode(outDir: string, entries: Readonly<Record<string, string>>, target = 'node24'): Promise<void> {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    resolve: { conditions: ['node', 'import', 'default'] },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target,
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(ROOT, path)])),
        external: externals(),
        // Chunks are beside the entry points, as electron/cli/paths.ts finds files relative to its own path.
        output: { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' },
      },
    },
  });
}

export async function buildRenderer(outDir: string, target = 'chrome140'): Promise<void> {
  const [{ build }, { default: vue }] = await Promise.all([import('vite'), import('@vitejs/plugin-vue')]);
  await build({
    configFile: false,
    root: join(ROOT, 'renderer'),
    base: './',
    logLevel: 'warn',
    plugins: [vue()],
    // The content security policy allows fonts and pictures from files only, not as data: URLs.
    build: { target, outDir, emptyOutDir: true, minify: true, assetsInlineLimit: 0, reportCompressedSize: false },
  });
}
