/** Runs every scenario of the library headless: all expectations hold, and the audit agrees with the counters. */
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtWorker } from '../../helpers/built-worker.ts';
import { reportOf, runScenarioCommand } from '../../helpers/scenario-process.ts';

const NAMES = [
  'leader-killed',
  'rolling-restart',
  'zombie-leader',
  'split-quorum',
  'min-insync-lost',
  'unclean-election',
  'slow-follower',
  'coordinator-dies',
  'consumer-crash-loop',
  'hot-partition',
  'disk-full',
  'lost-tombstone',
  'power-cut',
  'acks-one-loses',
  'slow-clients',
  'clock-skew',
];

let scratch = '';
beforeAll(() => {
  builtWorker();
  scratch = mkdtempSync(join(tmpdir(), 'scenarios-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('this file runs every scenario of the library', async () => {
  const { stdout, code } = await runScenarioCommand(['--list']);
  expect(code).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(NAMES);
});

// Two at a time (vitest.live.config.ts): each run has its own cluster and is mostly idle.
test.concurrent.for(NAMES)('%s holds', { timeout: 180_000 }, async (name, { expect }) => {
  const ended = await runScenarioCommand([name, '--json']);
  const report = reportOf(ended);
  const verdicts = report.expectations.map(({ text, verdict, measured }) => `${verdict}: ${text}: ${measured ?? ''}`).join('\n');
  expect(report.state, `${report.problem ?? ''}\n${verdicts}\n${ended.stderr}`).toBe('held');
  expect(ended.code).toBe(0);
  expect(report.steps.map(({ state }) => state).every((state) => state === 'done')).toBe(true);
  // Faults and repairs are on the timeline.
  expect(report.events.length).toBeGreaterThan(0);
  expect(report.notices).toEqual([]);
  for (const { written } of report.loads) {
    if (written === null || written.audit === null) continue;
    const { acknowledged, found, lost, removed, unread } = written.audit;
    expect(found + lost + removed + unread).toBe(acknowledged);
  }
});

test('unclean-election: the report lists exactly the lost records', { timeout: 180_000 }, async () => {
  const report = reportOf(await runScenarioCommand(['unclean-election', '--json']));
  const audit = report.loads[0]?.written?.audit;
  if (audit === null || audit === undefined) throw new Error('no audit');
  expect(audit.lost).toBeGreaterThan(0);
  const named = audit.lostRanges.reduce((sum, { count }) => sum + count, 0);
  expect(named).toBe(audit.lost);
  const [verdict] = report.expectations;
  expect(verdict).toMatchObject({ verdict: 'held', figure: audit.lost });
  expect(verdict?.measured).toContain(
    `${audit.lost.toLocaleString('en')} of ${audit.acknowledged.toLocaleString('en')} acknowledged are missing`,
  );
});

test('a failed expectation exits with 1 and is a failure in the JUnit report', { timeout: 120_000 }, async () => {
  const file = join(scratch, 'fails.yaml');
  const junit = join(scratch, 'fails.xml');
  writeFileSync(
    file,
    `name: fails
title: One that fails
about: For a test.
topics: [{ name: orders, configs: { min.insync.replicas: 2 } }]
load: [{ kind: producer, name: writer, topic: orders }]
steps:
  - name: kill
    at: 1s
    say: The leader is killed.
    do: [{ fault: { type: kill, node: leader of orders-0 }, as: victim }]
  - until: { leader: orders-0, isNot: victim }
    say: Another leads.
expect:
  - { lost: writer, is: some }
  - { writable: orders-0, after: kill, within: 100ms }
  - { leader: orders-0, is: victim }
`,
  );
  const ended = await runScenarioCommand([file, '--json', '--junit', junit]);
  expect(ended.code).toBe(1);
  expect(reportOf(ended).expectations.map(({ verdict }) => verdict)).toEqual(['failed', 'failed', 'failed']);
  expect(readFileSync(junit, 'utf8').match(/<failure /g)).toHaveLength(3);
});

test('an invalid file exits with 2 and lists each error with its line', async () => {
  const file = join(scratch, 'bad.yaml');
  writeFileSync(
    file,
    'name: bad\ntitle: Bad\nabout: For a test.\nsteps:\n  - say: Yes.\n    att: 3s\nexpect:\n  - { events: node/failed, atMost: 0 }\n',
  );
  const { code, stderr, stdout } = await runScenarioCommand([file]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`${file}: line 6, column 5: steps[0]: Unknown key att.`);
  expect((await runScenarioCommand(['no-such-scenario'])).code).toBe(2);
});

test('Ctrl-C cancels the run: exit 1, and the report is cancelled', { timeout: 120_000 }, async () => {
  let sent = false;
  const ended = await runScenarioCommand(['zombie-leader', '--json'], (stderr, kill) => {
    if (sent || !stderr.includes('freeze broker')) return;
    sent = true;
    kill('SIGINT');
  });
  expect(ended.code).toBe(1);
  expect(reportOf(ended).state).toBe('cancelled');
});
