/** Verdicts of expectations on a fake cluster: each kind of expectation holds, fails, or is undecided. */
import { describe, expect, test } from 'vitest';
import { Expectations } from '../../electron/scenarios/expectations.ts';
import type { ExpectationReport } from '../../shared/models/scenario.ts';
import type { LoadAudit } from '../../shared/models/load.ts';
import type { ScenarioFile } from '../../shared/scenario-schema.ts';
import { CLEAN_AUDIT } from '../helpers/fake-loads.ts';
import { scenario, createHarness, type ScenarioHarness } from '../helpers/scenario-harness.ts';

type Expected = ScenarioFile['expect'][number];

/** The verdict on one expectation after `set` has changed the fake cluster. */
async function verdict(one: Expected, set: (harness: ScenarioHarness) => void, audit: LoadAudit = CLEAN_AUDIT): Promise<ExpectationReport> {
  const steps: ScenarioFile['steps'] = [
    {
      name: 'kill',
      say: 'It is killed.',
      do: [
        { fault: { type: 'kill', node: 1 }, as: 'victim' },
        { read: 'orders', view: 'cache' },
      ],
    },
  ];
  const harness = await createHarness(scenario({ steps, expect: [one] }));
  set(harness);
  const expectations = new Expectations(harness.context, () => undefined);
  const now = performance.now();
  expectations.begin(now);
  expectations.passed('kill', { began: now, ended: performance.now() });
  await expectations.watched();
  await expectations.atEnd(performance.now());
  expectations.audited(new Map([['writer', audit]]));
  expectations.close('over');
  const [report] = expectations.reports;
  if (report === undefined) throw new Error('none');
  return report;
}

const nothing = (): void => undefined;
const lost: LoadAudit = {
  ...CLEAN_AUDIT,
  found: 88,
  lost: 12,
  lostRanges: [{ from: 40, to: 51, partition: 0, offset: '40', count: 12 }],
};

const CASES: readonly (readonly [
  what: string,
  one: Expected,
  holds: (harness: ScenarioHarness) => void,
  fails: (harness: ScenarioHarness) => void,
])[] = [
  [
    'another leader',
    { leader: 'orders-0', isNot: 'victim' },
    ({ observer }) => (observer.seen = { leader: 2, isr: [2], replicas: [1, 2] }),
    nothing,
  ],
  [
    'the leader',
    { leader: 'orders-0', is: 'victim' },
    nothing,
    ({ observer }) => (observer.seen = { leader: 2, isr: [2], replicas: [1, 2] }),
  ],
  [
    'no leader',
    { leader: 'orders-0', is: 'none' },
    ({ observer }) => (observer.seen = { leader: null, isr: [1], replicas: [1, 2] }),
    nothing,
  ],
  [
    'the size of an ISR',
    { isr: 'orders-0', size: 3 },
    nothing,
    ({ observer }) => (observer.seen = { leader: 1, isr: [1], replicas: [1, 2] }),
  ],
  [
    'a member of an ISR',
    { isr: 'orders-0', has: 'victim' },
    nothing,
    ({ observer }) => (observer.seen = { leader: 2, isr: [2], replicas: [1, 2] }),
  ],
  [
    'a replica outside an ISR',
    { isr: 'orders-0', lacks: 'victim' },
    ({ observer }) => (observer.seen = { leader: 2, isr: [2], replicas: [1, 2] }),
    nothing,
  ],
  ['a lag', { lag: 'readers', atMost: 10 }, nothing, ({ observer }) => (observer.lagNow = 11n)],
  ['members', { members: 'readers', are: 2 }, nothing, ({ observer }) => (observer.groupNow = { state: 'PreparingRebalance', members: 2 })],
  [
    'a counter',
    { counter: 'writer.acknowledged', atLeast: 100 },
    nothing,
    ({ loads }) => Object.assign(loads.rows[0]?.written ?? {}, { acknowledged: 99 }),
  ],
  ['a node', { node: 'victim', is: 'running' }, nothing, ({ lab }) => void lab.inject({ type: 'kill', node: 1 })],
  ['a write', { writable: 'orders-0' }, nothing, ({ observer }) => (observer.refusal = 'NOT_ENOUGH_REPLICAS')],
  [
    'a refusal',
    { refused: 'orders-0', with: 'NOT_ENOUGH_REPLICAS' },
    ({ observer }) => (observer.refusal = 'NOT_ENOUGH_REPLICAS'),
    ({ observer }) => (observer.refusal = 'REQUEST_TIMED_OUT'),
  ],
  [
    'skew',
    { skew: 'orders', atLeast: 0.7 },
    ({ observer }) => (observer.sizesNow = [80n, 20n]),
    ({ observer }) => (observer.sizesNow = [60n, 40n]),
  ],
  [
    'a value',
    { value: 'alice', of: 'orders', is: '2' },
    ({ observer }) => (observer.records = [record('alice', '1'), record('alice', '2')]),
    ({ observer }) => (observer.records = [record('alice', '1')]),
  ],
  [
    'a deleted key',
    { value: 'alice', of: 'orders', gone: true },
    ({ observer }) => (observer.records = [record('alice', '1'), record('alice', null)]),
    ({ observer }) => (observer.records = [record('alice', '1')]),
  ],
  [
    'records of a key',
    { stored: 'alice', of: 'orders', atMost: 0 },
    nothing,
    ({ observer }) => (observer.records = [record('alice', null)]),
  ],
  [
    'a view',
    { view: 'cache', key: 'alice', is: '1' },
    ({ context }) => context.view('cache').values.set('alice', '1'),
    ({ context }) => context.view('cache').values.set('alice', '2'),
  ],
];

