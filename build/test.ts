/**
 * `npm test`: runs every suite and ends with one line that counts all tests. Needs only Node.js and npm; a suite that needs more is
 * reported as skipped, or as failed with CI=true.
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HELP_LINE, parsing, runCommand, UsageError } from '../electron/cli/command.ts';
import { countCommand, countVitest, sumCounts, type Counts, type Paths } from './test-counts.ts';
import { Runner, type Job, type Run } from './test-runner.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PATHS: Paths = { root: ROOT, reports: join(ROOT, 'out', 'test-reports') };

/** Lanes for suites that compute, browsers and clients. */
const LANES = 3;
/** Fewer lanes for heavy suites, which compute more: three JVMs, the kill-loop. */
const HEAVY_LANES = 2;

interface Suite extends Job<Counts> {
  /** Runs with `--heavy` only, as in `.ci/run`. */
  heavy?: boolean;
}

function command(run: Run, label: string, file: string, args: readonly string[]): Promise<Counts> {
  return countCommand(run, PATHS, label, file, args);
}

/** A suite of `test/<directory>` with processes, browsers and real clients. `files` run at a time, since they wait more than they compute. */
function live(name: string, options: { directory?: string; files?: number } = {}): Job<Counts> {
  const parallel = options.files === undefined ? [] : ['--fileParallelism', `--maxWorkers=${options.files}`];
  return {
    name,
    run: (run) =>
      countVitest(run, PATHS, name, ['--config', 'vitest.live.config.ts', '--dir', `test/${options.directory ?? name}`, ...parallel]),
  };
}

function suites(heavy: boolean): readonly Suite[] {
  return [
    { name: 'build', alone: true, run: (run) => command(run, 'build', 'build/build.ts', []) },
    {
      name: 'lint',
      busy: true,
      run: async (run) =>
        sumCounts(
          await command(run, 'eslint', 'node_modules/eslint/bin/eslint.js', ['.']),
          await command(run, 'prettier', 'node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
        ),
    },
    {
      name: 'types',
      busy: true,
      run: async (run) =>
        sumCounts(
          await command(run, 'types of the Node side', 'node_modules/typescript/bin/tsc', ['-p', 'electron/tsconfig.json']),
          await command(run, 'types of the renderer', 'node_modules/vue-tsc/bin/vue-tsc.js', ['-p', 'renderer/tsconfig.json']),
        ),
    },
    { name: 'unit', busy: true, run: (run) => countVitest(run, PATHS, 'unit', []) },
    {
      name: 'simulation',
      busy: true,
      run: async (run) =>
        sumCounts(
          await countVitest(run, PATHS, 'simulation', [
            ...['--config', 'vitest.live.config.ts', '--dir', 'test/simulation'],
            // Planted bugs test the checker, not the product, and take minutes.
            ...(heavy ? [] : ['--exclude', '**/planted*.test.ts']),
          ]),
          await command(run, 'simulation', 'build/launch.mjs', ['simulate', '--seeds', heavy ? '2000' : '100']),
        ),
    },
    live('e2e', { files: 3 }),
    live('clients', { files: 2 }),
    { ...live('scenarios', { directory: 'scenarios/live', files: 2 }), heavy: true },
    { ...live('heavy'), heavy: true },
    { ...live('kafka'), heavy: true },
    { ...live('faults', { files: 2 }), heavy: true },
    { ...live('electron'), heavy: true },
    { ...live('figures'), heavy: true, alone: true },
  ];
}

const NAMES = suites(false).map(({ name }) => name);

const USAGE = `Usage: npm test [-- options]

Runs the suites and ends with "N passed, N failed, N skipped". Exit 1 when a test failed.

  --only NAME,…    only these suites: ${NAMES.slice(0, 7).join(', ')},
                   ${NAMES.slice(7).join(', ')}
  --heavy          also ${NAMES.slice(7).join(', ')}, and more seeds and rounds in the others, as .ci/run does
  --one-by-one     one suite after another, with live output
${HELP_LINE}`;

async function test(args: readonly string[]): Promise<number> {
  const { values } = parsing(() =>
    parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        heavy: { type: 'boolean', default: false },
        'one-by-one': { type: 'boolean', default: false },
      },
    }),
  );
  const only = values.only?.split(',');
  const unknown = only?.filter((name) => !NAMES.includes(name)) ?? [];
  if (unknown.length > 0) throw new UsageError(`Unknown suite: ${unknown.join(', ')}.`);

  if (values.heavy) process.env['BROKERDESK_HEAVY'] = '1';
  const chosen = suites(values.heavy).filter(({ name, heavy }) =>
    only === undefined ? values.heavy || heavy !== true : only.includes(name),
  );
  const results: Counts[] = [];
  const ended = (name: string, counts: Counts, seconds: number): void => {
    results.push(counts);
    console.log(
      `── ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped in ${seconds.toFixed(0)} s`,
    );
  };
  const runner = new Runner({ root: ROOT, logs: PATHS.reports });
  const oneByOne = values['one-by-one'] || chosen.length === 1 || availableParallelism() === 1;
  await (oneByOne ? runner.oneByOne(chosen, ended) : runner.sideBySide(chosen, values.heavy ? HEAVY_LANES : LANES, ended));

  const total = sumCounts(...results);
  if (total.skipped.length > 0) console.log(`\nSkipped:\n${total.skipped.map((name) => `  ${name}`).join('\n')}`);
  if (total.failures.length > 0) console.log(`\nFailed:\n${total.failures.map((failure) => `  ${failure}`).join('\n')}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
  return total.failed === 0 ? 0 : 1;
}

process.exit(await runCommand({ usage: USAGE, run: test }, process.argv.slice(2)));
