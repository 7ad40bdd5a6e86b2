/** `npm run language`: lists words that the language of the project leaves out. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HELP_LINE, runCommand, UsageError } from '../electron/cli/command.ts';
import { findWords } from './language/check.ts';
import { listCheckedFiles } from './language/files.ts';

const ROOT = join(import.meta.dirname, '..');
const USAGE = `Usage: npm run language [-- PATH …]

Lists words that the language of the project leaves out, with their replacements; exit 1 where there are any.

  PATH          files and directories of the project (default: all)
${HELP_LINE}`;

function run(args: readonly string[]): number {
  for (const arg of args) {
    if (arg.startsWith('-')) throw new UsageError(`Unknown option '${arg}'.`);
    if (!existsSync(join(ROOT, arg))) throw new UsageError(`The project has no ${arg}.`);
  }
  const files = listCheckedFiles(ROOT, args.length === 0 ? undefined : args);
  let count = 0;
  for (const file of files) {
    const inName = findWords(file).map((hit) => ({ ...hit, line: 0 }));
    for (const { line, found, instead, text } of [...inName, ...findWords(readFileSync(join(ROOT, file), 'utf8'))]) {
      count++;
      process.stdout.write(`${file}:${line}: "${found}" (${instead}): ${text}\n`);
    }
  }
  process.stdout.write(`${count} in ${files.length} files\n`);
  return count === 0 ? 0 : 1;
}

process.exitCode = await runCommand({ usage: USAGE, run: (args) => Promise.resolve().then(() => run(args)) }, process.argv.slice(2));
