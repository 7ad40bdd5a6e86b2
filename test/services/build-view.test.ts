import { describe, expect, test } from 'vitest';
import { buildView } from '../../electron/services/view/build.ts';
import { emptyState, type ClusterState } from '../../electron/services/view/state.ts';
import type { LabNode } from '../../electron/services/lab.ts';
import type { Connection } from '../../shared/models/cluster.ts';

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
  for (const id of brokers) state.seenBrokers.set(id, { host: 'a', port: 9092 + id, rack: null, goneSince: null });
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

const first = (state: ClusterState) => buildView(CONNECTION, state).topics[0]?.partitions[0];
const states = (state: ClusterState) => first(state)?.replicas.map((replica) => replica.state);
const broker = (state: ClusterState, id: number) => buildView(CONNECTION, state).brokers.find((row) => row.id === id);

describe('what is shown of a broken cluster', () => {
  test('before anybody answered all is unknown, and the nodes of the desk are starting', () => {
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

  test('without a leader the living replicas wait for an election, the dead are offline', () => {
    const state = stateWith([2], [partition(0, -1, [1, 2], [1], [1])]);
    expect(first(state)).toMatchObject({ leader: null, error: 'LEADER_NOT_AVAILABLE', endOffset: null });
    expect(states(state)).toEqual(['offline', 'electing']);
  });

  test('records of a topic are unknown as soon as one partition is, never a sum of the rest', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1]), partition(1, -1, [2], [2], [2])]);
    state.startOffsets.set('orders/0', { offset: 2n });
    state.endOffsets.set('orders/0', { offset: 10n });
    const [topic] = buildView(CONNECTION, state).topics;
    expect(topic).toMatchObject({ records: null, sizeBytes: null });
    state.startOffsets.set('orders/1', { offset: 0n });
    state.endOffsets.set('orders/1', { offset: 5n });
    expect(buildView(CONNECTION, state).topics[0]?.records).toBe('13');
  });

  test('a broker that is no longer listed stays, down since it was missed', () => {
    const state = stateWith([1], []);
    state.seenBrokers.set(2, { host: 'b', port: 1, rack: null, goneSince: 77 });
    expect(broker(state, 2)).toMatchObject({ state: 'down', host: 'b', since: 77 });
  });

  test('on this desk a broker that was removed is gone', () => {
    const state = stateWith([1], []);
    state.seenBrokers.set(2, { host: 'b', port: 1, rack: null, goneSince: 77 });
    state.nodes = [node(1, 'running')];
    expect(broker(state, 2)).toBeUndefined();
  });

  test('a node that stands still is frozen, not down: it can be thawed, not started', () => {
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

  test('lag: unknown where the end is, 0 where a commit is ahead of a truncated log, and counted apart', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1]), partition(1, 1, [1], [1]), partition(2, -1, [1], [])]);
    const committed = (offset: bigint | null) => ({ offset, metadata: null, changedAt: null });
    state.endOffsets.set('orders/0', { offset: 10n });
    state.endOffsets.set('orders/1', { offset: 4n });
    state.endOffsets.set('orders/2', { error: 'LEADER_NOT_AVAILABLE' });
    state.groups.set('g', {
      listed: { id: 'g', coordinator: 1, protocolType: 'consumer' } as never,
      described: null,
      committed: new Map([
        ['orders/0', committed(3n)],
        ['orders/1', committed(9n)],
        ['orders/2', committed(1n)],
      ]),
      asOf: 9,
      error: 'COORDINATOR_NOT_AVAILABLE',
    });
    const [group] = buildView(CONNECTION, state).groups;
    expect(group).toMatchObject({ lag: '7', unknown: 1, coordinator: null, state: 'Unknown', error: 'COORDINATOR_NOT_AVAILABLE' });
    expect(group?.partitions.map(({ lag }) => lag)).toEqual(['7', '0', null]);
  });
});

describe('the age of figures', () => {
  const rows = (state: ClusterState) => buildView(CONNECTION, state);

  test('is that of the last round of offsets for topics that it read, and their own for the others', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1])]);
    expect(rows(state)).toMatchObject({ offsetsAsOf: 0, topics: [{ offsetsAsOf: 0 }] });
    state.offsetsAsOf = 500;
    state.offsetsReadAt.set('orders', 500);
    expect(rows(state)).toMatchObject({ offsetsAsOf: 500, topics: [{ offsetsAsOf: null }] });
    // Another page's round, which left the topic out.
    state.offsetsAsOf = 900;
    expect(rows(state)).toMatchObject({ offsetsAsOf: 900, topics: [{ offsetsAsOf: 500 }] });
  });

  test('of a group is that of the oldest answer that its row is made of', () => {
    const state = stateWith([1], [partition(0, 1, [1], [1])]);
    state.groups.set('g', {
      listed: { id: 'g', coordinator: 1, protocolType: 'consumer', type: 'classic' },
      described: null,
      committed: new Map([['orders/0', { offset: 1n, metadata: null, changedAt: null }]]),
      asOf: 800,
      error: null,
    });
    const age = (): number | undefined => rows(state).groups[0]?.asOf;
    expect(age()).toBe(800);
    state.offsetsReadAt.set('orders', 300);
    expect(age()).toBe(300);
    state.offsetsReadAt.set('orders', 1_000);
    expect(age()).toBe(800);
  });
});
