/** `npm run language -- [PATHS]`: lists words that the language of the project leaves out. Exits with 1 if it finds any. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findWords } from './language/check.ts';
import { listCheckedFiles } from './language/files.ts';

const ROOT = join(import.meta.dirname, '..');
const paths = process.argv.slice(2);
const files = listCheckedFiles(ROOT, paths.length === 0 ? undefined : paths);
let count = 0;
for (const file of files) {
  const inName = findWords(file).map((hit) => ({ ...hit, line: 0 }));
  for (const { line, found, instead, text } of [...inName, ...findWords(readFileSync(join(ROOT, file), 'utf8'))]) {
    count++;
    process.stdout.write(`${file}:${line}: "${found}" (${instead}): ${text}\n`);
  }
}
process.stdout.write(`${count} in ${files.length} files\n`);
process.exitCode = count === 0 ? 0 : 1;
