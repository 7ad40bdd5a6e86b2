/**
 * `npm test`: every suite, one after another, and one closing line that counts them all. Needs nothing but Node and npm;
 * what needs more is skipped by name, unless CI=true: then it fails, since a CI that skips proves nothing.
 *
 *   node build/test.ts [--only NAME[,NAME]] [--heavy]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = resolve(import.meta.dirname, '..');
const REPORTS = join(ROOT, 'out', 'test-reports');

interface Counts {
  passed: number;
  failed: number;
  skipped: string[];
  /** What failed and with which words, told again at the end: of a long log often only its tail is kept. */
  failures: string[];
}

interface Suite {
  name: string;
  /** Runs with `--heavy` only (`.ci/run` does). */
  heavy?: boolean;
  run(): Counts;
}

/** One command, counted as one test. */
function command(label: string, file: string, args: readonly string[]): Counts {
  const { status } = spawnSync(process.execPath, [join(ROOT, file), ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) return { passed: 1, failed: 0, skipped: [], failures: [] };
  console.log(`FAILED: ${label}`);
  return { passed: 0, failed: 1, skipped: [], failures: [`${label}: exit code ${status ?? 'none'}`] };
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
  numFailedTests: number;
  testResults: { name: string; status: string; message?: string; assertionResults: { fullName: string; status: string; failureMessages?: string[] }[] }[];
}

/** The first lines of a failure: enough to see what was expected and where, without a page of it. */
function firstLines(message: string): string {
  const lines = message.split('\n').slice(0, 12);
  return lines.map((line) => `    ${line.slice(0, 400)}`).join('\n');
}

function vitest(name: string, args: readonly string[]): Counts {
  const output = join(REPORTS, `${name}.json`);
  rmSync(output, { force: true });
  const bin = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const { status } = spawnSync(
    process.execPath,
    [bin, 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${output}`, '--passWithNoTests'],
    { cwd: ROOT, stdio: 'inherit' },
  );
  let report: VitestReport;
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as VitestReport;
  } catch (error) {
    console.log(`FAILED: ${name} wrote no report (${String(error)})`);
    return { passed: 0, failed: 1, skipped: [], failures: [`${name}: no report was written`] };
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
  if (failures.length === 0 && status !== 0) failures.push(`${name}: an error outside any test; vitest ended with ${status ?? 'no exit code'}`);
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}

const SUITES: readonly Suite[] = [
  {
    name: 'lint',
    run: () =>
      sum(
        command('eslint', 'node_modules/eslint/bin/eslint.js', ['.']),
        command('prettier', 'node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
      ),
  },
  {
    name: 'types',
    run: () =>
      sum(
        command('types of the Node side', 'node_modules/typescript/bin/tsc', ['-p', 'electron/tsconfig.json']),
        command('types of the renderer', 'node_modules/vue-tsc/bin/vue-tsc.js', ['-p', 'renderer/tsconfig.json']),
      ),
  },
  { name: 'unit', run: () => vitest('unit', []) },
  {
    name: 'simulation',
    run: () =>
      sum(
        vitest('simulation', ['--config', 'vitest.live.config.ts', '--dir', 'test/simulation']),
        command('simulation', 'build/launch.mjs', ['simulate', '--seeds', values.heavy ? '2000' : '200']),
      ),
  },
  { name: 'build', run: () => command('build', 'build/build.ts', []) },
  { name: 'clients', run: () => vitest('clients', ['--config', 'vitest.live.config.ts', '--dir', 'test/clients']) },
  { name: 'e2e', run: () => vitest('e2e', ['--config', 'vitest.live.config.ts', '--dir', 'test/e2e']) },
  { name: 'kafka', heavy: true, run: () => vitest('kafka', ['--config', 'vitest.live.config.ts', '--dir', 'test/kafka']) },
  { name: 'faults', heavy: true, run: () => vitest('faults', ['--config', 'vitest.live.config.ts', '--dir', 'test/faults']) },
  { name: 'scenarios', heavy: true, run: () => vitest('scenarios', ['--config', 'vitest.live.config.ts', '--dir', 'test/scenarios/live']) },
  { name: 'heavy', heavy: true, run: () => vitest('heavy', ['--config', 'vitest.live.config.ts', '--dir', 'test/heavy']) },
  { name: 'electron', heavy: true, run: () => vitest('electron', ['--config', 'vitest.live.config.ts', '--dir', 'test/electron']) },
];

const { values } = parseArgs({ options: { only: { type: 'string' }, heavy: { type: 'boolean', default: false } } });
const only = values.only?.split(',');
const unknown = only?.filter((name) => !SUITES.some((suite) => suite.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`No suite named ${unknown.join(', ')}. There are: ${SUITES.map((suite) => suite.name).join(', ')}.`);
  process.exit(2);
}

mkdirSync(REPORTS, { recursive: true });
const results = SUITES.filter((suite) => (only === undefined ? values.heavy || suite.heavy !== true : only.includes(suite.name))).map(
  (suite) => {
    const start = performance.now();
    console.log(`\n── ${suite.name}`);
    const counts = suite.run();
    console.log(
      `── ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped in ${((performance.now() - start) / 1000).toFixed(0)} s`,
    );
    return counts;
  },
);
const total = sum(...results);
if (total.skipped.length > 0) console.log(`\nSkipped:\n${total.skipped.map((name) => `  ${name}`).join('\n')}`);
if (total.failures.length > 0) console.log(`\nFailed:\n${total.failures.map((failure) => `  ${failure}`).join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