function record(key: string, value: string | null): { partition: number; offset: bigint; key: string; value: string | null } {
  return { partition: 0, offset: 0n, key, value };
}

describe('at the end', () => {
  test.each(CASES)('%s holds and fails', async (_what, one, holds, fails) => {
    expect((await verdict(one, holds)).verdict).toBe('held');
    const failed = await verdict(one, fails);
    expect(failed.verdict).toBe('failed');
    expect(failed.measured).not.toBeNull();
  });

  test('an expectation is undecided while the state is unknown', async () => {
    expect((await verdict({ lag: 'readers', atMost: 0 }, ({ observer }) => (observer.lagNow = null))).verdict).toBe('undecided');
    expect((await verdict({ isr: 'orders-0', size: 3 }, ({ observer }) => (observer.seen = null))).verdict).toBe('undecided');
    expect(
      (await verdict({ counter: 'writer.p99Ms', atMost: 5 }, ({ loads }) => Object.assign(loads.rows[0]?.written ?? {}, { p99Ms: null })))
        .verdict,
    ).toBe('undecided');
  });
});

describe('within a time', () => {
  test('an expectation holds when its condition becomes true, with the elapsed time', async () => {
    const report = await verdict({ isr: 'orders-0', size: 3, after: 'kill', within: '50s' }, ({ observer }) => {
      observer.seen = { leader: 1, isr: [1], replicas: [1, 2, 3] };
      setTimeout(() => (observer.seen = { leader: 1, isr: [1, 2, 3], replicas: [1, 2, 3] }), 250);
    });
    expect(report.verdict).toBe('held');
    expect(report.figure).toBeGreaterThanOrEqual(200);
    expect(report.measured).toMatch(/^after \d/);
  });

  test('an expectation fails when its condition stays false, with the last state', async () => {
    const report = await verdict({ isr: 'orders-0', size: 3, after: 'kill', within: '200ms' }, ({ observer }) => {
      observer.seen = { leader: 1, isr: [1, 2], replicas: [1, 2, 3] };
    });
    expect(report).toMatchObject({ verdict: 'failed', measured: 'not within 0.2 s: ISR: 1, 2' });
  });

  test('an expectation is undecided when the state was unknown for the whole time', async () => {
    const report = await verdict({ isr: 'orders-0', size: 3, after: 'kill', within: '200ms' }, ({ observer }) => (observer.seen = null));
    expect(report.verdict).toBe('undecided');
  });

  test('an event counts from the end of its step, filtered by broker', async () => {
    const one: Expected = { event: 'cluster/brokerFenced', of: 'victim', after: 'kill', within: '400ms' };
    // Ends with the event. A busy machine may delay this process by more than 400 ms.
    const patient: Expected = { ...one, within: '60s' };
    const later =
      (broker: number) =>
      ({ lab }: ScenarioHarness): void =>
        void setTimeout(() => lab.happen({ type: 'cluster/brokerFenced', broker }), 100);
    expect((await verdict(patient, later(1))).verdict).toBe('held');
    expect((await verdict(one, later(2))).verdict).toBe('failed');
    expect((await verdict(one, ({ lab }) => lab.happen({ type: 'cluster/brokerFenced', broker: 1 }))).verdict).toBe('failed');
  });
});

