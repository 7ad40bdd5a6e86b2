import { describe, expect, it } from 'vitest';
import { ObservedTimeline } from '../../../electron/services/incidents/observed-timeline.ts';
import { summarizeIncident } from '../../../renderer/incidents/incidents.ts';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { BrokerState, ClusterView, GroupRow } from '#shared/models/cluster';
import type { TimelineEvent } from '#shared/models/timeline';
import { WholeViewDiff } from '../../helpers/built-view.ts';

interface Standing {
  brokers?: Record<number, BrokerState>;
  /** By topic: its id, and by partition the leader (null: none) and the ISR. */
  topics?: Record<string, { id?: string; minInsync?: number | null; partitions: [number | null, number[], number[]?][] }>;
  controller?: [number, number] | null;
  clusterId?: string;
  groups?: Partial<GroupRow>[];
}

const ALL = { 1: 'online', 2: 'online', 3: 'online' } as const;

function viewOf(at: number, { brokers = ALL, topics = {}, controller = null, groups = [], clusterId = 'c' }: Standing): ClusterView {
  return {
    connection: { id: 'other', name: 'Other', kind: 'remote', bootstrap: 'h:1', colour: 'warn' },
    clusterId,
    controllerId: controller?.[0] ?? null,
    brokers: Object.entries(brokers).map(([id, state]) => ({
      id: Number(id),
      host: 'h',
      port: 1,
      rack: null,
      state,
      since: null,
      isController: false,
      quorumRole: null,
      leaders: null,
      replicas: null,
      inSync: null,
      sessionAgeMs: null,
      sessionTimeoutMs: null,
      logBytes: null,
      disk: null,
      lab: null,
    })),
    topics: Object.entries(topics).map(([name, { id = name, minInsync = null, partitions }]) => ({
      name,
      id,
      internal: false,
      replicationFactor: 3,
      partitions: partitions.map(([leader, isr, replicas = [1, 2, 3]], partition) => ({
        partition,
        leader,
        leaderEpoch: 1,
        replicas: replicas.map((broker) => ({ broker, state: 'inSync' })),
        isr,
        startOffset: null,
        endOffset: `${at}`,
        sizeBytes: null,
        error: null,
      })),
      cleanupPolicy: null,
      minInsyncReplicas: minInsync,
      records: null,
      sizeBytes: null,
      recordsEstimated: false,
      offsetsAsOf: null,
    })),
    groups: groups.map((group) => ({
      id: 'billing',
      state: 'Stable',
      protocolType: 'consumer',
      protocol: 'range',
      coordinator: 1,
      members: [],
      partitions: [],
      lag: null,
      unknown: 0,
      error: null,
      asOf: null,
      ...group,
    })),
    quorum:
      controller === null
        ? null
        : { leaderId: controller[0], leaderEpoch: controller[1], highWatermark: null, leaderSince: null, voters: [], observers: [] },
    rates: { inBytesPerSecond: null, outBytesPerSecond: null, recordsInPerSecond: null },
    unreachable: [],
    asOf: at,
    offsetsAsOf: at,
    groupsAsOf: at,
  };
}

/** What is recorded of views that follow one another. */
function observe(...views: [number, Standing][]): TimelineEvent[] {
  const diff = new WholeViewDiff();
  const recorded: TimelineEvent[] = [];
  const timeline = new ObservedTimeline({ monotonic: () => recorded.length, onEvents: (events) => recorded.push(...events) });
  for (const [at, standing] of views) {
    const patch = diff.advance(viewOf(at, standing));
    if (patch !== null) timeline.take(patch);
  }
  expect(timeline.since(0)).toEqual(recorded);
  return recorded;
}
const typesOf = (events: readonly TimelineEvent[]): string[] => events.map(({ type }) => type);
const member = (memberId: string) => ({ memberId, instanceId: null, clientId: memberId, host: '', assignment: [] });

