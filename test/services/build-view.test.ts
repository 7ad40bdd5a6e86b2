import { describe, expect, test, vi } from 'vitest';
import { ViewBuilder } from '../../electron/services/view/build.ts';
import { ViewDiff } from '../../electron/services/view-diff.ts';
import { emptyState, type ClusterState, type GroupReading, type GroupState } from '../../electron/services/view/state.ts';
import type { LabNode } from '../../electron/services/lab.ts';
import type { Connection } from '../../shared/models/cluster.ts';
import { buildView, viewAfter } from '../helpers/built-view.ts';

const CONNECTION: Connection = { id: 'embedded', name: 'desk', kind: 'embedded', bootstrap: 'a:1', colour: 'flow' };
type Metadata = NonNullable<ClusterState['metadata']>;
type Partition = Metadata['topics'][number]['partitions'][number];

function partition(index: number, leaderId: number, replicas: number[], isr: number[], offline: number[] = []): Partition {
  return {
    errorCode: leaderId < 0 ? 5 : 0,
    partitionIndex: index,
    leaderId,
    leaderEpoch: 3,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: offline,
  };
}

function stateWith(brokers: number[], partitions: Partition[]): ClusterState {
  const state = emptyState();
  state.metadata = {
    throttleTimeMs: 0,
    brokers: brokers.map((nodeId) => ({ nodeId, host: 'a', port: 9092 + nodeId, rack: null })),
    clusterId: 'c',
    controllerId: 1,
    topics: [{ errorCode: 0, name: 'orders', topicId: 'q'.repeat(22), isInternal: false, partitions, topicAuthorizedOperations: 0 }],
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
  for (const topic of state.metadata.topics) state.topics.set(topic.name ?? '', topic);
  state.seenBrokers = new Map(brokers.map((id) => [id, { host: 'a', port: 9092 + id, rack: null, goneSince: null }]));
  return state;
}

function node(id: number, state: LabNode['state']): LabNode {
  return {
    id,
    state,
    reason: null,
    role: null,
    host: '127.0.0.1',
    port: 9092 + id,
    controllerPort: 9192 + id,
    zookeeperPort: 2181 + id,
    since: 5,
    sessionAgeMs: null,
    sessionTimeoutMs: 3_000,
    memoryBytes: null,
    inBytes: 0,
    outBytes: 0,
  };
}

const GROUP: GroupState = {
  listed: { id: 'g', coordinator: 1, protocolType: 'consumer', type: 'classic' },
  described: null,
  error: null,
  readings: new Map(),
};

/** Log start and end by partition of topic orders. */
function setBounds(state: ClusterState, bounds: Record<number, [bigint, bigint]>): void {
  const partitions = new Map(Object.entries(bounds).map(([index, [start, end]]) => [Number(index), { start, end, stable: null }]));
  state.offsets.set('orders', { topicId: 'q'.repeat(22), partitions });
}

const first = (state: ClusterState) => buildView(CONNECTION, state).topics[0]?.partitions[0];
const states = (state: ClusterState) => first(state)?.replicas.map((replica) => replica.state);
const broker = (state: ClusterState, id: number) => buildView(CONNECTION, state).brokers.find((row) => row.id === id);

describe('the view of a broken cluster', () => {
  test('is unknown before a broker has answered, and nodes of the embedded cluster are starting', () => {
    const state = { ...emptyState(), nodes: [node(1, 'starting')] };
    expect(buildView(CONNECTION, state)).toMatchObject({ clusterId: null, controllerId: null, asOf: 0, topics: [] });
    expect(broker(state, 1)).toMatchObject({ state: 'starting', leaders: null, replicas: null, logBytes: null });
  });

  test('leader, in sync, lagging', () => {
    expect(states(stateWith([1, 2, 3], [partition(0, 2, [1, 2, 3], [2, 3])]))).toEqual(['lagging', 'leader', 'inSync']);
  });

  test('a killed node is offline at once, although the metadata still lists it as leader', () => {
    const state = stateWith([1, 2], [partition(0, 1, [1, 2], [1, 2])]);
    state.nodes = [node(1, 'killed'), node(2, 'running')];
    // Its leader is dead, whatever the metadata says, so the other one waits for an election.
    expect(states(state)).toEqual(['offline', 'electing']);
    expect(broker(state, 1)?.state).toBe('down');
  });

  test('keeps the ISR of the metadata, with brokers that are down', () => {
    const state = stateWith([1, 2, 3], [partition(0, 1, [1, 2, 3], [1, 2, 3]), partition(1, 2, [2, 3], [2, 3]), partition(2, -1, [2], [2], [2])]); // prettier-ignore
    state.nodes = [node(1, 'running'), node(2, 'killed'), node(3, 'running')];
    const rows = buildView(CONNECTION, state).topics[0]?.partitions.map(({ leader, isr }) => ({ leader, isr }));
    expect(rows).toEqual([
      { leader: 1, isr: [1, 2, 3] },
      { leader: null, isr: [2, 3] },
      { leader: null, isr: [2] },
    ]);
  });

  test('without a leader the living replicas wait for an election, the dead are offline', () => {
    const state = stateWith([2], [partition(0, -1, [1, 2], [1], [1])]);
    expect(first(state)).toMatchObject({ leader: null, error: 'LEADER_NOT_AVAILABLE', endOffset: null });
    expect(states(state)).toEqual(['offline', 'electing']);
  });

  test('records of a topic are unknown as soon as one partition is, never a sum of the rest', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1]), partition(1, -1, [2], [2], [2])]);
    setBounds(state, { 0: [2n, 10n] });
    const [topic] = buildView(CONNECTION, state).topics;
    expect(topic).toMatchObject({ records: null, sizeBytes: null });
    setBounds(state, { 0: [2n, 10n], 1: [0n, 5n] });
    expect(buildView(CONNECTION, state).topics[0]?.records).toBe('13');
  });

  test('a broker that is no longer listed stays, down since it was missed', () => {
    const state = stateWith([1], []);
    state.seenBrokers = new Map([...state.seenBrokers, [2, { host: 'b', port: 1, rack: null, goneSince: 77 }]]);
    expect(broker(state, 2)).toMatchObject({ state: 'down', host: 'b', since: 77 });
  });

  test('does not list a broker that was removed from the embedded cluster', () => {
    const state = stateWith([1], []);
    state.seenBrokers = new Map([...state.seenBrokers, [2, { host: 'b', port: 1, rack: null, goneSince: 77 }]]);
    state.nodes = [node(1, 'running')];
    expect(broker(state, 2)).toBeUndefined();
  });

  test('shows a suspended node as frozen, not down: it can be thawed, not started', () => {
    const state = stateWith([1, 2], []);
    state.nodes = [node(1, 'frozen'), node(2, 'running')];
    expect(broker(state, 1)?.state).toBe('frozen');
    expect(broker(state, 1)?.lab?.running).toBe(true);
  });

  test('running and unlisted is fenced; listed and silent is unreachable', () => {
    const state = stateWith([1, 3], []);
    state.nodes = [node(1, 'running'), node(2, 'running')];
    state.unreachable.set(3, 'no answer');
    expect(broker(state, 1)?.state).toBe('online');
    expect(broker(state, 2)?.state).toBe('fenced');
    expect(broker(state, 3)?.state).toBe('unreachable');
  });
});

