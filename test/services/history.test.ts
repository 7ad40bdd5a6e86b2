import { describe, expect, test, vi } from 'vitest';
import { applyDelta, diff } from '#shared/delta';
import { History } from '../../electron/services/history/history.ts';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '../../shared/models/cluster.ts';
import type { Moment } from '../../shared/models/history.ts';
import type { Fault } from '../../shared/models/lab.ts';
import type { LoadRow } from '../../shared/models/load.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { measureProcessorTime } from '../helpers/processor-time.ts';
import { WholeViewDiff } from '../helpers/built-view.ts';

const EMPTY: ClusterView = {
  connection: { id: 'c', name: 'c', kind: 'embedded', bootstrap: '', colour: 'flow' },
  clusterId: null,
  controllerId: null,
  brokers: [],
  topics: [],
  groups: [],
  quorum: null,
  rates: { inBytesPerSecond: null, outBytesPerSecond: null, recordsInPerSecond: null },
  unreachable: [],
  asOf: 0,
  offsetsAsOf: 0,
  groupsAsOf: 0,
};

function topic(name: string, partitions: number, step = 0): TopicRow {
  return {
    name,
    id: null,
    internal: false,
    replicationFactor: 3,
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      leader: 1 + ((partition + step) % 3),
      leaderEpoch: step,
      replicas: [1, 2, 3].map((broker) => ({ broker, state: broker === 1 + ((partition + step) % 3) ? 'leader' : 'inSync' })),
      isr: [1, 2, 3],
      startOffset: '0',
      endOffset: `${1_000_000 + step * 37 + partition}`,
      sizeBytes: `${78_000_000 + step * 4_096}`,
      error: null,
    })),
    cleanupPolicy: 'delete',
    minInsyncReplicas: 2,
    records: `${step}`,
    sizeBytes: null,
    recordsEstimated: false,
    offsetsAsOf: null,
  };
}

const group = (id: string, step: number): GroupRow => ({
  id,
  state: step % 2 === 0 ? 'Stable' : 'PreparingRebalance',
  protocolType: 'consumer',
  protocol: 'range',
  coordinator: step % 3 === 0 ? null : 1,
  members: [],
  partitions: [],
  lag: step % 5 === 0 ? null : `${step}`,
  unknown: 0,
  error: null,
  asOf: step,
});

const broker = (id: number, state: BrokerRow['state'], age: number): BrokerRow => ({
  id,
  host: '127.0.0.1',
  port: 9091 + id,
  rack: null,
  state,
  since: 5,
  isController: id === 1,
  quorumRole: 'follower',
  leaders: 1,
  replicas: 3,
  inSync: 3,
  sessionAgeMs: age,
  sessionTimeoutMs: 3_000,
  logBytes: '17',
  disk: null,
  lab: { port: 1, controllerPort: 2, running: true, memoryBytes: age },
});

const fault = (id: number): Fault => ({ id, fault: { type: 'freeze', node: 1 }, since: id, eventId: id, detail: null });

const load = (sent: number, topic: string): LoadRow => ({
  id: 1,
  spec: {
    kind: 'producer',
    name: topic,
    topic,
    clients: 1,
    recordsPerSecond: 10,
    valueBytes: 10,
    acks: 'all',
    idempotent: true,
    keys: { kind: 'none' },
    records: null,
  },
  state: 'running',
  since: 5,
  error: null,
  written: {
    sent,
    acknowledged: sent,
    failed: 0,
    waiting: 0,
    perSecond: 10,
    medianMs: null,
    p99Ms: null,
    audit: null,
  },
  consumed: null,
});

interface Recorded {
  history: History;
  /** The expected states, each valid from its `at` on. */
  truth: Moment[];
}