describe('the timeline of a remote cluster', () => {
  const whole = {
    topics: {
      orders: {
        partitions: [
          [3, [1, 2, 3]],
          [1, [1, 2, 3]],
        ] as [number, number[]][],
      },
    },
  };

  it('records nothing of the first view, and nothing where only offsets differ', () => {
    expect(observe([0, { brokers: {} }], [1_000, whole], [3_000, whole], [5_000, whole])).toEqual([]);
  });

  it('links a broker that is no longer listed to the leaders that moved and the ISRs that shrank, until all is whole again', () => {
    const down = { ...ALL, 3: 'down' } as const;
    const events = observe(
      [1_000, whole],
      [
        3_000,
        {
          brokers: down,
          topics: {
            orders: {
              partitions: [
                [1, [1, 2]],
                [1, [1, 2]],
              ],
            },
          },
        },
      ],
      [
        60_000,
        {
          brokers: ALL,
          topics: {
            orders: {
              partitions: [
                [1, [1, 2]],
                [1, [1, 2]],
              ],
            },
          },
        },
      ],
      [
        64_000,
        {
          topics: {
            orders: {
              partitions: [
                [1, [1, 2, 3]],
                [1, [1, 2, 3]],
              ],
            },
          },
        },
      ],
    );
    expect(events.map(({ type, causeId, at }) => [type, causeId, at])).toEqual([
      ['cluster/brokerFenced', undefined, 3_000],
      ['partition/leadersElected', 1, 3_000],
      ['partition/isrShrunk', 1, 3_000],
      ['cluster/brokerUnfenced', undefined, 60_000],
      ['partition/isrExpanded', 4, 64_000],
    ]);
    expect(events[1]).toMatchObject({ count: 1, details: { moves: [{ topic: 'orders', partition: 0, from: 3, to: 1 }] } });
    expect(events[0]?.reason).toBe('observed between two polls, 2.0 s apart');
    expect(deriveIncidents(events).map((incident) => summarizeIncident(incident, 99_000))).toEqual([
      'broker 3 fenced · no recorded cause · leaders have moved · recovered in 1 min 1 s',
    ]);
  });

  it('opens an incident for partitions without a leader, and for ISRs that shrink while all brokers are listed', () => {
    const events = observe(
      [1_000, whole],
      [
        3_000,
        {
          topics: {
            orders: {
              partitions: [
                [null, [3]],
                [1, [1, 3]],
              ],
            },
          },
        },
      ],
    );
    expect(typesOf(events)).toEqual(['partition/leadersLost', 'partition/isrShrunk']);
    expect(deriveIncidents(events).map(({ cause, closedAt }) => [cause, closedAt])).toEqual([
      ['observed', null],
      ['observed', null],
    ]);
  });

  it('does not take a replica that was assigned elsewhere for one that fell behind', () => {
    const topics = {
      orders: {
        partitions: [
          [3, [1, 2], [1, 2]],
          [1, [1, 2, 3]],
        ] as [number, number[], number[]?][],
      },
    };
    expect(typesOf(observe([1_000, whole], [3_000, { topics }]))).toEqual(['partition/reassigned']);
  });

  it('distinguishes a re-created topic from one with more partitions, and changed settings from unknown ones', () => {
    const of = (id: string, minInsync: number | null, count: number): Standing => ({
      topics: { orders: { id, minInsync, partitions: Array.from({ length: count }, (): [number, number[]] => [1, [1]]) } },
    });
    const events = observe(
      [1_000, of('a', null, 1)],
      [3_000, of('a', 1, 1)],
      [5_000, of('a', 2, 3)],
      [7_000, of('b', 2, 3)],
      [9_000, {}],
      [11_000, {}],
      [13_000, {}],
    );
    expect(events.map(({ type, count, details }) => [type, count ?? details?.['settings']])).toEqual([
      ['topic/partitionsAdded', 2],
      ['topic/configChanged', { 'min.insync.replicas': '2' }],
      ['topic/deleted', undefined],
      ['topic/created', undefined],
      ['topic/deleted', undefined],
    ]);
  });

  it('records a change of the quorum leader once, and not that the quorum could not be read', () => {
    const events = observe(
      [1_000, { controller: [1, 4] }],
      [3_000, { controller: null }],
      [5_000, { controller: [1, 4] }],
      [7_000, { controller: [2, 5] }],
      [9_000, { controller: [2, 5], brokers: { ...ALL, 3: 'unreachable' } }],
    );
    expect(events).toMatchObject([{ type: 'quorum/leaderElected', broker: 2, details: { previousLeader: 1, epoch: 5 } }]);
  });

  it('records members, rebalances and a coordinator that moved, at the time of the reading', () => {
    const [a, b] = [member('a'), member('b')];
    const events = observe(
      [1_000, { groups: [{ members: [a] }] }],
      [3_000, { groups: [{ members: [a, b], state: 'PreparingRebalance', asOf: 2_900 }] }],
      [5_000, { groups: [{ members: [b], coordinator: 2, asOf: 4_900 }] }],
    );
    expect(events.map(({ type, at, group }) => [type, at, group])).toEqual([
      ['group/memberJoined', 2_900, 'billing'],
      ['group/rebalanceStarted', 2_900, 'billing'],
      ['group/coordinatorMoved', 4_900, 'billing'],
      ['group/memberLeft', 4_900, 'billing'],
      ['group/rebalanced', 4_900, 'billing'],
    ]);
    expect(events[1]?.causeId).toBe(1);
  });

  it('records a member that joins a group which was read without a change for a minute', () => {
    const stable = { groups: [{ members: [member('a')] }] };
    const rounds = Array.from({ length: 30 }, (_, i): [number, Standing] => [1_000 + i * 2_000, stable]);
    const events = observe(...rounds, [61_000, { groups: [{ members: [member('a'), member('b')] }] }]);
    expect(events.map(({ type, at, reason }) => [type, at, reason])).toEqual([
      ['group/memberJoined', 61_000, 'observed between two polls, 2.0 s apart'],
    ]);
  });

  it('takes nothing from a group that could not be read or was not read for long', () => {
    const events = observe(
      [1_000, { groups: [{ members: [member('a')] }] }],
      [3_000, { groups: [{ members: [], state: 'Unknown' }] }],
      [5_000, { groups: [{ members: [], coordinator: null, error: 'COORDINATOR_NOT_AVAILABLE' }] }],
      [7_000, { groups: [{ members: [member('a')], asOf: 1_000 }] }],
      [90_000, { groups: [{ members: [member('c')] }] }],
    );
    expect(events).toEqual([]);
  });

  it('records no deletion of a topic that one poll leaves out and the next has again', () => {
    const others = { topics: { ...whole.topics, audit: { partitions: [[1, [1]]] as [number, number[]][] } } };
    expect(observe([1_000, others], [3_000, whole], [5_000, others], [7_000, whole], [9_000, others])).toEqual([]);
    const deleted = observe([1_000, others], [3_000, whole], [5_000, whole], [7_000, others]);
    expect(deleted.map(({ type, topic, at }) => [type, topic, at])).toEqual([
      ['topic/deleted', 'audit', 5_000],
      ['topic/created', 'audit', 7_000],
    ]);
  });

  it('ends the shortage of an ISR when the partition is assigned to other brokers', () => {
    const of = (isr: number[], replicas: number[]) => ({
      topics: { orders: { partitions: [[1, isr, replicas]] as [number, number[], number[]][] } },
    });
    const events = observe([1_000, of([1, 2, 3], [1, 2, 3])], [3_000, of([1, 2], [1, 2, 3])], [5_000, of([1, 2, 4], [1, 2, 4])]);
    expect(typesOf(events)).toEqual(['partition/isrShrunk', 'partition/reassigned', 'partition/isrExpanded']);
    expect(deriveIncidents(events)).toMatchObject([{ underReplicated: 0, closedAt: 5_000 }]);
  });

  it('ends a rebalance that was not read to its end, or whose group was deleted', () => {
    const of = (group: Partial<GroupRow>) => ({ groups: [group] });
    const rebalancing = of({ state: 'PreparingRebalance' });
    const late = observe(
      [1_000, of({})],
      [3_000, rebalancing],
      [5_000, of({ state: 'PreparingRebalance', asOf: 3_000 })],
      [90_000, of({})],
    );
    expect(late.map(({ type, at }) => [type, at])).toEqual([
      ['group/rebalanceStarted', 3_000],
      ['group/rebalanced', 90_000],
    ]);
    expect(typesOf(observe([1_000, of({})], [3_000, rebalancing], [5_000, {}]))).toEqual(['group/rebalanceStarted', 'group/rebalanced']);
  });

  it('records no election from an answer of an earlier epoch, unless the cluster is another one', () => {
    const of = (id: number, epoch: number, clusterId = 'c'): Standing => ({ controller: [id, epoch], clusterId });
    const events = observe([1_000, of(1, 4)], [3_000, of(2, 5)], [5_000, of(1, 4)], [7_000, of(2, 5)], [9_000, of(3, 1, 'd')]);
    expect(events.map(({ broker, details }) => [broker, details?.['epoch']])).toEqual([
      [2, 5],
      [3, 1],
    ]);
  });

  it('states no time between two polls that it does not know', () => {
    const [event] = observe([1_000, { controller: [1, 4] }], [1_000, { controller: [2, 5] }]);
    expect(event?.reason).toBe('observed between two polls');
  });

  it('takes the outage of a broker that leads 30,000 partitions in time that grows with their number', () => {
    const of = (leader: number, isr: number[]) => ({
      topics: { orders: { partitions: Array.from({ length: 30_000 }, (): [number, number[]] => [leader, isr]) } },
    });
    const [before, after] = [viewOf(1_000, of(3, [1, 2, 3])), viewOf(3_000, { brokers: { ...ALL, 3: 'down' }, ...of(1, [1, 2]) })];
    const diff = new WholeViewDiff();
    const recorded: TimelineEvent[] = [];
    const timeline = new ObservedTimeline({ monotonic: () => 0, onEvents: (events) => recorded.push(...events) });
    const patches = [before, after].flatMap((view) => diff.advance(view) ?? []);
    const start = performance.now();
    for (const patch of patches) timeline.take(patch);
    // It takes 0.2 s; copied for each partition, the list takes more than half a minute.
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(recorded.map(({ type, count }) => [type, count])).toEqual([
      ['cluster/brokerFenced', undefined],
      ['partition/leadersElected', 30_000],
      ['partition/isrShrunk', 30_000],
    ]);
  });
});
