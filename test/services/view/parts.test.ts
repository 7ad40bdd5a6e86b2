/** The parts that own one kind of figure each: what they take from an answer, and which objects they keep. */
import { describe, expect, test } from 'vitest';
import type { ClusterMetadata } from '../../../electron/admin/cluster-client.ts';
import { AdminError, UnreachableError } from '../../../electron/admin/errors.ts';
import type { GroupDescription, ListedGroup } from '../../../electron/admin/groups.ts';
import type { LabNode } from '../../../electron/services/lab.ts';
import { GroupsPart } from '../../../electron/services/view/groups-part.ts';
import { MetadataPart } from '../../../electron/services/view/metadata-part.ts';
import { NodesPart } from '../../../electron/services/view/nodes-part.ts';
import { QuorumPart, type QuorumSource } from '../../../electron/services/view/quorum-part.ts';
import { Reach } from '../../../electron/services/view/reach.ts';
import { SettingsPart } from '../../../electron/services/view/settings-part.ts';
import type { LogDirectories } from '../../../electron/admin/log-directories.ts';
import { SizesPart } from '../../../electron/services/view/sizes-part.ts';
import { emptyState } from '../../../electron/services/view/state.ts';
import { BrokerLanes } from '../../../electron/services/view/broker-lanes.ts';
import { ManualClock, Pending } from './manual-clock.ts';

const silent = (broker: number) => new UnreachableError(`Broker ${broker}`, 'no answer');
const ignore = (): void => undefined;

