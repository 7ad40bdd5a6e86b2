/** The engine on a lab and loads that do as they are told: its ends, whatever comes. */
import { expect, test, vi } from 'vitest';
import type { ClusterClient } from '../../electron/admin/cluster-client.ts';
import type { Bench } from '../../electron/scenarios/bench.ts';
import { runScenario } from '../../electron/scenarios/run.ts';
import type { ScenarioRun } from '../../shared/models/scenario.ts';
import type { Scenario } from '../../shared/scenario-schema.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';
import { FakeLab, scenario } from '../helpers/scenario-bench.ts';

/** Without topics, so that no broker is asked for anything. */
const bare = (more: Partial<Parameters<typeof scenario>[0]>): Scenario => scenario({ topics: [], load: [], ...more });

function bench(): { lab: FakeLab; loads: FakeLoads; bench: Bench } {
  const lab = new FakeLab();
  const loads = new FakeLoads();
  const client = {
    metadata: () => Promise.resolve({ topics: [], brokers: [], controllerId: 2 }),
    everyBroker: () => Promise.resolve([]),
    knownBrokers: [],
  };
  return { lab, loads, bench: { lab, loads, client: client as unknown as ClusterClient } };
}

const run = (tested: Scenario, on: Bench, signal = new AbortController().signal, onProgress?: (state: ScenarioRun) => void) =>
  runScenario(tested, on, { id: 1, version: '0', signal, ...(onProgress === undefined ? {} : { onProgress }) });

test('does its steps at their times, heals what is still broken, and tells', async () => {
  const on = bench();
  const report = await run(
    bare({
      steps: [
        { name: 'kill', at: '100ms', say: 'It is killed.', do: [{ fault: { type: 'kill', node: 1 }, as: 'victim' }] },
        { name: 'look', after: '50ms', until: { node: 'victim', is: 'killed' }, say: 'It is dead.' },
      ],
      expect: [{ node: 'victim', is: 'killed' }],
    }),
    on.bench,
  );
  expect(report).toMatchObject({ state: 'held', problem: null, brokers: [1, 2, 3] });
  expect(report.steps[0]?.actions).toMatchObject([{ text: 'kill broker 1', error: null }]);
  expect(report.steps[0]?.beganMs).toBeGreaterThanOrEqual(90);
  expect(report.steps[1]?.beganMs).toBeGreaterThanOrEqual((report.steps[0]?.endedMs ?? 0) + 40);
  expect(on.lab.calls).toEqual(['inject kill', 'healAll']);
  expect(on.lab.faults()).toEqual([]);
});

test('an expectation that fails makes it failed', async () => {
  const report = await run(bare({ expect: [{ node: 1, is: 'running' }] }), bench().bench);
  expect(report.state).toBe('failed');
  expect(report.expectations[0]).toMatchObject({ verdict: 'failed', measured: 'broker 1 is killed' });
});

test('cancelled: a fault that was on its way is healed as well', async () => {
  const on = bench();
  let open: () => void = () => undefined;
  on.lab.gate = new Promise((resolve) => (open = resolve));
  const cancel = new AbortController();
  const running = run(bare({}), on.bench, cancel.signal);
  await vi.waitFor(() => expect(on.lab.calls).toContain('inject kill'), { timeout: 30_000 });
  cancel.abort();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(on.lab.calls).not.toContain('healAll');
  open();
  const report = await running;
  expect(report.state).toBe('cancelled');
  expect(report.expectations[0]?.verdict).toBe('undecided');
  expect(on.lab.calls).toEqual(['inject kill', 'healAll']);
  expect(on.lab.faults()).toEqual([]);
});

test('a step that cannot be done breaks it, says why, and leaves nothing behind', async () => {
  const on = bench();
  const report = await run(
    bare({
      steps: [
        { say: 'One.', do: [{ fault: { type: 'kill', node: 1 } }] },
        { say: 'Two.', do: [{ fault: { type: 'kill', node: 9 } }] },
        { say: 'Three.' },
      ],
    }),
    on.bench,
  );
  expect(report).toMatchObject({ state: 'broken', problem: 'There is no broker 9 here.' });
  expect(report.steps.map(({ state }) => state)).toEqual(['done', 'failed', 'skipped']);
  expect(on.lab.faults()).toEqual([]);
});

test('what it waits for and does not come breaks it', async () => {
  const report = await run(bare({ steps: [{ say: 'One.', until: { node: 1, is: 'frozen' }, within: '200ms' }] }), bench().bench);
  expect(report.problem).toBe('It did not come about within 0.2 s that broker 1 is frozen: broker 1 is running.');
});

test('a cluster that is broken already, or too small, is told before anything is done', async () => {
  const on = bench();
  await on.lab.inject({ type: 'fullDisk', node: 3 });
  expect(await run(bare({}), on.bench)).toMatchObject({ state: 'broken', problem: expect.stringContaining('broken already') as string });
  expect(on.lab.faults()).toHaveLength(1);
  expect(await run(bare({ cluster: { brokers: 5 } }), bench().bench)).toMatchObject({ problem: 'It needs 5 brokers, and 3 run here.' });
});

test('a cluster that goes meanwhile is not healed first', async () => {
  const on = bench();
  const cancel = new AbortController();
  const running = runScenario(bare({ steps: [{ say: 'One.', do: [{ fault: { type: 'kill', node: 1 } }, { wait: '10s' }] }] }), on.bench, {
    id: 1,
    version: '0',
    signal: cancel.signal,
    abandoned: cancel.signal,
  });
  await vi.waitFor(() => expect(on.lab.faults()).toHaveLength(1), { timeout: 30_000 });
  cancel.abort();
  expect((await running).state).toBe('cancelled');
  expect(on.lab.calls).toEqual(['inject kill']);
});

test('progress is told, with the verdicts as they come', async () => {
  const states: string[] = [];
  await run(bare({}), bench().bench, undefined, ({ state }) => states.push(state));
  expect([...new Set(states)]).toEqual(['preparing', 'running', 'settling', 'held']);
});

test('a load that was being started when it was cancelled is ended as well', async () => {
  const on = bench();
  const start = on.loads.start.bind(on.loads);
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let asked = false;
  on.loads.start = async (spec) => {
    asked = true;
    await gate;
    return start(spec);
  };
  const cancel = new AbortController();
  const tested = scenario({
    load: [],
    topics: [],
    steps: [{ say: 'One.', do: [{ wait: '0s' }] }],
  });
  // Its topic is of no concern here, and no broker would make it.
  tested.steps[0]?.do.push({
    run: {
      kind: 'group',
      name: 'late',
      topics: [],
      members: 1,
      perRecordMs: 0,
      from: 'oldest',
      sessionTimeoutMs: 6_000,
      crashEveryMs: null,
    },
  });
  const running = run(tested, on.bench, cancel.signal);
  await vi.waitFor(() => expect(asked).toBe(true), { timeout: 30_000 });
  cancel.abort();
  open();
  expect((await running).state).toBe('cancelled');
  expect(on.loads.calls).toEqual(['start late', 'stop late', 'remove late']);
});
