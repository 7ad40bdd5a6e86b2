import { expect, test, vi } from 'vitest';
import { ScenariosService, type ScenarioNote } from '../../electron/scenarios/service.ts';
import type { ScenarioRun } from '../../shared/models/scenario.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';
import { FakeLab } from '../helpers/scenario-harness.ts';

/** No process listens on port 1: a run fails at its first request. */
const NOWHERE = '127.0.0.1:1';

function service(bootstrap: string | null = NOWHERE): {
  scenarios: ScenariosService;
  updates: ScenarioRun[];
  notes: ScenarioNote[];
  lab: FakeLab;
} {
  const updates: ScenarioRun[] = [];
  const notes: ScenarioNote[] = [];
  const lab = new FakeLab();
  const scenarios = new ScenariosService({
    lab,
    loads: new FakeLoads(),
    bootstrap: () => bootstrap,
    version: '0',
    onError: (_what, error) => {
      throw error;
    },
    onProgress: (run) => updates.push(run),
    note: (note) => notes.push(note),
  });
  return { scenarios, updates, notes, lab };
}

test('ScenariosService: runs one scenario at a time and keeps the last report', async () => {
  const { scenarios } = service();
  expect(scenarios.state()).toBeNull();
  expect(scenarios.report()).toBeNull();
  const first = scenarios.run({ library: 'leader-killed' });
  await expect(scenarios.run({ library: 'leader-killed' })).rejects.toThrow('A scenario is already running.');
  const report = await first;
  expect(report).toMatchObject({ id: 1, state: 'broken' });
  expect(scenarios.state()).toMatchObject({ id: 1, state: 'broken' });
  expect(scenarios.report()?.junit).toContain('<testsuite name="leader-killed"');
  expect((await scenarios.run({ library: 'leader-killed' })).id).toBe(2);
});

test('ScenariosService: sends progress without events, up to the last state', async () => {
  const { scenarios, updates } = service();
  await scenarios.run({ library: 'leader-killed' });
  await vi.waitFor(() => expect(updates.at(-1)?.state).toBe('broken'), { timeout: 30_000 });
  for (const run of updates) expect(run).not.toHaveProperty('events');
});

test('ScenariosService: records the start and the result of a run on the timeline', async () => {
  const { scenarios, notes } = service();
  await scenarios.run({ library: 'leader-killed' });
  const details = { runId: 1, scenario: 'leader-killed' };
  expect(notes).toEqual([
    { type: 'scenario/started', reason: 'scenario leader-killed started', details },
    {
      type: 'scenario/ended',
      reason: 'scenario leader-killed: broken: the run was not completed',
      details: { ...details, state: 'broken' },
    },
  ]);
});

test('ScenariosService: refuses an invalid text, an unknown name, and a run without a cluster', async () => {
  const { scenarios } = service();
  await expect(scenarios.run({ text: 'name: x' })).rejects.toThrow('The scenario is not valid. line 1, column 1: title: Required.');
  await expect(scenarios.run({ library: 'nonsense' })).rejects.toThrow('The library has no scenario nonsense');
  await expect(service(null).scenarios.run({ library: 'leader-killed' })).rejects.toThrow('is not running');
});

test('ScenariosService: a check describes the steps of a text, or its errors', async () => {
  const { scenarios } = service();
  const { outline, problems } = await scenarios.check(scenarios.text('leader-killed'));
  expect(problems).toEqual([]);
  expect(outline?.steps[1]?.actions).toEqual(['kill the leader of orders-0']);
  expect(await scenarios.check('name: x')).toMatchObject({ outline: null, problems: [{ line: 1 }, { line: 1 }, { line: 1 }, { line: 1 }] });
});

test('ScenariosService: refuses a run after close', async () => {
  const { scenarios } = service();
  await scenarios.close();
  await expect(scenarios.run({ library: 'leader-killed' })).rejects.toThrow('is not running');
});

test('ScenariosService: refuses a text with 300,000 steps without blocking the event loop', async () => {
  const { scenarios } = service();
  const steps = '{},'.repeat(330_000);
  // Processor time of this thread does not depend on the load of the machine.
  const spentMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let longest = 0;
  let last = spentMs();
  const beat = setInterval(() => {
    longest = Math.max(longest, spentMs() - last);
    last = spentMs();
  }, 5);
  const { problems } = await scenarios.check(`{"name": "x", "steps": [${steps}{}]}`);
  const byValue = scenarios.run({ value: { name: 'x', steps: Array.from({ length: 200_000 }, () => ({})) } });
  await expect(byValue).rejects.toThrow('A scenario has at most 100,000 values.');
  clearInterval(beat);
  expect(problems.map(({ message }) => message)).toEqual(['A scenario has at most 100,000 YAML tokens.']);
  // Parsed in this thread, the same text takes 5 s of processor time.
  expect(longest).toBeLessThan(2_000);
});
