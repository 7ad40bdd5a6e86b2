/** The view that is built from marks is the one that is built from nothing, and its patches make the same one at every receiver. */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { History } from '../../../electron/services/history/history.ts';
import { ViewDiff, toClusterPatch } from '../../../electron/services/view-diff.ts';
import { ViewBuilder } from '../../../electron/services/view/build.ts';
import { emptyState, type ClusterState, type GroupState } from '../../../electron/services/view/state.ts';
import { applyPatch, stateOf } from '../../../renderer/stores/cluster-state.ts';
import type { ClusterPatch } from '../../../shared/ipc.ts';
import type { ClusterView, Connection } from '../../../shared/models/cluster.ts';
import { buildView, viewAfter } from '../../helpers/built-view.ts';
import { RandomCluster } from './random-cluster.ts';

const CONNECTION: Connection = { id: 'c', name: 'c', kind: 'remote', bootstrap: '', colour: 'flow' };
const STEPS = 300;
const READING = { offset: 1n, metadata: null, changedAt: null, isCommittedKnown: true, bounds: { error: 'REQUEST_TIMED_OUT' } };
const NO_TOPICS = {
  throttleTimeMs: 0,
  brokers: [],
  clusterId: 'c',
  controllerId: 1,
  topics: [],
  clusterAuthorizedOperations: 0,
  errorCode: 0,
};

/** Rows are kept by the objects that they are made of: a copy has none that was seen before. */
function copyOf(state: ClusterState): ClusterState {
  const { topics, offsets, sizes, topicSettings, groups, unread, ...rest } = state;
  const copy = { ...emptyState(), ...rest, changes: emptyState().changes };
  for (const [name, topic] of topics) copy.topics.set(name, structuredClone(topic));
  for (const [name, one] of offsets) copy.offsets.set(name, one);
  for (const [name, one] of sizes) copy.sizes.set(name, one);
  for (const [name, one] of topicSettings) copy.topicSettings.set(name, one);
  for (const [id, group] of groups) copy.groups.set(id, structuredClone(group));
  for (const [id, one] of unread) copy.unread.set(id, one);
  return copy;
}

const overTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The rows of a receiver, in the order of the view. */
function viewOf({ scalars, brokers, topics, groups }: ReturnType<typeof stateOf>): ClusterView {
  const byKey = <Key, Row>(rows: ReadonlyMap<Key, Row>): Row[] => [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  if (scalars === null) throw new Error('the receiver has no view');
  return { ...scalars, brokers: byKey(brokers), topics: byKey(topics), groups: byKey(groups) };
}

describe('the view after any sequence of part rounds', () => {
  const seeds = Array.from({ length: 8 }, (_, seed) => seed);
  test.each(seeds)('equals the one that is built from nothing, at main, renderers and history (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const cluster = new RandomCluster(random, seed % 2 === 0);
    const builder = new ViewBuilder(CONNECTION, cluster.state);
    const published = new ViewDiff();
    const history = new History({ faults: null, loads: null, onError: (_what, error) => expect.unreachable(String(error)) });
    const receivers: ReturnType<typeof stateOf>[] = [];
    const seen = { topics: 0, groups: 0, ages: 0, removed: 0 };
    for (let step = 0; step < STEPS; step++) {
      const round = await cluster.step();
      const patch = published.advance(builder.build());
      const view = published.snapshot?.view;
      const where = `seed ${seed}, step ${step}, part ${round}`;
      expect(view, where).toEqual(buildView(CONNECTION, copyOf(cluster.state)));
      if (view === undefined) throw new Error('nothing was published');
      if (patch !== null) {
        history.take(patch, step);
        const sent = overTheWire<ClusterPatch>(toClusterPatch(patch));
        for (const receiver of receivers) expect(applyPatch(receiver, structuredClone(sent)), where).not.toBeNull();
        seen.removed += patch.topics.removed.length + patch.groups.removed.length;
      }
      // A client that comes later has the whole view, and follows by patches as well.
      if (step % 100 === 0) receivers.push(stateOf(overTheWire(view), published.snapshot?.version ?? -1));
      for (const receiver of receivers) expect(viewOf(receiver), where).toEqual(view);
      for (const receiver of receivers) expect(receiver, where).toEqual(stateOf(viewOf(receiver), published.snapshot?.version ?? -1));
      if (step % 20 === 0) expect(history.at(step)?.view, where).toEqual(view);
      seen.topics += patch?.deltas.topics.size ?? 0;
      seen.groups += patch?.deltas.groups.size ?? 0;
      seen.ages += view.topics.filter(({ offsetsAsOf }) => offsetsAsOf !== null).length;
    }
    // The sequence has changed something of each kind.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(5);
  });
});