/** Records a cluster that changes at random, and the state after each step. */
function record(seed: number, steps: number, limits: { keepMs?: number; keepBytes?: number } = {}): Recorded {
  const random = seededRandom(seed);
  const roll = (below: number): number => random.int(below);
  const history = new History({ faults: [], loads: [], onError: (_what, error) => expect.unreachable(String(error)), ...limits });
  const monitor = new WholeViewDiff();
  const truth: Moment[] = [];
  let faults: Fault[] = [];
  let loads: LoadRow[] = [];
  let view = EMPTY;
  let at = 1_000;
  for (let step = 1; step <= steps; step++) {
    at += roll(400);
    if (roll(6) === 0 && truth.length > 0) {
      faults = roll(2) === 0 ? [...faults, fault(step)] : faults.slice(1);
      history.takeFaults(faults, at);
      truth.push({ ...(truth.at(-1) as Moment), at, faults });
      continue;
    }
    if (roll(6) === 0 && truth.length > 0) {
      const same = loads.length === 0;
      loads = roll(5) === 0 ? [] : [load(step, 'orders'), ...(roll(2) === 0 ? [load(step, 'clicks')] : [])];
      history.takeLoads(loads, at);
      // The loads did not change.
      if (same && loads.length === 0) continue;
      truth.push({ ...(truth.at(-1) as Moment), at, loads });
      continue;
    }
    const topics = new Map(view.topics.map((row) => [row.name, row]));
    const name = `t${roll(5)}`;
    if (roll(4) === 0) topics.delete(name);
    else topics.set(name, topic(name, 1 + roll(4), step));
    const groups = roll(3) === 0 ? [group(`g${roll(3)}`, step)] : view.groups;
    view = {
      ...view,
      asOf: at,
      controllerId: roll(4) === 0 ? null : 1 + roll(3),
      brokers: Array.from({ length: 1 + roll(3) }, (_, i) => broker(i + 1, roll(3) === 0 ? 'down' : 'online', roll(900))),
      topics: [...topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      groups,
      unreachable: roll(5) === 0 ? [{ broker: 1, error: 'silent', otherCluster: null }] : [],
    };
    const patch = monitor.advance(view);
    if (patch === null) continue;
    history.take(patch, at);
    truth.push({ at, version: patch.version, view, faults, loads });
  }
  return { history, truth };
}

describe('History', () => {
  test.each([1, 2, 3, 4])('returns the whole state at every point in time (seed %i)', async (seed) => {
    const { history, truth } = record(seed, 900);
    for (const packed of [false, true]) {
      if (packed) await new Promise((resolve) => setTimeout(resolve, 100));
      for (const [i, moment] of truth.entries()) {
        const next = truth[i + 1]?.at ?? moment.at + 1_000;
        // Of several states within one millisecond the last one counts.
        if (next === moment.at) continue;
        expect(history.at(moment.at)).toEqual(moment);
        expect(history.at(next - 1)).toEqual(moment);
      }
    }
  });

  test('returns null before its start, and the last state after its end', () => {
    const { history, truth } = record(5, 30);
    const first = truth[0]?.at ?? 0;
    expect(history.range()).toMatchObject({ from: first, until: truth.at(-1)?.at });
    expect(history.at(first - 1)).toBeNull();
    expect(history.at(Number.MAX_SAFE_INTEGER)).toEqual(truth.at(-1));
    const nothing = new History({ faults: null, loads: null, onError: () => undefined });
    expect(nothing.range()).toEqual({ from: null, until: null, bytes: 0 });
    expect(nothing.at(5)).toBeNull();
  });

  test('has no faults and loads of a remote cluster', () => {
    const history = new History({ faults: null, loads: null, onError: () => undefined });
    const patch = new WholeViewDiff().advance(EMPTY);
    if (patch === null) throw new Error('no patch');
    history.take(patch, 7);
    expect(history.at(7)).toEqual({ at: 7, version: 1, view: EMPTY, faults: null, loads: null });
  });

  test('refuses a patch after a gap, since the replayed state would be wrong', () => {
    const history = new History({ faults: [], loads: [], onError: () => undefined });
    const monitor = new WholeViewDiff();
    monitor.advance(EMPTY);
    const second = monitor.advance({ ...EMPTY, asOf: 4 });
    if (second === null) throw new Error('no patch');
    expect(() => history.take(second, 7)).toThrow('version 0');
  });

  test('writes a whole view of a large cluster again only after changes that weigh a part of it, or after five minutes', () => {
    const wholeViews = (gapMs: number): number => {
      const history = new History({ faults: [], loads: [], onError: (_what, error) => expect.unreachable(String(error)) });
      const monitor = new WholeViewDiff();
      const topics = Array.from({ length: 500 }, (_, i) => topic(`topic-${i}`, 1));
      const written = vi.spyOn(JSON, 'stringify');
      for (let i = 0; i < 700; i++) {
        const patch = monitor.advance({ ...EMPTY, asOf: i + 1, topics });
        if (patch !== null) history.take(patch, i * gapMs);
      }
      const count = written.mock.calls.filter(([value]) => typeof value === 'object' && value !== null && 'view' in value).length;
      written.mockRestore();
      return count;
    };
    expect(wholeViews(100)).toBe(1);
    expect(wholeViews(1_000)).toBe(3);
  });

  test('keeps its times ascending when the clock is set back', () => {
    const history = new History({ faults: [], loads: [], onError: () => undefined });
    const monitor = new WholeViewDiff();
    [900, 400, 500].forEach((at, i) => {
      const patch = monitor.advance({ ...EMPTY, asOf: i + 1 });
      if (patch !== null) history.take(patch, at);
    });
    expect(history.at(900)?.view.asOf).toBe(3);
    expect(history.at(899)).toBeNull();
  });

  test('drops its oldest blocks by age and by size', async () => {
    const { history, truth } = record(6, 3_000, { keepMs: 120_000 });
    const last = truth.at(-1)?.at ?? 0;
    const { from } = history.range();
    expect(from).toBeGreaterThan(last - 240_000);
    expect(from).toBeLessThanOrEqual(last - 120_000);
    expect(history.at(from ?? 0)).toEqual(truth.findLast(({ at }) => at === from));

    const small = record(6, 3_000, { keepBytes: 100_000 });
    // Blocks are compressed in other threads, and dropped then.
    await expect.poll(() => small.history.range().from).toBeGreaterThan(truth[0]?.at ?? 0);
    expect(small.history.at(last)).toEqual(small.truth.at(-1));
  });

  test.each([
    [100, 10],
    [10_000, 100],
  ])('is small and fast to read with %i partitions that all receive records', async (partitions, each) => {
    const history = new History({ faults: [], loads: [], onError: (_what, error) => expect.unreachable(String(error)) });
    const monitor = new WholeViewDiff();
    const still = Array.from({ length: partitions / each }, (_, i) => topic(`topic-${100 + i}`, each));
    const written = (row: TopicRow, step: number): TopicRow => ({
      ...row,
      partitions: row.partitions.map((one) => ({
        ...one,
        endOffset: `${1_000_000 + step * 53 + one.partition}`,
        sizeBytes: `${step * 4_096}`,
      })),
    });
    const spent: number[] = [];
    const STEPS = 60;
    for (let step = 1; step <= STEPS; step++) {
      const patch = monitor.advance({ ...EMPTY, asOf: step, topics: still.map((row) => written(row, step)) });
      if (patch === null) throw new Error('no patch');
      const began = performance.now();
      history.take(patch, step * 500);
      spent.push(performance.now() - began);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => history.range().bytes, { timeout: 60_000 }).toBeLessThan((64 * 1024 * 1024) / 4);
    const answer = (at: number): number => {
      const { ms, result } = measureProcessorTime(() => history.at(at));
      expect(result?.view.asOf).toBe(Math.floor(at / 500));
      return ms;
    };
    const first = answer(10_250);
    const again = answer(9_750);
    const median = spent.sort((a, b) => a - b)[STEPS / 2] ?? 0;
    console.info(
      `${partitions} partitions, all written to, 2 patches a second: ${((history.range().bytes * 2) / STEPS / 1024).toFixed(1)} KiB a second; ` +
        `a patch takes ${median.toFixed(2)} ms, a first answer ${first.toFixed(0)} ms, the next nearby ${again.toFixed(0)} ms`,
    );
    // An order of magnitude above the usual duration.
    if (partitions === 100) expect(first).toBeLessThan(400);
  });
});

describe('deltas', () => {
  test('hold what differs and nothing else', () => {
    expect(diff({ a: 1, b: [1, { c: 2 }] }, { a: 1, b: [1, { c: 3 }] })).toEqual({ b: { 1: { c: [3] } } });
    expect(diff({ a: [1] }, { a: [1] })).toBeUndefined();
    expect(diff([1], [1, 2])).toEqual([[1, 2]]);
    expect(diff({ a: 1 }, { b: 1 })).toEqual([{ b: 1 }]);
    expect(diff(null, 0)).toEqual([0]);
    expect(diff({ a: null }, { a: {} })).toEqual({ a: [{}] });
  });

  test('taken over they share what stayed, and leave what was as it was', () => {
    const before = { a: { deep: 1 }, b: [{ c: 1 }, { c: 2 }] };
    const after = applyDelta(before, { b: { 1: { c: [9] } } }) as typeof before;
    expect(after).toEqual({ a: { deep: 1 }, b: [{ c: 1 }, { c: 9 }] });
    expect(after.a).toBe(before.a);
    expect(after.b[0]).toBe(before.b[0]);
    expect(before.b[1]).toEqual({ c: 2 });
  });
});
