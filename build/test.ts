/**
 * `npm test`: every suite, and one closing line that counts them all. Needs nothing but Node and npm; what needs more is
 * skipped by name, unless CI=true: then it fails, since a CI that skips proves nothing.
 *
 *   node build/test.ts [--only NAME[,NAME]] [--heavy] [--side-by-side]
 */
import { readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { canIsolate, Runner, type Job, type Run } from './test-runner.ts';

const ROOT = resolve(import.meta.dirname, '..');
const REPORTS = join(ROOT, 'out', 'test-reports');

interface Counts {
  passed: number;
  failed: number;
  skipped: string[];
  /** What failed and with which words, told again at the end: of a long log often only its tail is kept. */
  failures: string[];
}

interface Suite extends Job<Counts> {
  /** Runs with `--heavy` only (`.ci/run` does). */
  heavy?: boolean;
}

/** One command, counted as one test. */
async function command(run: Run, label: string, file: string, args: readonly string[]): Promise<Counts> {
  const code = await run(join(ROOT, file), args);
  if (code === 0) return { passed: 1, failed: 0, skipped: [], failures: [] };
  return { passed: 0, failed: 1, skipped: [], failures: [`${label}: exit code ${code ?? 'none'}`] };
}

function sum(...parts: readonly Counts[]): Counts {
  return {
    passed: parts.reduce((total, part) => total + part.passed, 0),
    failed: parts.reduce((total, part) => total + part.failed, 0),
    skipped: parts.flatMap((part) => part.skipped),
    failures: parts.flatMap((part) => part.failures),
  };
}

interface VitestReport {
  numPassedTests: number;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

/** The first lines of a failure: enough to see what was expected and where, without a page of it. */
function firstLines(message: string): string {
  const lines = message.split('\n').slice(0, 12);
  return lines.map((line) => `    ${line.slice(0, 400)}`).join('\n');
}

async function vitest(run: Run, name: string, args: readonly string[]): Promise<Counts> {
  const output = join(REPORTS, `${name}.json`);
  rmSync(output, { force: true });
  const code = await run(join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), [
    'run',
    ...args,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${output}`,
    '--passWithNoTests',
  ]);
  let report: VitestReport;
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as VitestReport;
  } catch (error) {
    return { passed: 0, failed: 1, skipped: [], failures: [`${name}: no report was written (${String(error)})`] };
  }
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => `${name}: ${test.fullName}`);
  // A file that failed to load has no test to count, and an error outside any test only shows in the exit code.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const failures = [
    ...tests
      .filter((test) => test.status === 'failed')
      .map((test) => `${name}: ${test.fullName}\n${firstLines((test.failureMessages ?? []).join('\n'))}`),
    ...brokenFiles.map((file) => `${name}: ${relative(ROOT, file.name)}\n${firstLines(file.message ?? '')}`),
  ];
  if (failures.length === 0 && code !== 0) failures.push(`${name}: an error outside any test; vitest ended with ${code ?? 'no exit code'}`);
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}

/** What drives processes, browsers and real clients: `test/<directory>`, a file at a time. */
function live(name: string, directory = name): Job<Counts> {
  return { name, run: (run) => vitest(run, name, ['--config', 'vitest.live.config.ts', '--dir', `test/${directory}`]) };
}

const SUITES: readonly Suite[] = [
  { name: 'build', alone: true, run: (run) => command(run, 'build', 'build/build.ts', []) },
  {
    name: 'lint',
    busy: true,
    run: async (run) =>
      sum(
        await command(run, 'eslint', 'node_modules/eslint/bin/eslint.js', ['.']),
        await command(run, 'prettier', 'node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
      ),
  },
  {
    name: 'types',
    busy: true,
    run: async (run) =>
      sum(
        await command(run, 'types of the Node side', 'node_modules/typescript/bin/tsc', ['-p', 'electron/tsconfig.json']),
        await command(run, 'types of the renderer', 'node_modules/vue-tsc/bin/vue-tsc.js', ['-p', 'renderer/tsconfig.json']),
      ),
  },
  { name: 'unit', busy: true, run: (run) => vitest(run, 'unit', []) },
  {
    name: 'simulation',
    busy: true,
    run: async (run) =>
      sum(
        await vitest(run, 'simulation', ['--config', 'vitest.live.config.ts', '--dir', 'test/simulation']),
        await command(run, 'simulation', 'build/launch.mjs', ['simulate', '--seeds', values.heavy ? '2000' : '200']),
      ),
  },
  live('e2e'),
  live('clients'),
  { ...live('scenarios', 'scenarios/live'), heavy: true },
  { ...live('heavy'), heavy: true },
  { ...live('kafka'), heavy: true },
  { ...live('faults'), heavy: true },
  { ...live('electron'), heavy: true },
  { ...live('figures'), heavy: true, alone: true },
];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    heavy: { type: 'boolean', default: false },
    'side-by-side': { type: 'boolean', default: false },
  },
});
const only = values.only?.split(',');
const unknown = only?.filter((name) => !SUITES.some((suite) => suite.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`No suite named ${unknown.join(', ')}. There are: ${SUITES.map((suite) => suite.name).join(', ')}.`);
  process.exit(2);
}
const sideBySide = values['side-by-side'] && canIsolate();
if (values['side-by-side'] && !sideBySide) console.log('One suite after another: no network namespace can be made here.');

const chosen = SUITES.filter((suite) => (only === undefined ? values.heavy || suite.heavy !== true : only.includes(suite.name)));
const results: Counts[] = [];
const ended = (name: string, counts: Counts, seconds: number): void => {
  results.push(counts);
  console.log(`── ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped in ${seconds.toFixed(0)} s`);
};
const runner = new Runner({ root: ROOT, logs: REPORTS });
await (sideBySide ? runner.sideBySide(chosen, ended) : runner.oneByOne(chosen, ended));

const total = sum(...results);
if (total.skipped.length > 0) console.log(`\nSkipped:\n${total.skipped.map((name) => `  ${name}`).join('\n')}`);
if (total.failures.length > 0) console.log(`\nFailed:\n${total.failures.map((failure) => `  ${failure}`).join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
