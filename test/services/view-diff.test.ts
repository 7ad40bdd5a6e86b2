import { describe, expect, test } from 'vitest';
import { ViewDiff } from '../../electron/services/view-diff.ts';
import type { ClusterPatch } from '../../shared/ipc.ts';
import type { ClusterView, TopicRow } from '../../shared/models/cluster.ts';

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
  const rows = <K, Row>(old: readonly Row[], change: { set: Row[]; removed: K[] }, key: (row: Row) => K): Row[] => {
    const map = new Map(old.map((row) => [key(row), row]));
    for (const one of change.removed) map.delete(one);
    for (const row of change.set) map.set(key(row), row);
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
  test('nothing changed, nothing is said, and the version stays', () => {
    const diff = new ViewDiff();
    diff.advance(EMPTY);
    expect(diff.advance(structuredClone(EMPTY))).toBeNull();
    expect(diff.snapshot?.version).toBe(1);
  });

  test('only rows that differ travel, whole; what is gone is named', () => {
    const diff = new ViewDiff();
    diff.advance({ ...EMPTY, topics: [topic('a'), topic('b'), topic('c')] });
    const patch = diff.advance({ ...EMPTY, topics: [topic('a'), topic('b', '5')] });
    expect(patch).toMatchObject({ base: 1, version: 2, scalars: {}, topics: { set: [topic('b', '5')], removed: ['c'] } });
    expect(patch?.brokers).toEqual({ set: [], removed: [] });
  });

  test('a scalar that becomes unknown travels as null', () => {
    const diff = new ViewDiff();
    diff.advance({ ...EMPTY, controllerId: 2 });
    expect(diff.advance(EMPTY)?.scalars).toEqual({ controllerId: null });
  });

  test('a removed row that comes back is new', () => {
    const diff = new ViewDiff();
    diff.advance({ ...EMPTY, topics: [topic('a')] });
    diff.advance(EMPTY);
    expect(diff.advance({ ...EMPTY, topics: [topic('a')] })?.topics.set).toEqual([topic('a')]);
  });

  test('whoever took the snapshot and applies every patch sees what there is', () => {
    const diff = new ViewDiff();
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