describe('lag of a partition', () => {
  const committed = (offset: bigint | null) => ({ offset, metadata: null, changedAt: null, isCommittedKnown: true });
  const stateOf = (readings: Record<number, GroupReading>, partitions = 1): ClusterState => {
    const all = Array.from({ length: partitions }, (_, index) => partition(index, 1, [1], [1]));
    const state = stateWith([1], all);
    state.groups.set('g', { ...GROUP, readings: new Map([['orders', readingsOf(readings)]]) });
    return state;
  };
  const readingsOf = (readings: Record<number, GroupReading>) =>
    new Map(Object.entries(readings).map(([index, reading]) => [Number(index), reading]));
  const rowOf = (state: ClusterState) => buildView(CONNECTION, state).groups[0];
  const lagOf = (offset: bigint | null, [start, end]: [bigint, bigint], stable: bigint | null = end) =>
    rowOf(stateOf({ 0: { ...committed(offset), bounds: { start, end, stable } } }))?.partitions[0];

  test('is what can still be read; what was deleted before it was read is apart', () => {
    expect(lagOf(3n, [0n, 10n])).toMatchObject({ lag: '7', unknown: null, goneBeforeRead: null, beyondEnd: null });
    // 10,000 records, 100 committed, all deleted, five more written.
    expect(lagOf(100n, [10_000n, 10_005n])).toMatchObject({ lag: '5', goneBeforeRead: '9900', beyondEnd: null });
    expect(lagOf(100n, [10_000n, 10_000n])).toMatchObject({ lag: '0', goneBeforeRead: '9900' });
  });

  test('is 0 and marked where the committed offset is beyond the end', () => {
    expect(lagOf(20_000n, [0n, 10_005n])).toMatchObject({ lag: '0', beyondEnd: '9995', goneBeforeRead: null });
    expect(lagOf(10_005n, [0n, 10_005n])).toMatchObject({ lag: '0', beyondEnd: null });
  });

  test('is unknown where a log with records was never committed, and 0 where the log is empty', () => {
    expect(lagOf(null, [0n, 4n])).toMatchObject({ lag: null, unknown: 'neverCommitted', committed: null });
    expect(lagOf(null, [0n, 0n])).toMatchObject({ lag: '0', unknown: null });
    expect(lagOf(null, [9n, 9n])).toMatchObject({ lag: '0', unknown: null });
  });

  test('names an open transaction, and none where the last stable offset is the end or was not reported', () => {
    expect(lagOf(3n, [0n, 10n], 7n)?.openTransaction).toBe(true);
    expect(lagOf(3n, [0n, 10n], 10n)?.openTransaction).toBe(false);
    expect(lagOf(3n, [0n, 10n], null)?.openTransaction).toBe(false);
  });

  test('is unknown while its leader or its coordinator does not answer, and the sum is a lower bound', () => {
    const bounds = { start: 0n, end: 10n, stable: null };
    const state = stateOf(
      {
        0: { ...committed(3n), bounds },
        1: { ...committed(3n), bounds: { error: 'LEADER_NOT_AVAILABLE' } },
        2: { ...committed(3n), isCommittedKnown: false, bounds },
      },
      3,
    );
    const row = rowOf(state);
    expect(row).toMatchObject({ lag: '7', unknown: 2 });
    expect(row?.partitions.map(({ lag, unknown }) => [lag, unknown])).toEqual([
      ['7', null],
      [null, 'offsets'],
      [null, 'committed'],
    ]);
    expect(row?.partitions[2]?.committed).toBe('3');
  });

  test('of a group of which nothing is known is unknown, never 0', () => {
    const state = stateOf({ 0: { ...committed(3n), bounds: { error: 'REQUEST_TIMED_OUT' } } });
    expect(rowOf(state)).toMatchObject({ lag: null, unknown: 1 });
  });

  test('counts no partition and no topic that does not exist', () => {
    const bounds = { error: 'UNKNOWN_TOPIC_OR_PARTITION' };
    const state = stateOf({ 0: { ...committed(3n), bounds: { start: 0n, end: 10n, stable: null } }, 5: { ...committed(8n), bounds } });
    const group = state.groups.get('g') as GroupState;
    state.groups.set('g', {
      ...group,
      readings: new Map([...group.readings, ['deleted', readingsOf({ 0: { ...committed(4n), bounds } })]]),
    });
    const row = rowOf(state);
    expect(row).toMatchObject({ lag: '7', unknown: 0 });
    expect(row?.partitions.map(({ topic, partition: index, absent, lag, unknown }) => [topic, index, absent, lag, unknown])).toEqual([
      ['deleted', 0, 'topic', null, null],
      ['orders', 0, null, '7', null],
      ['orders', 5, 'partition', null, null],
    ]);
  });

  test('shows each partition of a topic that a member reads, committed or not', () => {
    const state = stateOf({}, 2);
    const assignment = [{ topic: 'orders', partitions: [1] }];
    const member = { memberId: 'm', instanceId: null, clientId: 'c', host: 'h', assignment };
    const described = {
      id: 'g',
      coordinator: 1,
      state: 'Stable' as const,
      protocolType: 'consumer',
      protocol: null,
      members: [member],
      error: null,
    };
    state.groups.set('g', { ...GROUP, described });
    expect(rowOf(state)?.partitions.map((one) => [one.partition, one.memberId, one.unknown])).toEqual([
      [0, null, 'offsets'],
      [1, 'm', 'offsets'],
    ]);
  });
});

