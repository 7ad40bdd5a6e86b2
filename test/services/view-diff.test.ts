import { describe, expect, test } from 'vitest';
import { History } from '../../electron/services/history/history.ts';
import { toClusterPatch, type ViewPatch } from '../../electron/services/view-diff.ts';
import { applyDelta, type Delta } from '../../shared/delta.ts';
import type { ClusterPatch } from '../../shared/ipc.ts';
import type { ClusterView, GroupRow, TopicRow } from '../../shared/models/cluster.ts';
import { groupPartition } from '../helpers/group-partition.ts';
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

function topic(name: string, records: string | null = '0'): TopicRow {
  return {
    name,
    id: null,
    internal: false,
    replicationFactor: 1,
    partitions: [],
    cleanupPolicy: null,
    minInsyncReplicas: null,
    records,
    sizeBytes: null,
    recordsEstimated: false,
    offsetsAsOf: null,
  };
}

/** What a renderer does with a patch. */
function apply(view: ClusterView, patch: ClusterPatch): ClusterView {
  const rows = <K, Row>(
    old: readonly Row[],
    { set, changed = [], removed }: { set: Row[]; changed?: [K, Delta][]; removed: K[] },
    key: (row: Row) => K,
  ): Row[] => {
    const map = new Map(old.map((row) => [key(row), row]));
    for (const one of removed) map.delete(one);
    for (const row of set) map.set(key(row), row);
    for (const [one, delta] of changed) map.set(one, applyDelta(map.get(one), delta) as Row);
    return [...map.values()];
  };
  return {
    ...view,
    ...patch.scalars,
    brokers: rows(view.brokers, patch.brokers, ({ id }) => id),
    topics: rows(view.topics, patch.topics, ({ name }) => name).sort((a, b) => (a.name < b.name ? -1 : 1)),
    groups: rows(view.groups, patch.groups, ({ id }) => id),
  };
}

describe('ViewDiff', () => {
  test('returns no patch and keeps the version while nothing changes', () => {
    const diff = new WholeViewDiff();
    diff.advance(EMPTY);
    expect(diff.advance(structuredClone(EMPTY))).toBeNull();
    expect(diff.snapshot?.version).toBe(1);
  });

  test('sends changed rows whole, and the ids of removed ones', () => {
    const diff = new WholeViewDiff();
    diff.advance({ ...EMPTY, topics: [topic('a'), topic('b'), topic('c')] });
    const patch = diff.advance({ ...EMPTY, topics: [topic('a'), topic('b', '5')] });
    expect(patch).toMatchObject({ base: 1, version: 2, scalars: {}, topics: { set: [topic('b', '5')], removed: ['c'] } });
    expect(patch?.brokers).toEqual({ set: [], removed: [] });
  });

  test('sends null for a scalar that becomes unknown', () => {
    const diff = new WholeViewDiff();
    diff.advance({ ...EMPTY, controllerId: 2 });
    expect(diff.advance(EMPTY)?.scalars).toEqual({ controllerId: null });
  });

  test('treats a removed row that returns as a new one', () => {
    const diff = new WholeViewDiff();
    diff.advance({ ...EMPTY, topics: [topic('a')] });
    diff.advance(EMPTY);
    expect(diff.advance({ ...EMPTY, topics: [topic('a')] })?.topics.set).toEqual([topic('a')]);
  });

  test('a receiver of the snapshot and all patches has the rows of the view', () => {
    const diff = new WholeViewDiff();
    diff.advance({ ...EMPTY, topics: [topic('a')] });
    let seen = structuredClone(diff.snapshot?.view) as ClusterView;
    let version = diff.snapshot?.version;
    const steps: ClusterView[] = [
      { ...EMPTY, asOf: 5, topics: [topic('a', null), topic('b')] },
      { ...EMPTY, asOf: 6, topics: [topic('b')], unreachable: [{ broker: 1, error: 'x', otherCluster: null }] },
      { ...EMPTY, asOf: 7, topics: [topic('a'), topic('b', '9')], controllerId: 1 },
    ];
    for (const step of steps) {
      const patch = diff.advance(step) as ClusterPatch;
      expect(patch.base).toBe(version);
      version = patch.version;
      seen = apply(seen, structuredClone(patch));
      expect(seen).toEqual(step);
    }
  });
});

/** With 50 partitions of one topic. */
function group(id: string, asOf: number | null, ends: (partition: number) => string = () => '10'): GroupRow {
  const partitions = Array.from({ length: 50 }, (_, partition) =>
    groupPartition({ topic: 'orders', partition, endOffset: ends(partition) }),
  );
  return {
    id,
    state: 'Stable',
    protocolType: 'consumer',
    protocol: 'range',
    coordinator: 1,
    members: [],
    partitions,
    lag: '0',
    unknown: 0,
    error: null,
    asOf,
  };
}

