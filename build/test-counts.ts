/** Runs one command or one Vitest suite and counts what passed, failed and was skipped. */
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Run } from './test-runner.ts';

export interface Counts {
  passed: number;
  failed: number;
  skipped: string[];
  /** Name and first lines of each failure, repeated at the end of the run, as often only the tail of a log is kept. */
  failures: string[];
}

export interface Paths {
  root: string;
  /** Directory of Vitest's JSON reports. */
  reports: string;
}

/** Runs a command, counted as one test. */
export async function countCommand(run: Run, paths: Paths, label: string, file: string, args: readonly string[]): Promise<Counts> {
  const code = await run(join(paths.root, file), args);
  if (code === 0) return { passed: 1, failed: 0, skipped: [], failures: [] };
  return { passed: 0, failed: 1, skipped: [], failures: [`${label}: exit code ${code ?? 'none'}`] };
}

export function sumCounts(...parts: readonly Counts[]): Counts {
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

/** The first lines of a failure: the expectation and its position. */
function firstLines(message: string): string {
  const lines = message.split('\n').slice(0, 12);
  return lines.map((line) => `    ${line.slice(0, 400)}`).join('\n');
}

/** `args` follow `vitest run`. */
export async function countVitest(run: Run, paths: Paths, name: string, args: readonly string[]): Promise<Counts> {
  const output = join(paths.reports, `${name}.json`);
  rmSync(output, { force: true });
  const code = await run(join(paths.root, 'node_modules', 'vitest', 'vitest.mjs'), [
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
  // A file that failed to load has no test, and an error outside a test is only in the exit code.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const failures = [
    ...tests
      .filter((test) => test.status === 'failed')
      .map((test) => `${name}: ${test.fullName}\n${firstLines((test.failureMessages ?? []).join('\n'))}`),
    ...brokenFiles.map((file) => `${name}: ${relative(paths.root, file.name)}\n${firstLines(file.message ?? '')}`),
  ];
  if (failures.length === 0 && code !== 0) failures.push(`${name}: an error outside any test; vitest ended with ${code ?? 'no exit code'}`);
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}