describe('rows', () => {
  test('keep their objects while nothing that they are made of changes', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1])]);
    state.groups.set('g', GROUP);
    setBounds(state, { 0: [0n, 4n] });
    const [builder, published] = [new ViewBuilder(CONNECTION, state), new ViewDiff()];
    const view = () => viewAfter(builder, published);
    const before = view();
    expect(view().topics).toBe(before.topics);
    expect(view().groups).toBe(before.groups);
    setBounds(state, { 0: [0n, 5n] });
    const after = view();
    expect(after.topics[0]?.records).toBe('5');
    expect(after.groups).toBe(before.groups);
    state.nodes = [node(1, 'killed')];
    expect(view().topics[0]?.partitions[0]?.leader).toBeNull();
    state.topicSettings.set('orders', new Map([['cleanup.policy', 'compact']]));
    expect(view().topics[0]).toMatchObject({ cleanupPolicy: 'compact', recordsEstimated: true });
  });

  test('of 2,000 topics and 3,000 groups are built in time that grows with their number, not with the product', () => {
    const state = emptyState();
    const topics = Array.from({ length: 2_000 }, (_, i) => ({
      errorCode: 0,
      name: `topic-${i}`,
      topicId: 'q'.repeat(22),
      isInternal: false,
      partitions: Array.from({ length: 5 }, (_unused, index) => partition(index, 1, [1], [1])),
      topicAuthorizedOperations: 0,
    }));
    state.metadata = {
      throttleTimeMs: 0,
      brokers: [],
      clusterId: 'c',
      controllerId: 1,
      topics,
      clusterAuthorizedOperations: 0,
      errorCode: 0,
    };
    // A group must look its own topics up: reading all of them, as by iteration, fails here.
    for (const topic of topics) state.topics.set(topic.name, topic);
    const reads = (['keys', 'values', 'entries', 'forEach', Symbol.iterator] as const).map((name) => vi.spyOn(state.topics, name));
    for (let i = 0; i < 3_000; i++) {
      const reading = { offset: 1n, metadata: null, changedAt: null, isCommittedKnown: true, bounds: { start: 0n, end: 3n, stable: null } };
      state.groups.set(`group-${i}`, { ...GROUP, readings: new Map([[`topic-${i % 2_000}`, new Map([[0, reading]])]]) });
    }
    const view = buildView(CONNECTION, state);
    expect(view.groups).toHaveLength(3_000);
    expect(view.groups[0]).toMatchObject({ lag: '2', unknown: 4 });
    // Of the list of topics alone.
    expect(reads.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBeLessThan(10);
  });
});