describe('toClusterPatch', () => {
  const IDS = ['a', 'b', 'c'];
  const sent = (diff: WholeViewDiff, view: ClusterView): ClusterPatch => {
    const patch = diff.advance(view);
    if (patch === null) throw new Error('nothing changed');
    return JSON.parse(JSON.stringify(toClusterPatch(patch))) as ClusterPatch;
  };

  test('sends new rows whole, and of known ones what differs', () => {
    const diff = new WholeViewDiff();
    const first = sent(diff, { ...EMPTY, groups: [group('a', 0), group('b', 0)] });
    expect(first.groups).toEqual({ set: [group('a', 0), group('b', 0)], changed: [], removed: [] });
    const ends = (partition: number): string => (partition === 7 ? '11' : '10');
    const patch = sent(diff, { ...EMPTY, groups: [group('a', 0), group('b', null, ends), group('c', 0)] });
    expect(patch.groups).toEqual({
      set: [group('c', 0)],
      changed: [['b', { asOf: [null], partitions: { 7: { endOffset: ['11'] } } }]],
      removed: [],
    });
  });

  test('an age that changes in every row costs bytes by rows, not by partitions', () => {
    const diff = new WholeViewDiff();
    const whole = JSON.stringify(sent(diff, { ...EMPTY, topics: IDS.map((id) => topic(id)), groups: IDS.map((id) => group(id, null)) }));
    const aged = { ...EMPTY, topics: IDS.map((id) => ({ ...topic(id), offsetsAsOf: 1 })), groups: IDS.map((id) => group(id, 1)) };
    const patch = sent(diff, aged);
    expect(patch.groups.changed).toEqual(IDS.map((id) => [id, { asOf: [1] }]));
    expect(patch.topics).toEqual({ set: [], changed: IDS.map((id) => [id, { offsetsAsOf: [1] }]), removed: [] });
    expect(JSON.stringify(patch).length).toBeLessThan(whole.length / 20);
  });

  test('a receiver that applies every patch has the rows of the view, whatever changes in them', () => {
    const diff = new WholeViewDiff();
    const shorter = { ...group('b', 5), partitions: group('b', 5).partitions.slice(0, 3) };
    const member = { memberId: 'm', instanceId: null, clientId: 'c', host: 'h', assignment: [{ topic: '__proto__', partitions: [0, 1] }] };
    const steps: ClusterView[] = [
      { ...EMPTY, groups: [group('a', 0), group('b', 0)] },
      { ...EMPTY, groups: [group('a', null), shorter] },
      { ...EMPTY, groups: [{ ...group('a', null, (i) => String(i)), members: [member] }, group('b', 5)], topics: [topic('__proto__')] },
      { ...EMPTY, groups: [group('b', 5)], topics: [topic('__proto__', '5')] },
      { ...EMPTY, groups: [{ ...group('a', 0), error: 'COORDINATOR_NOT_AVAILABLE', lag: null }, group('b', 5)] },
    ];
    let seen = EMPTY;
    for (const step of steps) {
      seen = apply(seen, sent(diff, step));
      expect({ ...seen, groups: seen.groups.sort((x, y) => (x.id < y.id ? -1 : 1)) }).toEqual(step);
    }
  });

  test('a history that takes the patches of this process replays the same views, by the deltas that they carry', () => {
    const [diff, history] = [new WholeViewDiff(), new History({ faults: null, loads: null, onError: () => undefined })];
    const steps: ClusterView[] = [
      { ...EMPTY, groups: [group('a', 0), group('b', 0)], topics: [topic('a')] },
      { ...EMPTY, groups: [group('a', null, (i) => String(i)), group('b', null)], topics: [{ ...topic('a'), offsetsAsOf: 3 }] },
      { ...EMPTY, groups: [group('b', 7), group('c', 0)], topics: [topic('a', '9'), topic('b')] },
    ];
    for (const [i, step] of steps.entries()) history.take(diff.advance(step) as ViewPatch, 1_000 + i);
    for (const [i, step] of steps.entries()) expect(history.at(1_000 + i)?.view).toEqual(step);
  });

  test('leaves rows whole for the services of this process', () => {
    const diff = new WholeViewDiff();
    diff.advance({ ...EMPTY, groups: [group('a', 0)] });
    const patch = diff.advance({ ...EMPTY, groups: [group('a', 1)] });
    expect(patch?.groups).toEqual({ set: [group('a', 1)], removed: [] });
  });
});

test('reads a row that was built again with the same content once', () => {
  const diff = new WholeViewDiff();
  diff.advance({ ...EMPTY, topics: [topic('a')] });
  let reads = 0;
  const again = new Proxy(topic('a'), {
    ownKeys: (row) => {
      reads += 1;
      return Reflect.ownKeys(row);
    },
  });
  expect(diff.advance({ ...EMPTY, topics: [again] })).toBeNull();
  const readsOnce = reads;
  expect(readsOnce).toBeGreaterThan(0);
  expect(diff.advance({ ...EMPTY, topics: [again] })).toBeNull();
  expect(reads).toBe(readsOnce);
});
