/** Lists the files of the project whose language is checked. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ALL = [
  'electron',
  'renderer',
  'shared',
  'test',
  'build',
  'docs',
  '.ci',
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
];
const CHECKED = /\.(ts|mts|mjs|vue|css|html|md|ya?ml|sh)$/;
/** They list the words. */
const EXEMPT: ReadonlySet<string> = new Set(['build/language/words.ts', 'test/build/language.test.ts']);

/** Paths relative to `root` of the files in `paths`, which are files or directories relative to `root`. */
export function listCheckedFiles(root: string, paths: readonly string[] = ALL): string[] {
  return paths
    .flatMap((path) =>
      statSync(join(root, path)).isFile()
        ? [path]
        : readdirSync(join(root, path), { recursive: true, encoding: 'utf8' }).map((name) => `${path}/${name.replaceAll('\\', '/')}`),
    )
    .filter((file) => CHECKED.test(file) && !EXEMPT.has(file))
    .sort();
}