describe('counted', () => {
  const rebalance = ({ lab }: ScenarioHarness, group: string, times: number): void => {
    for (let i = 0; i < times; i++) setTimeout(() => lab.happen({ type: 'group/rebalanceStarted', group }), 20);
  };
  const one: readonly Expected[] = [{ rebalances: 'readers', atMost: 1 }];

  test.each([
    [1, 'held'],
    [2, 'failed'],
  ] as const)('%i rebalances: %s', async (times, wanted) => {
    const harness = await createHarness(scenario({ expect: [...one] }));
    const expectations = new Expectations(harness.context, () => undefined);
    // Before the steps begin: does not count.
    harness.lab.happen({ type: 'group/rebalanceStarted', group: 'readers' });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expectations.begin(performance.now());
    rebalance(harness, 'readers', times);
    rebalance(harness, 'others', 3);
    await new Promise((resolve) => setTimeout(resolve, 80));
    await expectations.atEnd(performance.now());
    expect(expectations.reports[0]).toMatchObject({ verdict: wanted, figure: times });
  });
});

describe('acknowledged records', () => {
  test('"lost: none" fails with the ranges of lost records', async () => {
    expect((await verdict({ lost: 'writer', is: 'none' }, nothing)).verdict).toBe('held');
    const report = await verdict({ lost: 'writer', is: 'none' }, nothing, lost);
    expect(report).toMatchObject({ verdict: 'failed', figure: 12 });
    expect(report.measured).toBe('12 of 100 acknowledged are missing: 12 of the numbers 40 to 51 in partition 0, from offset 40 on');
  });

  test('"lost: some" holds when records are lost', async () => {
    expect((await verdict({ lost: 'writer', is: 'some' }, nothing, lost)).verdict).toBe('held');
    expect((await verdict({ lost: 'writer', is: 'some' }, nothing)).verdict).toBe('failed');
    expect((await verdict({ lost: 'writer', is: 12 }, nothing, lost)).verdict).toBe('held');
    expect((await verdict({ lost: 'writer', is: 11 }, nothing, lost)).verdict).toBe('failed');
  });

  test('an incomplete audit and a producer without acknowledged records are undecided', async () => {
    expect((await verdict({ lost: 'writer', is: 'none' }, nothing, { ...CLEAN_AUDIT, complete: false })).verdict).toBe('undecided');
    expect((await verdict({ lost: 'writer', is: 'none' }, nothing, { ...CLEAN_AUDIT, acknowledged: 0, found: 0 })).verdict).toBe(
      'undecided',
    );
  });

  test('"duplicates: none" fails when a record is duplicated', async () => {
    expect((await verdict({ duplicates: 'writer', is: 'none' }, nothing)).verdict).toBe('held');
    expect((await verdict({ duplicates: 'writer', is: 'none' }, nothing, { ...CLEAN_AUDIT, duplicated: 1 })).verdict).toBe('failed');
  });
});

test('an expectation that follows a step which did not run is undecided', async () => {
  const harness = await createHarness(
    scenario({
      expect: [
        { writable: 'orders-0', after: 'kill', within: '1s' },
        { events: 'node/failed', after: 'kill', atMost: 0 },
      ],
    }),
  );
  const expectations = new Expectations(harness.context, () => undefined);
  expectations.begin(performance.now());
  await expectations.watched();
  await expectations.atEnd(performance.now());
  expectations.close('the run ended');
  expect(expectations.reports.map((one) => one.verdict)).toEqual(['undecided', 'undecided']);
});
