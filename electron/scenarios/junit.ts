/** Formats a report as JUnit XML for CI systems: one test case per expectation; an undecided expectation is an error. */
import { formatIncident } from './report-text.ts';
import type { ExpectationReport, ScenarioReport } from '#shared/models/scenario';

export function formatJunit(report: ScenarioReport): string {
  const { scenario, expectations } = report;
  const seconds = ((report.endedAt ?? report.startedAt) - report.startedAt) / 1000;
  const failures = expectations.filter(({ verdict }) => verdict === 'failed').length;
  const errors = expectations.filter(({ verdict }) => verdict === 'undecided' || verdict === 'open').length;
  const name = attribute(scenario.name);
  const cases = expectations.map((one) => testCase(one, scenario.name));
  const counts = `tests="${expectations.length}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="brokerdesk scenarios" ${counts}>`,
    `  <testsuite name="${name}" ${counts} timestamp="${new Date(report.startedAt).toISOString()}">`,
    '    <properties>',
    `      <property name="title" value="${attribute(scenario.title)}"/>`,
    `      <property name="brokers" value="${report.brokers.length}"/>`,
    `      <property name="brokerdesk" value="${attribute(report.version)}"/>`,
    '    </properties>',
    ...cases,
    `    <system-out>${text([...stepLines(report), ...report.incidents.map(formatIncident)].join('\n'))}</system-out>`,
    ...(report.problem === null ? [] : [`    <system-err>${text(report.problem)}</system-err>`]),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(one: ExpectationReport, scenario: string): string {
  // Only an expectation with a deadline has a duration.
  const time = one.measured?.startsWith('after ') === true && one.figure !== null ? ` time="${(one.figure / 1000).toFixed(3)}"` : '';
  const open = `    <testcase classname="${attribute(scenario)}" name="${attribute(one.text)}"${time}`;
  const measured = one.measured ?? 'not measured';
  switch (one.verdict) {
    case 'held':
      return `${open}>\n      <system-out>${text(measured)}</system-out>\n    </testcase>`;
    case 'failed':
      return `${open}>\n      <failure message="${attribute(measured)}"/>\n    </testcase>`;
    case 'undecided':
    case 'open':
      return `${open}>\n      <error message="${attribute(measured)}"/>\n    </testcase>`;
  }
}

function stepLines({ steps }: ScenarioReport): string[] {
  return steps.flatMap((step) => [
    ...step.actions.map(
      ({ text: what, atMs, error }) => `${(atMs / 1000).toFixed(1)} s  ${what}${error === null ? '' : ` – failed: ${error}`}`,
    ),
    ...(step.error === null ? [] : [`failed: ${step.error}`]),
  ]);
}

/** Characters that XML 1.0 can contain (specification, 2.2). */
function isWritable(code: number): boolean {
  return code === 9 || code === 10 || code === 13 || (code >= 32 && code !== 0xfffe && code !== 0xffff);
}

function text(value: string): string {
  const written = Array.from(value, (character) => (isWritable(character.codePointAt(0) ?? 0) ? character : '\ufffd')).join('');
  return written.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function attribute(value: string): string {
  return text(value).replaceAll('"', '&quot;').replaceAll('\n', '&#10;');
}
