import { describe, expect, it } from 'vitest';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import { Timeline } from '../../electron/cluster/timeline.ts';

function must(entry: TimelineEvent | undefined): TimelineEvent {
  if (entry === undefined) throw new Error('not recorded');
  return entry;
}

describe('timeline', () => {
  it('numbers entries from 1 and returns those after an id', () => {
    const timeline = new Timeline();
    for (let at = 0; at < 3; at++) timeline.record(1, { type: 'topic/created', at, topic: `t${at}` });
    expect(timeline.since(0).map(({ id, topic }) => [id, topic])).toEqual([
      [1, 't0'],
      [2, 't1'],
      [3, 't2'],
    ]);
    expect(timeline.since(2).map(({ id }) => id)).toEqual([3]);
    expect(timeline.since(3)).toEqual([]);
    expect(timeline.since(99)).toEqual([]);
  });

  it('keeps the last 5,000 with their ids', () => {
    const timeline = new Timeline();
    for (let at = 0; at < 12_345; at++) timeline.record(1, { type: 'topic/created', at });
    const kept = timeline.since(0);
    expect(kept).toHaveLength(5_000);
    expect(kept[0]?.id).toBe(7_346);
    expect(timeline.since(12_000)[0]?.id).toBe(12_001);
    expect(timeline.since(12_000)).toHaveLength(345);
  });

  it('links the end of a scenario to its start, after any time', () => {
    const timeline = new Timeline();
    const record = (type: TimelineEvent['type'], at: number, runId: number): TimelineEvent =>
      must(timeline.record(null, { type, at, details: { runId } }));
    const first = record('scenario/started', 0, 1);
    expect(record('scenario/ended', 600_000, 1).causeId).toBe(first.id);
    expect(record('scenario/ended', 600_001, 2).causeId).toBeUndefined();
  });

  it('does not link events of a restarted broker to its earlier end', () => {
    const timeline = new Timeline();
    const record = (type: TimelineEvent['type'], at: number, more: Partial<NodeEvent> = {}): TimelineEvent =>
      must(timeline.record(1, { type, at, broker: 2, ...more }));
    const stopped = record('lab/nodeStopped', 1_000);
    const left = record('cluster/controlledShutdown', 1_010);
    expect(left.causeId).toBe(stopped.id);
    expect(record('cluster/brokerFenced', 1_500).causeId).toBe(left.id);
    record('lab/nodeStarted', 2_000);
    record('cluster/brokerUnfenced', 2_500);
    const killed = record('lab/nodeKilled', 3_000);
    const fenced = record('cluster/brokerFenced', 6_000);
    expect(fenced.causeId).toBe(killed.id);
    record('lab/nodeStarted', 7_000);
    const back = record('cluster/brokerUnfenced', 7_500);
    const moves = [{ topic: 't', partition: 0, from: 2, to: 1 }];
    // A leader moves off a serving broker on request.
    const asked = must(timeline.record(1, { type: 'partition/leadersElected', at: 8_000, details: { trigger: 'request', moves } }));
    expect(asked.causeId).toBeUndefined();
    const changes = [{ topic: 't', partition: 0, from: [1, 2], to: [1], leader: 1 }];
    const cut = must(
      timeline.record(null, {
        type: 'lab/faultInjected',
        at: 9_000,
        details: { faultId: 7, fault: { type: 'partition', between: [1, 2] }, brokers: [1, 2] },
      }),
    );
    expect(must(timeline.record(1, { type: 'partition/isrShrunk', at: 13_000, details: { trigger: 'lag', changes } })).causeId).toBe(
      cut.id,
    );
    expect(back.causeId).toBeDefined();
  });

  it('links a kill to the fencing, the elections and the shrinks that follow it', () => {
    const timeline = new Timeline();
    const kill = must(timeline.record(null, { type: 'lab/nodeKilled', at: 1_000, broker: 2 }));
    timeline.record(null, { type: 'lab/nodeKilled', at: 1_001, broker: 3 });
    const fenced = must(timeline.record(1, { type: 'cluster/brokerFenced', at: 4_000, broker: 2 }));
    const moves = [0, 3, 6].map((partition) => ({ topic: 't', partition, from: 2, to: 1 }));
    const elected = must(
      timeline.record(1, { type: 'partition/leadersElected', at: 4_001, broker: 2, details: { trigger: 'fencing', moves } }),
    );
    const changes = [{ topic: 't', partition: 0, from: [1, 2], to: [1] }];
    const shrunk = must(
      timeline.record(1, { type: 'partition/isrShrunk', at: 4_002, broker: 2, details: { trigger: 'fencing', changes } }),
    );
    expect(fenced.causeId).toBe(kill.id);
    expect(elected).toMatchObject({ causeId: fenced.id, count: 3 });
    expect(shrunk.causeId).toBe(fenced.id);
  });

  it('links a new quorum leader to the end of the old one, and records the reports of several nodes once', () => {
    const timeline = new Timeline();
    const first = must(timeline.record(1, { type: 'quorum/leaderElected', at: 0, broker: 1, details: { epoch: 1 } }));
    expect(first.causeId).toBeUndefined();
    const kill = must(timeline.record(null, { type: 'lab/nodeKilled', at: 10, broker: 1 }));
    const reported = [2, 3].map((node) =>
      timeline.record(node, { type: 'quorum/leaderElected', at: 500 + node, broker: 2, details: { epoch: 2 } }),
    );
    expect(reported[0]?.details).toEqual({ epoch: 2, previousLeader: 1 });
    expect(reported.map((entry) => entry?.causeId)).toEqual([kill.id, undefined]);
    expect(timeline.since(0)).toHaveLength(3);
  });

  it('links the return of a broker to the ISR that expands', () => {
    const timeline = new Timeline();
    const start = must(timeline.record(null, { type: 'lab/nodeStarted', at: 0, broker: 2 }));
    const registered = must(timeline.record(1, { type: 'cluster/brokerRegistered', at: 5, broker: 2 }));
    const unfenced = must(timeline.record(1, { type: 'cluster/brokerUnfenced', at: 6, broker: 2 }));
    const joins = (broker: number): NodeEvent => ({
      type: 'partition/isrExpanded',
      at: 7,
      details: { changes: [{ topic: 't', partition: 0, from: [1], to: [1, broker] }] },
    });
    const expanded = must(timeline.record(1, joins(2)));
    const other = must(timeline.record(1, joins(3)));
    expect([registered.causeId, unfenced.causeId, expanded.causeId, other.causeId]).toEqual([
      start.id,
      registered.id,
      unfenced.id,
      undefined,
    ]);
  });

  it('accepts an entry of a point in time as a cause for a minute', () => {
    const timeline = new Timeline();
    const ended = timeline.record(null, { type: 'load/ended', at: 0, group: 'g' });
    const left = (at: number) => timeline.record(1, { type: 'group/memberLeft', at, group: 'g' })?.causeId;
    expect([left(59_000), left(61_000)]).toEqual([ended?.id, undefined]);
  });

  it('records the controller’s change of an ISR, not the leader’s request', () => {
    const timeline = new Timeline();
    const asked: NodeEvent = {
      type: 'partition/isrExpanded',
      at: 0,
      broker: 1,
      topic: 't',
      partitions: [0],
      details: { isr: [1, 2], before: [1] },
    };
    expect(timeline.record(1, asked)).toBeUndefined();
  });

  it('truncates long lists and records their length', () => {
    const timeline = new Timeline();
    const moves = Array.from({ length: 3_000 }, (_, partition) => ({ topic: 't', partition, from: 2, to: 1 }));
    const entry = must(timeline.record(1, { type: 'partition/leadersElected', at: 0, details: { moves } }));
    expect(entry.count).toBe(3_000);
    expect(entry.details?.['moves']).toHaveLength(100);
  });

  it('names all partitions of a long list of leaders in ranges, within a bound of size', () => {
    const timeline = new Timeline();
    const rangesOf = (key: 'moves' | 'partitions' | 'changes', list: readonly object[]) =>
      must(timeline.record(1, { type: 'partition/leadersLost', at: 0, details: { [key]: list } })).details?.['ranges'];
    const list = (count: number, step = 1, topic = 'orders') =>
      Array.from({ length: count }, (_, i) => ({ topic, partition: i * step, from: 2 }));
    expect(rangesOf('moves', list(3_000))).toEqual([['orders', '0-2999']]);
    // In any order, of several topics.
    expect(rangesOf('partitions', [...list(99).reverse(), ...list(2, 3, 'pairs')])).toEqual([
      ['orders', '0-98'],
      ['pairs', '0,3'],
    ]);
    // What is not cut, and what is about no leader, needs none.
    expect([rangesOf('moves', list(100)), rangesOf('changes', list(3_000))]).toEqual([undefined, undefined]);
    expect(rangesOf('moves', list(20_000, 2))).toBeUndefined();
  });

  it('notifies listeners of every new entry until they unsubscribe', () => {
    const timeline = new Timeline();
    const seen: number[] = [];
    const leave = timeline.onEntry(({ id }) => seen.push(id));
    timeline.record(1, { type: 'topic/created', at: 0 });
    leave();
    timeline.record(1, { type: 'topic/created', at: 1 });
    expect(seen).toEqual([1]);
  });

  it('links the effects of a lab fault to it, while it is active', () => {
    const timeline = new Timeline();
    const cut = must(
      timeline.record(null, {
        type: 'lab/faultInjected',
        at: 0,
        details: { faultId: 1, fault: { type: 'partition', between: [1, 2], direction: 'both' }, brokers: [1, 2] },
      }),
    );
    const slow = must(
      timeline.record(null, {
        type: 'lab/faultInjected',
        at: 10,
        broker: 3,
        details: { faultId: 2, fault: { type: 'slowDisk', node: 3 }, brokers: [3] },
      }),
    );
    const fenced = must(timeline.record(1, { type: 'cluster/brokerFenced', at: 3_000, broker: 2 }));
    expect(fenced.causeId).toBe(cut.id);
    const changes = [{ topic: 't', partition: 0, from: [1, 2, 3], to: [1, 2] }];
    // Long after it began.
    const shrunk = must(timeline.record(1, { type: 'partition/isrShrunk', at: 900_000, details: { trigger: 'lag', changes } }));
    expect(shrunk.causeId).toBe(slow.id);
    timeline.record(null, {
      type: 'lab/faultHealed',
      at: 900_100,
      broker: 3,
      details: { faultId: 2, fault: { type: 'slowDisk', node: 3 }, brokers: [3] },
    });
    const back = must(
      timeline.record(1, {
        type: 'partition/isrExpanded',
        at: 900_500,
        details: { changes: [{ topic: 't', partition: 0, from: [1, 2], to: [1, 2, 3] }] },
      }),
    );
    expect(timeline.since(0).find(({ id }) => id === back.causeId)?.type).toBe('lab/faultHealed');
    // Healed long ago: no longer a cause.
    const later = must(timeline.record(1, { type: 'partition/isrShrunk', at: 1_200_000, details: { trigger: 'lag', changes } }));
    expect(later.causeId).toBeUndefined();
  });

  it.each<[NodeEvent['type'], NodeEvent['type']]>([
    ['lab/nodeFrozen', 'cluster/brokerFenced'],
    ['lab/powerCut', 'cluster/brokerFenced'],
    ['lab/nodeThawed', 'cluster/brokerUnfenced'],
    ['lab/powerCut', 'node/corruptionFound'],
  ])('links %s to %s of the same broker', (cause, effect) => {
    const timeline = new Timeline();
    const first = must(timeline.record(null, { type: cause, at: 0, broker: 2 }));
    timeline.record(null, { type: cause, at: 1, broker: 3 });
    expect(must(timeline.record(2, { type: effect, at: 1_000, broker: 2 })).causeId).toBe(first.id);
  });

  it('links corruption of the metadata to a power cut, and not to a kill, which cannot cause it', () => {
    const timeline = new Timeline();
    const found = (topic: string, at: number): number | undefined =>
      must(timeline.record(2, { type: 'node/corruptionFound', at, broker: 2, topic, partitions: [0] })).causeId;
    const killed = must(timeline.record(null, { type: 'lab/nodeKilled', at: 0, broker: 2 })).id;
    expect(found('__cluster_metadata', 1_000)).toBeUndefined();
    expect(found('orders', 1_001)).toBe(killed);
    const cut = must(timeline.record(null, { type: 'lab/powerCut', at: 2_000, broker: 2 })).id;
    expect(found('__cluster_metadata', 3_000)).toBe(cut);
  });

  it('links an injected fault to its effects on the reporting node', () => {
    const timeline = new Timeline();
    const inject = (type: string): number =>
      must(timeline.record(null, { type: 'lab/faultInjected', at: 0, broker: 1, details: { fault: { type, node: 1 }, brokers: [1] } })).id;
    const [full, flipped] = [inject('fullDisk'), inject('corrupt')];
    expect(must(timeline.record(1, { type: 'node/logDirectoryFailed', at: 5 })).causeId).toBe(full);
    expect(must(timeline.record(1, { type: 'node/corruptionFound', at: 6 })).causeId).toBe(flipped);
    expect(must(timeline.record(2, { type: 'node/logDirectoryFailed', at: 7 })).causeId).toBeUndefined();
  });

  it.each(['node/segmentRepaired', 'partition/repairBlocked'] as const)(
    'links %s to the corruption that the same broker found in the same log',
    (type) => {
      const timeline = new Timeline();
      const found = (broker: number, partition: number): number =>
        must(timeline.record(broker, { type: 'node/corruptionFound', at: 0, broker, topic: 't', partitions: [partition] })).id;
      const [own] = [found(1, 0), found(1, 1), found(2, 0)];
      expect(must(timeline.record(1, { type, at: 500_000, broker: 1, topic: 't', partitions: [0] })).causeId).toBe(own);
    },
  );

  it('links found corruption to the corruption fault of the same log, while it is not healed, else to the power cut', () => {
    const timeline = new Timeline();
    const corrupt = (faultId: number, partition: number): number =>
      must(
        timeline.record(null, {
          type: 'lab/faultInjected',
          at: 0,
          broker: 1,
          details: { faultId, fault: { type: 'corrupt', node: 1, topic: 't', partition, where: 'tail' }, brokers: [1] },
        }),
      ).id;
    const found = (partition: number, at: number): number | undefined =>
      must(timeline.record(1, { type: 'node/corruptionFound', at, broker: 1, topic: 't', partitions: [partition] })).causeId;
    const [zero, one] = [corrupt(1, 0), corrupt(2, 1)];
    // Long after it began.
    expect(found(0, 500_000)).toBe(zero);
    expect(found(1, 500_001)).toBe(one);
    expect(found(2, 500_002)).toBeUndefined();
    const cut = must(timeline.record(null, { type: 'lab/powerCut', at: 500_003, broker: 1 })).id;
    timeline.record(null, { type: 'lab/faultHealed', at: 500_004, broker: 1, details: { faultId: 2 } });
    expect(found(0, 500_005)).toBe(zero);
    expect(found(1, 500_006)).toBe(cut);
  });

  /** Kill, expired session, moved leaders, the last of them of a partition with groups. */
  function afterAKill(timeline: Timeline): { elected: TimelineEvent; other: TimelineEvent } {
    timeline.record(null, { type: 'lab/nodeKilled', at: 0, broker: 3 });
    timeline.record(1, { type: 'cluster/brokerFenced', at: 3_000, broker: 3, reason: 'its session was lost' });
    const move = (topic: string, to: number): NodeEvent => ({
      type: 'partition/leadersElected',
      at: 3_001,
      broker: 3,
      details: { trigger: 'fencing', moves: [{ topic, partition: 4, from: 3, to }] },
    });
    const elected = must(timeline.record(1, move('__consumer_offsets', 2)));
    const other = must(timeline.record(1, move('orders', 2)));
    return { elected, other };
  }
  const moved = (group: string, coordinator = 2): NodeEvent => ({
    type: 'group/coordinatorMoved',
    at: 3_100,
    group,
    details: { coordinator, generation: 1, members: 2 },
  });
  const rebalance = (what: 'Started' | 'd', at: number, group = 'billing'): NodeEvent => ({
    type: what === 'd' ? 'group/rebalanced' : 'group/rebalanceStarted',
    at,
    group,
  });

  it('links a rebalance to the moved coordinator, its election, the expired session and the kill', () => {
    const timeline = new Timeline();
    timeline.record(1, { type: 'group/memberJoined', at: -9_000, group: 'billing' });
    timeline.record(1, rebalance('Started', -8_999));
    timeline.record(1, rebalance('d', -5_000));
    const { elected } = afterAKill(timeline);
    const coordinator = must(timeline.record(2, moved('billing')));
    timeline.record(2, moved('other'));
    const started = must(timeline.record(2, rebalance('Started', 4_000)));
    expect(coordinator.causeId).toBe(elected.id);
    expect(started.causeId).toBe(coordinator.id);
    const chain: string[] = [];
    for (let entry: TimelineEvent | undefined = started; entry !== undefined;) {
      chain.push(entry.type);
      const { causeId }: TimelineEvent = entry;
      entry = timeline.since(0).find(({ id }) => id === causeId);
    }
    expect(chain).toEqual([
      'group/rebalanceStarted',
      'group/coordinatorMoved',
      'partition/leadersElected',
      'cluster/brokerFenced',
      'lab/nodeKilled',
    ]);
    expect(must(timeline.record(2, rebalance('d', 5_000))).causeId).toBe(started.id);
  });

  it('does not link to a coordinator or a member events after the group was stable', () => {
    const timeline = new Timeline();
    afterAKill(timeline);
    timeline.record(2, moved('billing'));
    timeline.record(2, rebalance('Started', 4_000));
    timeline.record(2, rebalance('d', 5_000));
    timeline.record(2, rebalance('d', 5_000, 'other'));
    expect(must(timeline.record(2, rebalance('Started', 6_000))).causeId).toBeUndefined();
    const left = must(timeline.record(2, { type: 'group/memberLeft', at: 6_500, group: 'billing' }));
    expect(must(timeline.record(2, rebalance('Started', 6_501))).causeId).toBe(left.id);
  });

  it('links a coordinator to the election of its partition, not to the latest one', () => {
    const timeline = new Timeline();
    const { elected, other } = afterAKill(timeline);
    expect(other.id).toBeGreaterThan(elected.id);
    expect(must(timeline.record(2, moved('billing'))).causeId).toBe(elected.id);
    // Another broker than the elected one: the record does not give the reason.
    expect(must(timeline.record(1, moved('late', 1))).causeId).toBeUndefined();
  });
});
