import { expect, test, vi } from 'vitest';
import { ScenariosService, type ScenarioNote } from '../../electron/scenarios/service.ts';
import type { ScenarioRun } from '../../shared/models/scenario.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';
import { FakeLab } from '../helpers/scenario-bench.ts';

/** Nobody listens there: a run gets as far as the first question to a broker. */
const NOWHERE = '127.0.0.1:1';

function service(bootstrap: string | null = NOWHERE): {
  scenarios: ScenariosService;
  told: ScenarioRun[];
  notes: ScenarioNote[];
  lab: FakeLab;
} {
  const told: ScenarioRun[] = [];
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
    onProgress: (run) => told.push(run),
    note: (note) => notes.push(note),
  });
  return { scenarios, told, notes, lab };
}

test('one at a time; the last one is kept, and can be told as JUnit', async () => {
  const { scenarios } = service();
  expect(scenarios.state()).toBeNull();
  expect(scenarios.report()).toBeNull();
  const first = scenarios.run({ library: 'leader-killed' });
  await expect(scenarios.run({ library: 'leader-killed' })).rejects.toThrow('A scenario runs already.');
  const report = await first;
  expect(report).toMatchObject({ id: 1, state: 'broken' });
  expect(scenarios.state()).toMatchObject({ id: 1, state: 'broken' });
  expect(scenarios.report()?.junit).toContain('<testsuite name="leader-killed"');
  expect((await scenarios.run({ library: 'leader-killed' })).id).toBe(2);
});

test('what is told of a run is the last word too, and without the events', async () => {
  const { scenarios, told } = service();
  await scenarios.run({ library: 'leader-killed' });
  await vi.waitFor(() => expect(told.at(-1)?.state).toBe('broken'), { timeout: 30_000 });
  for (const run of told) expect(run).not.toHaveProperty('events');
});

test('that it began and how it ended is put on the timeline', async () => {
  const { scenarios, notes } = service();
  await scenarios.run({ library: 'leader-killed' });
  const details = { runId: 1, scenario: 'leader-killed' };
  expect(notes).toEqual([
    { type: 'scenario/started', reason: 'scenario leader-killed started', details },
    {
      type: 'scenario/ended',
      reason: 'scenario leader-killed: broken: it could not be run to its end',
      details: { ...details, state: 'broken' },
    },
  ]);
});

test('a text that is no scenario, a name that is none, a cluster that does not serve: refused at once', async () => {
  const { scenarios } = service();
  await expect(scenarios.run({ text: 'name: x' })).rejects.toThrow('That is no scenario. line 1, column 1: title: This is missing.');
  await expect(scenarios.run({ library: 'nonsense' })).rejects.toThrow('There is no scenario nonsense');
  await expect(service(null).scenarios.run({ library: 'leader-killed' })).rejects.toThrow('does not serve now');
});

test('a check describes the steps of a text, or the errors in it', async () => {
  const { scenarios } = service();
  const { outline, problems } = await scenarios.check(scenarios.text('leader-killed'));
  expect(problems).toEqual([]);
  expect(outline?.steps[1]?.actions).toEqual(['kill the leader of orders-0']);
  expect(await scenarios.check('name: x')).toMatchObject({ outline: null, problems: [{ line: 1 }, { line: 1 }, { line: 1 }, { line: 1 }] });
});

test('closed, it runs nothing any more', async () => {
  const { scenarios } = service();
  await scenarios.close();
  await expect(scenarios.run({ library: 'leader-killed' })).rejects.toThrow('does not serve now');
});

test('ScenariosService: a text with 300,000 steps is refused while the event loop stays free', async () => {
  const { scenarios } = service();
  const steps = '{},'.repeat(330_000);
  // In processor time of this thread: unlike time on the wall it does not grow with what else the machine does.
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
  // In this thread the same text took 5 s of CPU before it was bounded.
  expect(longest).toBeLessThan(2_000);
});