function metadataOf(topics: [name: string, topicId: string, leaderId: number][], brokers = [1]): ClusterMetadata {
  return {
    throttleTimeMs: 0,
    brokers: brokers.map((nodeId) => ({ nodeId, host: 'h', port: 9092, rack: null })),
    clusterId: 'c',
    controllerId: 1,
    topics: topics.map(([name, topicId, leaderId]) => ({
      errorCode: 0,
      name,
      topicId,
      isInternal: false,
      partitions: [{ errorCode: 0, partitionIndex: 0, leaderId, leaderEpoch: 1, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }],
      topicAuthorizedOperations: 0,
    })),
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
}

describe('MetadataPart', () => {
  function setUp() {
    const state = emptyState();
    let answer = metadataOf([['b', 'B', 1], ['a', 'A', 1]]); // prettier-ignore
    let now = 100;
    const part = new MetadataPart({ state, read: () => Promise.resolve(answer), now: () => now });
    return { state, round: (next: ClusterMetadata, at: number) => ((answer = next), (now = at), part.round()) };
  }

  test('keeps the object of a topic that did not change, and lists topics by name', async () => {
    const { state, round } = setUp();
    await round(metadataOf([['b', 'B', 1], ['a', 'A', 1]]), 100); // prettier-ignore
    const before = state.topics;
    expect([...before.keys()]).toEqual(['a', 'b']);
    await round(metadataOf([['b', 'B', 1], ['a', 'A', 1]]), 200); // prettier-ignore
    expect(state.topics).toBe(before);
    expect(state.asOf).toBe(200);
    await round(metadataOf([['b', 'B', 2], ['a', 'A', 1]]), 300); // prettier-ignore
    expect(state.topics.get('a')).toBe(before.get('a'));
    expect(state.topics.get('b')?.partitions[0]?.leaderId).toBe(2);
  });

  test('keeps nothing of a topic that was deleted, or created again under its name', async () => {
    const { state, round } = setUp();
    await round(metadataOf([['a', 'A', 1], ['b', 'B', 1]]), 100); // prettier-ignore
    for (const topicId of ['A', 'B']) state.offsets.set(topicId.toLowerCase(), { topicId, partitions: new Map() });
    state.offsetTimes.note(['a', 'b'], 90);
    state.sizes.set('b', new Map());
    state.topicSettings.set('b', new Map());
    await round(metadataOf([['a', 'another', 1]]), 200);
    expect([state.offsets.size, state.sizes.size, state.topicSettings.size]).toEqual([0, 0, 0]);
    expect([state.offsetTimes.of('a'), state.offsetTimes.of('b')]).toEqual([0, 0]);
  });

  test('remembers a broker that is no longer listed, with the time since when', async () => {
    const { state, round } = setUp();
    await round(metadataOf([], [1, 2]), 100);
    state.unreachable.set(2, 'no answer');
    await round(metadataOf([], [1]), 200);
    await round(metadataOf([], [1]), 300);
    expect(state.seenBrokers.get(2)?.goneSince).toBe(200);
    expect(state.unreachable.has(2)).toBe(false);
    await round(metadataOf([], [1, 2]), 400);
    expect(state.seenBrokers.get(2)?.goneSince).toBeNull();
  });
});

describe('GroupsPart', () => {
  const listed = (id: string, coordinator: number): ListedGroup => ({ id, coordinator, protocolType: 'consumer', type: 'classic' });
  const described = ({ id, coordinator }: ListedGroup): GroupDescription => ({
    id,
    coordinator,
    state: 'Stable',
    protocolType: 'consumer',
    protocol: null,
    members: [],
    error: null,
  });

  function setUp() {
    const state = emptyState();
    const groups = new Map<number, string[] | Error>([[1, ['a']], [2, ['b']]]); // prettier-ignore
    const described_: string[][] = [];
    let now = 100;
    const part = new GroupsPart({
      state,
      reach: new Reach(state.unreachable),
      onChange: ignore,
      now: () => now,
      source: {
        brokers: () => [...groups.keys()],
        list: (broker) => {
          const own = groups.get(broker) ?? [];
          return own instanceof Error ? Promise.reject(own) : Promise.resolve(own.map((id) => listed(id, broker)));
        },
        describe: (_broker, asked) => {
          described_.push(asked.map(({ id }) => id));
          return Promise.resolve(asked.map(described));
        },
      },
    });
    return {
      state,
      groups,
      described: described_,
      round: (wanted: 'all' | 'none' | string[], at: number) => ((now = at), part.round(wanted)),
    };
  }

  test('describes what is wanted only, and keeps the object of a group that did not change', async () => {
    const { state, round, described: asked } = setUp();
    await round(['b'], 100);
    expect(asked).toEqual([['b']]);
    expect([...state.groups.keys()]).toEqual(['a', 'b']);
    expect([state.descriptionTimes.of('a'), state.descriptionTimes.of('b')]).toEqual([0, 100]);
    const before = state.groups.get('b');
    await round(['b'], 200);
    expect(state.groups.get('b')).toBe(before);
    await round('none', 300);
    expect(asked).toHaveLength(2);
    expect(state.groups.get('b')?.described?.state).toBe('Stable');
  });

  test('keeps the groups of a broker that does not answer, marked, and no age of theirs becomes new', async () => {
    const { state, groups, round } = setUp();
    await round('all', 100);
    groups.set(2, silent(2));
    await round('all', 200);
    expect([state.groups.get('a')?.error, state.groups.get('b')?.error]).toEqual([null, 'COORDINATOR_NOT_AVAILABLE']);
    expect([state.descriptionTimes.of('a'), state.descriptionTimes.of('b')]).toEqual([200, 100]);
    expect(state.unreachable.get(2)).toMatch(/does not answer/);
    groups.set(2, ['b']);
    await round('all', 300);
    expect(state.groups.get('b')?.error).toBeNull();
    expect(state.unreachable.size).toBe(0);
  });

  test('marks the groups of a broker whose failure comes after the round', async () => {
    const clock = new ManualClock();
    const state = emptyState();
    let answer: Promise<ListedGroup[]> = Promise.resolve([listed('a', 1)]);
    const part = new GroupsPart({
      state,
      reach: new Reach(state.unreachable),
      onChange: ignore,
      now: () => clock.now(),
      lanes: new BrokerLanes(clock),
      source: { brokers: () => [1], list: () => answer, describe: (_broker, asked) => Promise.resolve(asked.map(described)) },
    });
    await part.round('all');
    const pending = new Pending<ListedGroup[]>();
    answer = pending.promise;
    const round = part.round('all');
    await clock.advance(5_000);
    await round;
    // A coordinator that is only late is not without an answer yet.
    expect(state.groups.get('a')?.error).toBeNull();
    pending.reject(silent(1));
    await clock.advance(0);
    expect(state.groups.get('a')?.error).toBe('COORDINATOR_NOT_AVAILABLE');
    answer = Promise.resolve([listed('a', 1)]);
    await part.round('all');
    await clock.advance(0);
    expect(state.groups.get('a')?.error).toBeNull();
  });

  test('forgets a group that no broker lists, unless one of them did not answer', async () => {
    const { state, groups, round } = setUp();
    await round('all', 100);
    groups.set(1, []);
    groups.set(2, new AdminError({ code: 'COORDINATOR_LOAD_IN_PROGRESS', message: 'loading' }));
    await round('all', 200);
    expect([...state.groups.keys()]).toEqual(['a', 'b']);
    groups.set(2, ['b']);
    await round('all', 300);
    await round('all', 400);
    expect([...state.groups.keys()]).toEqual(['b']);
    expect(state.descriptionTimes.of('a')).toBe(0);
  });

  test('keeps a group, with its age, that one round finds at no broker: its coordinator moves', async () => {
    const { state, groups, round } = setUp();
    await round('all', 100);
    // Broker 1 has resigned; broker 2 answered before it was elected.
    groups.set(1, []);
    await round('all', 200);
    expect([...state.groups.keys()]).toEqual(['a', 'b']);
    expect(state.descriptionTimes.of('a')).toBe(100);
    groups.set(2, ['a', 'b']);
    await round('all', 300);
    expect(state.groups.get('a')).toMatchObject({ error: null, listed: { coordinator: 2 } });
    // Only rounds in succession count.
    groups.set(2, ['b']);
    await round('all', 400);
    expect([...state.groups.keys()]).toEqual(['a', 'b']);
    await round('all', 500);
    expect([...state.groups.keys()]).toEqual(['b']);
  });

  test('lists groups by id, whatever order brokers answer in', async () => {
    const { state, groups, round } = setUp();
    groups.set(1, ['z', 'm']);
    groups.set(2, ['b', 'a']);
    await round('none', 100);
    expect([...state.groups.keys()]).toEqual(['a', 'b', 'm', 'z']);
  });
});

describe('NodesPart', () => {
  const node = (id: number, inBytes: number, state: LabNode['state'] = 'running'): LabNode => ({
    id,
    state,
    reason: null,
    role: null,
    host: 'h',
    port: 1,
    controllerPort: 2,
    zookeeperPort: 3,
    since: 0,
    sessionAgeMs: null,
    sessionTimeoutMs: 1,
    memoryBytes: null,
    inBytes,
    outBytes: 2 * inBytes,
  });

  function setUp() {
    const state = emptyState();
    const clock = new ManualClock();
    let nodes: LabNode[] = [];
    let changes = 0;
    const part = new NodesPart({ state, read: () => Promise.resolve(nodes), onMembership: () => changes++, now: clock.instant });
    const round = async (next: LabNode[], afterMs: number): Promise<number | null> => {
      await clock.advance(afterMs);
      nodes = next;
      await part.round();
      return state.inBytesPerSecond;
    };
    return { state, clock, round, changes: () => changes };
  }

  test('measures traffic node by node: one that was restarted counts from 0', async () => {
    const { state, round } = setUp();
    expect(await round([node(1, 1_000), node(2, 5_000)], 0)).toBeNull();
    expect(await round([node(1, 1_100), node(2, 5_100)], 1_000)).toBe(200);
    expect(state.outBytesPerSecond).toBe(400);
    // 100 and 60 bytes since; the sum of the counters fell.
    expect(await round([node(1, 1_200), node(2, 60)], 1_000)).toBe(180);
  });

  test('shows no traffic that was measured across a suspension', async () => {
    const { round, clock } = setUp();
    await round([node(1, 0)], 0);
    expect(await round([node(1, 100)], 1_000)).toBe(100);
    expect(await round([node(1, 9_000_000)], 90_000)).toBeNull();
    expect(await round([node(1, 9_000_100)], 1_000)).toBe(100);
    clock.wallOffsetMs += 60_000;
    expect(await round([node(1, 9_900_000)], 1_000)).toBeNull();
  });

  test('reports a node that came, left or changed its state, and nothing else', async () => {
    const { round, changes } = setUp();
    await round([node(1, 0)], 0);
    await round([node(1, 10)], 250);
    expect(changes()).toBe(1);
    await round([node(1, 20, 'killed')], 250);
    await round([node(1, 20, 'killed'), node(2, 0)], 250);
    expect(changes()).toBe(3);
  });
});

describe('QuorumPart', () => {
  const quorum = (leaderId: number, leaderEpoch: number) => ({
    leaderId,
    leaderEpoch,
    highWatermark: '9',
    voters: [{ id: 1, logEndOffset: '9', lag: '0', lastFetchAt: 5, lastCaughtUpAt: 5 }],
    observers: [],
  });

  function setUp() {
    const state = emptyState();
    let answer: Awaited<ReturnType<QuorumSource['quorum']>> = null;
    let controllerId = 7;
    let failure: AdminError | null = null;
    let now = 100;
    const source: QuorumSource = {
      quorum: () => Promise.resolve(answer),
      cluster: () => (failure === null ? Promise.resolve({ clusterId: 'id', controllerId }) : Promise.reject(failure)),
    };
    const part = new QuorumPart({ state, source, now: () => now });
    const round = (next: typeof answer, at: number) => ((answer = next), (now = at), part.round());
    return { state, round, setController: (id: number) => (controllerId = id), failCluster: (error: AdminError) => (failure = error) };
  }

  test('knows the start of a leader that it saw change, and of no other', async () => {
    const { state, round } = setUp();
    await round(quorum(1, 3), 100);
    expect(state.quorum).toMatchObject({ leaderId: 1, leaderSince: null });
    await round(quorum(2, 4), 200);
    expect(state.quorum).toMatchObject({ leaderId: 2, leaderSince: 200 });
    await round(quorum(2, 4), 300);
    expect(state.quorum?.leaderSince).toBe(200);
    expect(state.controllerId).toBe(2);
  });

  test('has no controller while no quorum leader answers, and keeps the voters', async () => {
    const { state, round } = setUp();
    await round(quorum(1, 3), 100);
    await round('unanswered', 200);
    expect(state.controllerId).toBeNull();
    expect(state.quorum).toMatchObject({ leaderId: null, highWatermark: null, voters: [{ id: 1, logEndOffset: null, lag: null }] });
  });

  test('has no controller once no broker answers at all', async () => {
    const { state, round, failCluster } = setUp();
    await round(quorum(1, 3), 100);
    failCluster(new AdminError({ code: 'BROKER_UNREACHABLE', message: 'No broker answered.' }));
    await expect(round('unanswered', 200)).rejects.toThrow('No broker answered');
    expect([state.controllerId, state.quorum?.leaderId]).toEqual([null, null]);
  });

  test('takes the controller of DescribeCluster where there is no quorum, and none that is negative', async () => {
    const { state, round, setController } = setUp();
    await round(null, 100);
    expect([state.controllerId, state.quorum, state.clusterId]).toEqual([7, null, 'id']);
    setController(-1);
    await round(null, 200);
    expect(state.controllerId).toBeNull();
  });
});

describe('SizesPart', () => {
  test('forgets the sizes of a broker that does not answer or is not listed, and keeps objects that did not change', async () => {
    const state = emptyState();
    const sizes = new Map<number, LogDirectories | Error>();
    const source = {
      brokers: () => [...sizes.keys()],
      read: (broker: number) => {
        const own = sizes.get(broker) ?? silent(broker);
        return own instanceof Error ? Promise.reject(own) : Promise.resolve(own);
      },
    };
    const part = new SizesPart({ state, source, reach: new Reach(state.unreachable), onChange: ignore });
    const fullest = { directory: '/data', directories: 1, totalBytes: 100n, usableBytes: 40n };
    const ofTopic = (bytes: bigint): LogDirectories => ({
      sizes: new Map([['a', new Map([[0, bytes], [1, 5n]])]]), // prettier-ignore
      totalBytes: bytes + 5n,
      fullest,
    });
    sizes.set(1, ofTopic(10n));
    sizes.set(2, ofTopic(20n));
    await part.round();
    expect(state.brokerBytes).toEqual(new Map([[1, 15n], [2, 25n]])); // prettier-ignore
    expect(state.brokerVolumes.get(2)).toEqual(fullest);
    const before = state.sizes.get('a');
    sizes.set(1, ofTopic(10n));
    await part.round();
    expect(state.sizes.get('a')).toBe(before);
    sizes.set(2, silent(2));
    await part.round();
    expect([...(state.sizes.get('a')?.keys() ?? [])]).toEqual([1]);
    expect([state.brokerBytes.has(2), state.brokerVolumes.has(2)]).toEqual([false, false]);
    sizes.delete(1);
    await part.round();
    expect([state.sizes.size, state.brokerBytes.size, state.brokerVolumes.size]).toEqual([0, 0, 0]);
  });

  test('knows neither bytes nor volume of a broker whose directory failed, and keeps the replicas that it could read', async () => {
    const state = emptyState();
    const answers: LogDirectories[] = [
      { sizes: new Map([['a', new Map([[0, 3n]])]]), totalBytes: null, fullest: null },
      { sizes: new Map(), totalBytes: null, fullest: null },
    ];
    const source = { brokers: () => [1], read: () => Promise.resolve(answers.shift() as LogDirectories) };
    const part = new SizesPart({ state, source, reach: new Reach(state.unreachable), onChange: ignore });
    await part.round();
    expect(state.sizes.get('a')?.get(1)?.get(0)).toBe(3n);
    expect([state.brokerBytes.size, state.brokerVolumes.size]).toEqual([0, 0]);
    await part.round();
    expect(state.sizes.size).toBe(0);
  });
});

describe('SettingsPart', () => {
  test('keeps the settings of a topic that could not be read, and the object of those that did not change', async () => {
    const state = emptyState();
    for (const topic of metadataOf([['a', 'A', 1], ['b', 'B', 1]]).topics) state.topics.set(topic.name ?? '', topic); // prettier-ignore
    let answer = new Map([['a', new Map([['cleanup.policy', 'delete']])], ['b', new Map([['cleanup.policy', 'compact']])]]); // prettier-ignore
    const part = new SettingsPart({ state, read: (topics) => (expect(topics).toEqual(['a', 'b']), Promise.resolve(answer)) });
    await part.round();
    const before = state.topicSettings.get('a');
    answer = new Map([['a', new Map([['cleanup.policy', 'delete']])]]);
    await part.round();
    expect(state.topicSettings.get('a')).toBe(before);
    expect(state.topicSettings.get('b')?.get('cleanup.policy')).toBe('compact');
  });
});
