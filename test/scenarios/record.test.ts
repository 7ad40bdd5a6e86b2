import { describe, expect, test } from 'vitest';
import { parseScenario, formatProblem } from '../../electron/scenarios/parse.ts';
import { buildRecording, selectOutage, type RecordedTopic } from '../../electron/scenarios/record.ts';
import type { LoadRow } from '../../shared/models/load.ts';
import type { TimelineEvent, TimelineEventType } from '../../shared/models/timeline.ts';
import type { Scenario } from '../../shared/scenario-schema.ts';

const T0 = 1_000_000;
let lastId = 0;

function event(at: number, type: TimelineEventType, more: Partial<TimelineEvent> = {}): TimelineEvent {
  return { id: ++lastId, type, at: T0 + at, node: null, ...more };
}

const killed = (at: number, broker: number, faultId: number): TimelineEvent =>
  event(at, 'lab/nodeKilled', { broker, details: { faultId } });
const started = (at: number, broker: number, ...faultIds: number[]): TimelineEvent =>
  event(at, 'lab/nodeStarted', { broker, details: { faultIds } });
const cut = { type: 'partition', between: [1, 2], direction: 'both' } as const;

const ORDERS: RecordedTopic = { name: 'orders', replicas: [[2, 3, 1]], configs: { 'min.insync.replicas': '2' } };
const writer = (since: number): LoadRow => ({
  id: 1,
  spec: {
    kind: 'producer',
    name: 'writer',
    topic: 'orders',
    clients: 1,
    recordsPerSecond: 100,
    valueBytes: 100,
    acks: 'all',
    idempotent: true,
    keys: { kind: 'even', distinct: 100 },
    records: null,
  },
  state: 'running',
  since: T0 + since,
  error: null,
  written: null,
  consumed: null,
});

function recorded(
  events: TimelineEvent[],
  loads: LoadRow[] = [writer(-10_000)],
  topics = [ORDERS],
  stillBroken = false,
): { scenario: Scenario; notices: string[] } {
  const { text, notices } = buildRecording({
    events,
    loads,
    topics,
    brokers: 3,
    stillBroken,
    now: new Date(Date.UTC(2026, 10, 28, 5, 0, 0)),
  });
  const parsed = parseScenario(text);
  if (!parsed.ok) throw new Error(`${parsed.problems.map(formatProblem).join('\n')}\n${text}`);
  return { scenario: parsed.scenario, notices };
}

describe('the recording', () => {
  test('has the faults and repairs at their times, the load, and the expectations that follow', () => {
    const { scenario, notices } = recorded([
      killed(0, 2, 7),
      event(1_500, 'lab/faultInjected', { details: { faultId: 8, fault: cut, brokers: [1, 2] } }),
      event(4_000, 'lab/faultHealed', { details: { faultId: 8, fault: cut } }),
      started(6_200, 2, 7),
    ]);
    expect(notices).toEqual([]);
    expect(scenario.steps.map(({ at }) => at)).toEqual([3_000, 4_500, 7_000, 9_200]);
    expect(scenario.steps.flatMap((step) => step.do)).toEqual([
      { fault: { type: 'kill', node: 2 }, as: 'fault-1' },
      { fault: cut, as: 'fault-2' },
      { heal: 'fault-2' },
      { start: 2 },
    ]);
    expect(scenario.load).toMatchObject([{ kind: 'producer', name: 'writer', recordsPerSecond: 100 }]);
    expect(scenario.topics).toMatchObject([{ name: 'orders', replicas: [[2, 3, 1]], configs: { 'min.insync.replicas': '2' } }]);
    expect(scenario.expect).toEqual([
      { lost: 'writer', is: 'none' },
      { duplicates: 'writer', is: 'none' },
      { isr: 'orders-0', size: 3, after: 'step-4', within: 60_000 },
    ]);
    expect(scenario.title).toBe('Recorded: kill broker 2, and 1 fault more');
  });

  test('expects no full ISR while a fault is in force', () => {
    const { scenario } = recorded([killed(0, 2, 7)], undefined, undefined, true);
    expect(scenario.expect.some((one) => 'isr' in one)).toBe(false);
  });

  test('adds a producer with a notice when no load ran', () => {
    const { scenario, notices } = recorded([killed(0, 2, 7), started(5_000, 2, 7)], [], []);
    expect(scenario.load).toHaveLength(1);
    expect(notices).toHaveLength(1);
    expect(scenario.expect[0]).toEqual({ lost: 'writer', is: 'none' });
  });

  test('expects no durability of unclean topics and of producers without acks=all', () => {
    const row = writer(-10_000);
    const unclean = { ...ORDERS, configs: { 'unclean.leader.election.enable': 'true' } };
    expect(recorded([killed(0, 2, 7)], [row], [unclean]).scenario.expect.some((one) => 'lost' in one)).toBe(false);
    const hasty: LoadRow = { ...row, spec: { ...row.spec, acks: 'one', idempotent: false } as LoadRow['spec'] };
    expect(recorded([killed(0, 2, 7)], [hasty]).scenario.expect.some((one) => 'lost' in one)).toBe(false);
  });

  test('has the start, change and end of a load', () => {
    const { scenario } = recorded(
      [
        killed(0, 2, 7),
        event(1_000, 'load/started', { details: { loadId: 1 } }),
        event(2_000, 'load/changed', { details: { loadId: 1, recordsPerSecond: 50 } }),
        event(3_000, 'load/ended', { details: { loadId: 1 } }),
        started(5_000, 2, 7),
      ],
      [writer(1_000)],
    );
    const does = scenario.steps.flatMap((step) => step.do);
    expect(does.some((action) => 'run' in action && action.run.name === 'writer')).toBe(true);
    expect(does).toContainEqual({ change: 'writer', recordsPerSecond: 50 });
    expect(does).toContainEqual({ end: 'writer' });
  });

  test('is refused without a fault', () => {
    expect(() => recorded([event(0, 'load/started', { details: { loadId: 1 } })])).toThrow('No fault was injected');
  });
});

describe('selectOutage', () => {
  const now = T0 + 500_000;
  const old = [killed(-300_000, 1, 1), started(-290_000, 1, 1)];

  test('selects the last outage from its first fault', () => {
    const last = [killed(0, 2, 7), started(5_000, 2, 7)];
    expect(selectOutage([...old, ...last], null, now)).toEqual(last);
  });

  test('joins outages that follow closely', () => {
    const outage = [killed(0, 2, 7), started(5_000, 2, 7), killed(20_000, 3, 8), started(30_000, 3, 8)];
    expect(selectOutage([...old, ...outage], null, now)).toEqual(outage);
  });

  test('continues while faults overlap', () => {
    const outage = [killed(0, 2, 7), killed(1_000, 3, 8), started(2_000, 2, 7), started(200_000, 3, 8)];
    expect(selectOutage(outage, null, now)).toEqual(outage);
  });

  test('starts at the selected time', () => {
    const outage = [killed(0, 2, 7), started(5_000, 2, 7)];
    expect(selectOutage([...old, ...outage], T0 - 1, now)).toEqual(outage);
  });
});
