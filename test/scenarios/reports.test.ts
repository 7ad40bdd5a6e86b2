import { expect, test } from 'vitest';
import { formatJunit } from '../../electron/scenarios/junit.ts';
import { ProgressText, formatReport, formatIncident } from '../../electron/scenarios/report-text.ts';
import { reportIncidents } from '#shared/incidents/report';
import type { ScenarioReport } from '../../shared/models/scenario.ts';

const REPORT: ScenarioReport = {
  id: 1,
  scenario: { name: 'small', title: 'A <small> one', about: 'It teaches.', brokers: 3, steps: 1, expectations: 3 },
  state: 'failed',
  startedAt: Date.UTC(2026, 0, 1),
  endedAt: Date.UTC(2026, 0, 1) + 12_500,
  stepsAt: Date.UTC(2026, 0, 1) + 2_000,
  brokers: [1, 2, 3],
  renamed: {},
  steps: [
    {
      name: 'kill',
      say: 'It is killed.',
      when: 'at 2 s',
      state: 'done',
      beganMs: 2_000,
      endedMs: 2_100,
      actions: [{ text: 'kill broker 1', atMs: 2_050, error: null }],
      error: null,
    },
  ],
  expectations: [
    { text: 'orders-0 is written', verdict: 'held', measured: 'after 3.2 s: acknowledged', figure: 3_200, decidedMs: 5_300 },
    { text: 'No "acknowledged" write is lost', verdict: 'failed', measured: '3 of 10 are missing & gone', figure: 3, decidedMs: 9_000 },
    { text: 'the lag is low', verdict: 'undecided', measured: 'unknown\u0001state', figure: null, decidedMs: 9_000 },
  ],
  loads: [],
  notices: ['A notice.'],
  problem: null,
  version: '0.1.0',
  events: [],
  incidents: [],
};

test('formatJunit: one well-formed test case per expectation, with failures and errors', () => {
  const xml = formatJunit(REPORT);
  expect(xml).toContain('<testsuite name="small" tests="3" failures="1" errors="1" time="12.500" timestamp="2026-01-01T00:00:00.000Z">');
  expect(xml).toContain('<property name="title" value="A &lt;small&gt; one"/>');
  expect(xml).toContain('name="orders-0 is written" time="3.200"');
  expect(xml).toContain('name="No &quot;acknowledged&quot; write is lost">\n      <failure message="3 of 10 are missing &amp; gone"/>');
  expect(xml).toContain('<error message="unknown\ufffdstate"/>');
  expect(xml).toContain('2.0 s  kill broker 1');
  expect(xml.match(/<testcase /g)).toHaveLength(3);
  // Every element that is opened is closed.
  const opened = [...xml.matchAll(/<([a-z-]+)(?:\s[^<>]*?)?(\/?)>/g)].filter(([, , closed]) => closed === '').map(([, name]) => name);
  const closed = [...xml.matchAll(/<\/([a-z-]+)>/g)].map(([, name]) => name);
  expect(opened.sort()).toEqual(closed.sort());
});

test('formatJunit: a broken run has its problem in system-err', () => {
  const xml = formatJunit({ ...REPORT, state: 'broken', problem: 'A fault is in force.' });
  expect(xml).toContain('<system-err>A fault is in force.</system-err>');
});

test('formatReport: lists every expectation with its measurement, and ends with the result', () => {
  const text = formatReport(REPORT);
  expect(text).toContain('✓ orders-0 is written');
  expect(text).toMatch(/✕ No "acknowledged" write is lost\s+3 of 10 are missing & gone/);
  expect(text).toMatch(/\? the lag is low/);
  expect(text).toContain('A notice.');
  expect(text.split('\n').at(-1)).toBe('failed: 1 of 3 expectations held');
});

test('ProgressText: prints each step, action and verdict once', () => {
  const lines: string[] = [];
  const progress = new ProgressText((line) => lines.push(line));
  progress.show({ ...REPORT, state: 'running' });
  progress.show({ ...REPORT, state: 'running' });
  expect(lines.filter((line) => line.includes('It is killed.'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes('kill broker 1'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes('orders-0 is written'))).toHaveLength(1);
});

test('reports incidents with the times of the phases that they reached', () => {
  const incident = { id: 1, cause: 'fault' as const, what: 'broker 3 was killed', startedAt: 0, brokers: [3], groups: [] };
  const times = { detectedMs: 3_000, failedOverMs: 3_040, recoveredMs: 14_100, closedMs: 14_100 };
  expect(formatIncident({ ...incident, ...times })).toBe(
    'broker 3 was killed: detected after 3.0 s, failed over after 3.0 s, recovered after 14.1 s',
  );
  expect(formatIncident({ ...incident, ...times, recoveredMs: null, closedMs: null })).toBe(
    'broker 3 was killed: detected after 3.0 s, failed over after 3.0 s, open at the end',
  );
  const silent = { detectedMs: null, failedOverMs: null, recoveredMs: null, closedMs: 900 };
  expect(formatIncident({ ...incident, ...silent })).toBe('broker 3 was killed: not detected, ended after 0.9 s');
  expect(formatIncident({ ...incident, ...times, cause: 'observed' })).toMatch(/^broker 3 was killed: no recorded cause, failed over/);
  const report = { ...REPORT, incidents: [{ ...incident, ...times }] };
  expect(formatReport(report)).toContain('  broker 3 was killed: detected after 3.0 s');
  expect(formatJunit(report)).toContain('broker 3 was killed: detected after 3.0 s');
});

test('a report derives its incidents from its events', () => {
  const events = [
    { id: 1, type: 'lab/nodeKilled' as const, at: 1_000, node: null, broker: 3, reason: 'broker 3 was killed' },
    { id: 2, type: 'cluster/brokerFenced' as const, at: 4_000, node: 1, broker: 3, causeId: 1 },
    { id: 3, type: 'group/coordinatorMoved' as const, at: 4_100, node: 1, group: 'billing', causeId: 2 },
    { id: 4, type: 'lab/nodeStarted' as const, at: 9_000, node: null, broker: 3 },
    { id: 5, type: 'cluster/brokerUnfenced' as const, at: 10_000, node: 1, broker: 3, causeId: 4 },
  ];
  expect(reportIncidents(events)).toEqual([
    {
      id: 1,
      cause: 'fault',
      what: 'broker 3 was killed',
      startedAt: 1_000,
      detectedMs: 3_000,
      failedOverMs: null,
      recoveredMs: null,
      closedMs: 9_000,
      brokers: [3],
      groups: ['billing'],
    },
  ]);
});
