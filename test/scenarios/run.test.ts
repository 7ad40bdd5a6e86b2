/** Scenario runs on a fake lab and fake loads: every way in which a run can end. */
import { expect, test, vi } from 'vitest';
import type { ClusterClient } from '../../electron/admin/cluster-client.ts';
import type { RunEnvironment } from '../../electron/scenarios/environment.ts';
import { runScenario } from '../../electron/scenarios/run.ts';
import type { ScenarioRun } from '../../shared/models/scenario.ts';
import type { Scenario } from '../../shared/scenario-schema.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';
import { FakeLab, scenario } from '../helpers/scenario-harness.ts';

/** Without topics no request is sent to a broker. */
const withoutTopics = (more: Partial<Parameters<typeof scenario>[0]>): Scenario => scenario({ topics: [], load: [], ...more });

function createFakes(): { lab: FakeLab; loads: FakeLoads; environment: RunEnvironment } {
  const lab = new FakeLab();
  const loads = new FakeLoads();
  const client = {
    metadata: () => Promise.resolve({ topics: [], brokers: [], controllerId: 2 }),
    everyBroker: () => Promise.resolve([]),
    knownBrokers: [],
  };
  return { lab, loads, environment: { lab, loads, client: client as unknown as ClusterClient } };
}

const run = (tested: Scenario, on: RunEnvironment, signal = new AbortController().signal, onProgress?: (state: ScenarioRun) => void) =>
  runScenario(tested, on, { id: 1, version: '0', signal, ...(onProgress === undefined ? {} : { onProgress }) });

test('a run performs its steps at their times, heals its faults and reports', async () => {
  const on = createFakes();
  const report = await run(
    withoutTopics({
      steps: [
        { name: 'kill', at: '100ms', say: 'It is killed.', do: [{ fault: { type: 'kill', node: 1 }, as: 'victim' }] },
        { name: 'look', after: '50ms', until: { node: 'victim', is: 'killed' }, say: 'It is dead.' },
      ],
      expect: [{ node: 'victim', is: 'killed' }],
    }),
    on.environment,
  );
  expect(report).toMatchObject({ state: 'held', problem: null, brokers: [1, 2, 3] });
  expect(report.steps[0]?.actions).toMatchObject([{ text: 'kill broker 1', error: null }]);
  expect(report.steps[0]?.beganMs).toBeGreaterThanOrEqual(90);
  expect(report.steps[1]?.beganMs).toBeGreaterThanOrEqual((report.steps[0]?.endedMs ?? 0) + 40);
  expect(on.lab.calls).toEqual(['inject kill', 'healAll']);
  expect(on.lab.faults()).toEqual([]);
});

test('a run fails when an expectation fails', async () => {
  const report = await run(withoutTopics({ expect: [{ node: 1, is: 'running' }] }), createFakes().environment);
  expect(report.state).toBe('failed');
  expect(report.expectations[0]).toMatchObject({ verdict: 'failed', measured: 'broker 1 is killed' });
});

test('a cancelled run heals a fault that was being injected', async () => {
  const on = createFakes();
  let open: () => void = () => undefined;
  on.lab.gate = new Promise((resolve) => (open = resolve));
  const cancel = new AbortController();
  const running = run(withoutTopics({}), on.environment, cancel.signal);
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

test('a step that fails breaks the run, which reports the reason and cleans up', async () => {
  const on = createFakes();
  const report = await run(
    withoutTopics({
      steps: [
        { say: 'One.', do: [{ fault: { type: 'kill', node: 1 } }] },
        { say: 'Two.', do: [{ fault: { type: 'kill', node: 9 } }] },
        { say: 'Three.' },
      ],
    }),
    on.environment,
  );
  expect(report).toMatchObject({ state: 'broken', problem: 'The cluster has no broker 9.' });
  expect(report.steps.map(({ state }) => state)).toEqual(['done', 'failed', 'skipped']);
  expect(on.lab.faults()).toEqual([]);
});

test('a condition that a step waits for in vain breaks the run', async () => {
  const report = await run(
    withoutTopics({ steps: [{ say: 'One.', until: { node: 1, is: 'frozen' }, within: '200ms' }] }),
    createFakes().environment,
  );
  expect(report.problem).toBe('Not true within 0.2 s: broker 1 is frozen. Last state: broker 1 is running.');
});

test('a run is refused while a fault is in force or too few brokers are running', async () => {
  const on = createFakes();
  await on.lab.inject({ type: 'fullDisk', node: 3 });
  expect(await run(withoutTopics({}), on.environment)).toMatchObject({
    state: 'broken',
    problem: expect.stringContaining('A fault is in force') as string,
  });
  expect(on.lab.faults()).toHaveLength(1);
  expect(await run(withoutTopics({ cluster: { brokers: 5 } }), createFakes().environment)).toMatchObject({
    problem: 'The scenario needs 5 brokers, and 3 are running.',
  });
});

test('a run does not heal a cluster that closes', async () => {
  const on = createFakes();
  const cancel = new AbortController();
  const running = runScenario(
    withoutTopics({ steps: [{ say: 'One.', do: [{ fault: { type: 'kill', node: 1 } }, { wait: '10s' }] }] }),
    on.environment,
    {
      id: 1,
      version: '0',
      signal: cancel.signal,
      abandoned: cancel.signal,
    },
  );
  await vi.waitFor(() => expect(on.lab.faults()).toHaveLength(1), { timeout: 30_000 });
  cancel.abort();
  expect((await running).state).toBe('cancelled');
  expect(on.lab.calls).toEqual(['inject kill']);
});

test('a run reports its progress through all states', async () => {
  const states: string[] = [];
  await run(withoutTopics({}), createFakes().environment, undefined, ({ state }) => states.push(state));
  expect([...new Set(states)]).toEqual(['preparing', 'running', 'settling', 'held']);
});

test('a cancelled run ends a load that was being started', async () => {
  const on = createFakes();
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
  // Without topics: no fake broker would create them.
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
  const running = run(tested, on.environment, cancel.signal);
  await vi.waitFor(() => expect(asked).toBe(true), { timeout: 30_000 });
  cancel.abort();
  open();
  expect((await running).state).toBe('cancelled');
  expect(on.loads.calls).toEqual(['start late', 'stop late', 'remove late']);
});