describe('inputs that many rows share', () => {
  const group: GroupState = {
    listed: { id: 'g', coordinator: 1, protocolType: 'consumer', type: 'classic' },
    described: null,
    error: null,
    readings: new Map([['a', new Map()]]),
  };

  test('ages equal those of a view that is built from nothing, after any rounds, in any order of their times', () => {
    const random = seededRandom(11);
    const state = emptyState();
    const ids = ['g', 'h', 'i'];
    let now = 100;
    for (const id of ids) state.groups.set(id, { ...group, listed: { ...group.listed, id } });
    const [builder, published] = [new ViewBuilder(CONNECTION, state), new ViewDiff()];
    for (let step = 0; step < 1_000; step++) {
      const times = random.int(2) === 0 ? state.descriptionTimes : state.lagTimes;
      const some = ids.filter(() => random.int(2) === 0);
      // Almost always the clock runs forward.
      now += random.int(50) === 0 ? -random.int(20) : random.int(3);
      times.note(some, now);
      expect(viewAfter(builder, published), `step ${step}`).toEqual(buildView(CONNECTION, copyOf(state)));
    }
  });

  test('groups that were read before the first metadata state which topics do not exist once it is known', () => {
    const state = emptyState();
    state.groups.set('g', { ...group, readings: new Map([['a', new Map([[0, READING]])]]) });
    const [builder, published] = [new ViewBuilder(CONNECTION, state), new ViewDiff()];
    const absent = () => viewAfter(builder, published).groups[0]?.partitions[0]?.absent;
    expect(absent()).toBeNull();
    state.metadata = { ...NO_TOPICS };
    expect(absent()).toBe('topic');
  });
});

describe('an update builds only rows whose inputs changed', () => {
  async function settled(seed: number): Promise<{ cluster: RandomCluster; builder: ViewBuilder; published: ViewDiff }> {
    const cluster = new RandomCluster(seededRandom(seed), false);
    const builder = new ViewBuilder(CONNECTION, cluster.state);
    const published = new ViewDiff();
    for (let step = 0; step < 100; step++) await cluster.step();
    viewAfter(builder, published);
    return { cluster, builder, published };
  }

  test('builds nothing where nothing changed', async () => {
    const { builder } = await settled(1);
    const { topics, groups } = builder.build();
    expect([topics.size, groups.size]).toEqual([0, 0]);
  });

  test('builds one topic where its offsets changed, and one group where its readings did', async () => {
    const { cluster, builder } = await settled(2);
    const { state } = cluster;
    const [name = ''] = state.topics.keys();
    state.offsets.set(name, { topicId: 'other', partitions: new Map() });
    expect([...builder.build().topics.keys()]).toEqual([name]);
    const [[id, group] = []] = state.groups;
    if (id === undefined || group === undefined) throw new Error('the cluster has no group');
    state.groups.set(id, { ...group });
    const { topics, groups } = builder.build();
    expect([[...topics.keys()], [...groups.keys()]]).toEqual([[], [id]]);
  });

  test('builds the groups that read a topic whose metadata changed, and no others', async () => {
    const { cluster, builder, published } = await settled(3);
    const groups = published.snapshot?.view.groups ?? [];
    const counts = new Set<number>();
    for (const [name, topic] of cluster.state.topics) {
      const readers = groups.filter(({ partitions }) => partitions.some((one) => one.topic === name)).map(({ id }) => id);
      cluster.state.topics.set(name, { ...topic });
      expect([...builder.build().groups.keys()]).toEqual(readers);
      counts.add(readers.length);
    }
    expect(counts.size).toBeGreaterThan(1);
  });

  test('builds no row where a round reads the same topics and groups as the one before', async () => {
    const { cluster, builder } = await settled(4);
    const { offsetTimes, lagTimes, descriptionTimes, topics, groups } = cluster.state;
    const note = (at: number): void => {
      offsetTimes.note(topics.keys(), at);
      lagTimes.note(groups.keys(), at);
      descriptionTimes.note(groups.keys(), at);
    };
    const later = cluster.clock.instant().wallMs + 60_000;
    note(later);
    builder.build();
    note(later + 1_000);
    const built = builder.build();
    expect([built.topics.size, built.groups.size]).toEqual([0, 0]);
  });
});
