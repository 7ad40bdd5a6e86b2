/** What is built, from what, and how: the main side as CommonJS for Node and Electron, the preload script, the renderer. */
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
  /** What it is made of; a change in any of it makes it stale. */
  sources: readonly string[];
  /** False where its sources are not there. */
  exists(): boolean;
  build(outDir: string): Promise<void>;
}

/** Entries of the main side by their names in out/main; those not there are left out. */
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

/** Those of the named targets that have to be built. */
export function staleTargets(names: readonly TargetName[]): TargetName[] {
  return TARGETS.filter((target) => names.includes(target.name) && target.exists() && !isFresh(target)).map(({ name }) => name);
}

function isFresh({ name, sources }: Target): boolean {
  return existsSync(join(OUT, name)) && readStamp(join(OUT, 'stamps', name)) === fingerprint(ROOT, sources);
}

/** Builds what is stale among the named targets; says so to `report` and returns what it built. */
export async function buildTargets(names: readonly TargetName[], report: (line: string) => void): Promise<TargetName[]> {
  const built: TargetName[] = [];
  for (const target of TARGETS) {
    if (!names.includes(target.name) || !target.exists()) continue;
    const outDir = join(OUT, target.name);
    const stampFile = join(OUT, 'stamps', target.name);
    const stamp = fingerprint(ROOT, target.sources);
    if (existsSync(outDir) && readStamp(stampFile) === stamp) continue;
    const start = performance.now();
    // Made aside and then put in place, so that nobody starts from half of it.
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

/** Puts `fresh` where `directory` is; two builds at once both get there, the later one stays. */
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

/** What is there at run time and so is not bundled: Node's modules, Electron, and what package.json names as dependencies. */
function externals(): (string | RegExp)[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const packages = ['electron', ...Object.keys(dependencies)];
  return [/^node:/, ...builtinModules, ...packages, ...packages.map((name) => new RegExp(`^${name}/`))];
}

/** Entries by their names in `outDir`, as CommonJS for Node and Electron. `target` is lower only for checks in an older Electron. */
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
        // Chunks beside the entries: what finds its files by its own place (electron/cli/paths.ts) may be in either.
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
    // The page's policy allows fonts and pictures from files only, so none may become a data: address.
    build: { target, outDir, emptyOutDir: true, minify: true, assetsInlineLimit: 0, reportCompressedSize: false },
  });
}