describe('the age of figures', () => {
  const rows = (state: ClusterState) => buildView(CONNECTION, state);

  test('is that of the last round of offsets for topics that it read, and their own for the others', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1])]);
    expect(rows(state)).toMatchObject({ offsetsAsOf: 0, topics: [{ offsetsAsOf: 0 }] });
    state.offsetTimes.note(['orders'], 500);
    expect(rows(state)).toMatchObject({ offsetsAsOf: 500, topics: [{ offsetsAsOf: null }] });
    // Another page's round, which left the topic out.
    state.offsetTimes.note([], 900);
    expect(rows(state)).toMatchObject({ offsetsAsOf: 900, topics: [{ offsetsAsOf: 500 }] });
  });

  test('of a group is that of the last rounds, and its own where one of them left it out', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1])]);
    state.groups.set('g', GROUP);
    const age = () => [rows(state).groupsAsOf, rows(state).groups[0]?.asOf];
    expect(age()).toEqual([0, 0]);
    state.descriptionTimes.note(['g'], 800);
    expect(age()).toEqual([0, 0]);
    state.lagTimes.note(['g'], 700);
    expect(age()).toEqual([700, null]);
    state.lagTimes.note([], 900);
    expect(age()).toEqual([800, 700]);
    state.lagTimes.note(['g'], 1_000);
    expect(age()).toEqual([800, null]);
    state.descriptionTimes.note([], 1_100);
    expect(age()).toEqual([1_000, 800]);
  });
});
