import { describe, expect, it } from 'vitest';
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import { openIncidents, servedAgainAt, since, touchesGroup, type Incident } from '#shared/incidents/incident';
import { IncidentReducer, deriveIncidents } from '#shared/incidents/reducer';

type Fields = Partial<Omit<TimelineEvent, 'id' | 'type' | 'at'>>;

/** Numbers the events as the timeline does. */
class Story {
  readonly events: TimelineEvent[] = [];

  add(type: TimelineEventType, at: number, fields: Fields = {}): TimelineEvent {
    const event = { id: this.events.length + 1, type, at, node: fields.node ?? 1, ...fields };
    this.events.push(event);
    return event;
  }

  get incidents(): readonly Incident[] {
    return deriveIncidents(this.events);
  }

  get only(): Incident {
    const [incident, ...more] = this.incidents;
    if (incident === undefined || more.length > 0) throw new Error(`${this.incidents.length} incidents`);
    return incident;
  }
}

const move = (topic: string, partition: number, from: number, to: number) => ({ topic, partition, from, to });

/** Broker 3 is killed at 1,000 and fenced at 4,000: orders-0 moves to broker 1, audit-0 has no other replica, orders-1 was followed by it. */
function kill(story: Story, type: TimelineEventType = 'lab/nodeKilled'): void {
  const root = story.add(type, 1_000, { broker: 3, node: null });
  const fenced = story.add('cluster/brokerFenced', 4_000, { broker: 3, causeId: root.id });
  const because = { broker: 3, causeId: fenced.id };
  story.add('partition/leadersElected', 4_001, { ...because, count: 1, details: { moves: [move('orders', 0, 3, 1)] } });
  story.add('partition/leadersLost', 4_001, { ...because, count: 1, details: { partitions: [move('audit', 0, 3, -1)] } });
  const changes = [0, 1].map((partition) => ({ topic: 'orders', partition, from: [1, 3], to: [1] }));
  story.add('partition/isrShrunk', 4_001, { ...because, count: 2, details: { changes } });
}

function restart(story: Story, at: number): void {
  const started = story.add('lab/nodeStarted', at, { broker: 3, node: null });
  const registered = story.add('cluster/brokerRegistered', at + 500, { broker: 3, causeId: started.id });
  const unfenced = story.add('cluster/brokerUnfenced', at + 900, { broker: 3, causeId: registered.id });
  const moves = [move('audit', 0, -1, 3)];
  story.add('partition/leadersElected', at + 901, { broker: 3, causeId: unfenced.id, count: 1, details: { moves } });
}

const expand = (story: Story, at: number, partitions: number[]): void => {
  const changes = partitions.map((partition) => ({ topic: 'orders', partition, from: [1], to: [1, 3] }));
  story.add('partition/isrExpanded', at, { count: changes.length, details: { changes } });
};

describe('incidents', () => {
  it('is open and undetected until the cluster notices the fault', () => {
    const story = new Story();
    story.add('lab/nodeKilled', 1_000, { broker: 3, node: null });
    expect(story.only).toMatchObject({
      cause: 'fault',
      subject: { kind: 'broker', broker: 3 },
      detectedAt: null,
      failedOverAt: null,
      closedAt: null,
      lasts: true,
    });
  });

  it('has failed over only when every affected partition has a leader again', () => {
    const story = new Story();
    kill(story);
    expect(story.only).toMatchObject({ detectedAt: 4_000, failedOverAt: null, leaderless: 1, underReplicated: 2 });
    restart(story, 10_000);
    expect(story.only).toMatchObject({ failedOverAt: 10_901, leaderless: 0, recoveredAt: null, closedAt: null });
    expect(since(story.only, story.only.failedOverAt)).toBe(9_901);
  });

  it('has recovered only when the ISRs are full, and closes then', () => {
    const story = new Story();
    kill(story);
    restart(story, 10_000);
    expand(story, 12_000, [0]);
    expect(story.only).toMatchObject({ underReplicated: 1, recoveredAt: null, closedAt: null, lasts: false });
    expand(story, 13_000, [1]);
    expect(story.only).toMatchObject({ underReplicated: 0, recoveredAt: 13_000, closedAt: 13_000 });
    expect(openIncidents(story.incidents)).toEqual([]);
  });

  it('stays open while the broker is out of service, though its replicas were moved to others', () => {
    const story = new Story();
    kill(story);
    story.add('partition/leadersElected', 4_500, { count: 1, details: { moves: [move('audit', 0, -1, 1)] } });
    const changes = [0, 1].map((partition) => ({ topic: 'orders', partition, from: [1, 3], to: [1, 2] }));
    story.add('partition/reassigned', 9_000, { count: 2, details: { changes } });
    expect(story.only).toMatchObject({ recoveredAt: 9_000, closedAt: null, lasts: true });
    story.add('lab/nodeRemoved', 9_500, { broker: 3, node: null });
    expect(story.only.closedAt).toBe(9_500);
  });

  it('does not end with a topic that is deleted while others are under-replicated', () => {
    const story = new Story();
    kill(story);
    restart(story, 10_000);
    const changes = [{ topic: 'clicks', partition: 0, from: [1, 3], to: [1] }];
    story.add('partition/isrShrunk', 11_000, { causeId: 2, count: 1, details: { changes } });
    story.add('topic/deleted', 12_000, { topic: 'orders' });
    expect(story.only).toMatchObject({ underReplicated: 1, closedAt: null });
    story.add('topic/deleted', 13_000, { topic: 'clicks' });
    expect(story.only.closedAt).toBe(13_000);
  });

  it('closes a freeze with its thaw where the cluster did not notice it, and opens it again when the session expires after all', () => {
    const story = new Story();
    const frozen = story.add('lab/nodeFrozen', 1_000, { broker: 3, node: null });
    story.add('lab/nodeThawed', 3_900, { broker: 3, node: null });
    expect(story.only).toMatchObject({ detectedAt: null, closedAt: 3_900, lasts: false });
    story.add('cluster/brokerFenced', 4_000, { broker: 3, causeId: frozen.id });
    expect(story.only).toMatchObject({ detectedAt: 4_000, closedAt: null, lasts: true });
    story.add('cluster/brokerUnfenced', 4_200, { broker: 3 });
    expect(story.only.closedAt).toBe(4_200);
  });

  it.each(['lab/nodeKilled', 'lab/nodeStopped', 'lab/powerCut', 'node/failed'] as const)(
    'keeps %s open until its broker is in service',
    (type) => {
      const story = new Story();
      story.add(type, 0, { broker: 2, node: null });
      story.add('cluster/brokerUnfenced', 1_000, { broker: 3 });
      story.add('lab/nodeStarted', 2_000, { broker: 2, node: null });
      expect(story.only.closedAt).toBeNull();
      story.add('cluster/brokerUnfenced', 3_000, { broker: 2 });
      expect(story.only.closedAt).toBe(3_000);
    },
  );

  it('closes an injected fault when that fault is healed and its ISRs are full', () => {
    const story = new Story();
    const fault = { type: 'partition', between: [1, 3], direction: 'both' };
    const cut = story.add('lab/faultInjected', 0, { node: null, details: { faultId: 4, fault, brokers: [1, 3] } });
    const changes = [{ topic: 'orders', partition: 0, from: [1, 3], to: [1] }];
    story.add('partition/isrShrunk', 9_000, { causeId: cut.id, count: 1, details: { changes } });
    story.add('lab/faultHealed', 10_000, { node: null, details: { faultId: 3, fault } });
    expect(story.only).toMatchObject({ lasts: true, subject: { kind: 'link', between: [1, 3] } });
    story.add('lab/faultHealed', 11_000, { node: null, details: { faultId: 4, fault } });
    expect(story.only).toMatchObject({ lasts: false, closedAt: null, failedOverAt: null });
    expand(story, 12_000, [0]);
    expect(story.only).toMatchObject({ recoveredAt: 12_000, closedAt: 12_000, failedOverAt: null });
  });

  it('takes failures without a recorded cause as observed incidents, and nothing else', () => {
    const story = new Story();
    story.add('topic/created', 0, { topic: 'orders' });
    story.add('quorum/leaderElected', 1, { broker: 1, details: { epoch: 1 } });
    story.add('group/memberJoined', 2, { group: 'g' });
    story.add('partition/leadersElected', 3, { details: { trigger: 'request', moves: [move('orders', 0, 1, 2)] } });
    const started = story.add('lab/nodeStarted', 4, { broker: 2, node: null });
    story.add('cluster/brokerFenced', 5, { broker: 2, details: { trigger: 'registration' } });
    story.add('partition/isrShrunk', 6, { causeId: started.id, details: { changes: [] } });
    expect(story.incidents).toEqual([]);
    story.add('cluster/brokerFenced', 1_000, { broker: 2 });
    story.add('quorum/leaderElected', 2_000, { broker: 3, details: { epoch: 2, previousLeader: 1 } });
    story.add('cluster/processSuspended', 90_000, { node: null, details: { forMs: 80_000 } });
    expect(story.incidents).toMatchObject([
      { cause: 'observed', subject: { kind: 'broker', broker: 2 }, startedAt: 1_000, closedAt: null },
      { cause: 'observed', subject: { kind: 'cluster' }, closedAt: 2_000 },
      { cause: 'observed', subject: { kind: 'cluster' }, startedAt: 10_000, closedAt: 90_000 },
    ]);
  });

  it('keeps a controller that resigned open until one is elected', () => {
    const story = new Story();
    const resigned = story.add('quorum/leaderResigned', 1_000, { broker: 1, details: { epoch: 1 } });
    expect(story.only).toMatchObject({ cause: 'observed', subject: { kind: 'cluster' }, closedAt: null });
    story.add('quorum/leaderElected', 91_000, { broker: 1, causeId: resigned.id, details: { epoch: 2, previousLeader: 1 } });
    expect(story.only.closedAt).toBe(91_000);
  });

  it('counts partitions that a cut list does not name, and recovers when as many have joined again', () => {
    const story = new Story();
    const root = story.add('lab/nodeKilled', 0, { broker: 3, node: null });
    const fenced = story.add('cluster/brokerFenced', 3_000, { broker: 3, causeId: root.id });
    const changes = Array.from({ length: 100 }, (_, partition) => ({ topic: 'orders', partition, from: [1, 3], to: [1] }));
    story.add('partition/isrShrunk', 3_000, { causeId: fenced.id, count: 964, details: { changes } });
    expect(story.only).toMatchObject({ underReplicated: 964, complete: false });
    restart(story, 5_000);
    // Others than those that the first list names come first.
    const back = (from: number, count: number) =>
      Array.from({ length: Math.min(count, 100) }, (_, i) => ({ topic: 'orders', partition: from + i, from: [1], to: [1, 3] }));
    story.add('partition/isrExpanded', 7_000, { count: 864, details: { changes: back(100, 864) } });
    expect(story.only).toMatchObject({ underReplicated: 100, recoveredAt: null, closedAt: null });
    story.add('partition/isrExpanded', 8_000, { count: 100, details: { changes: back(0, 100) } });
    expect(story.only).toMatchObject({ underReplicated: 0, recoveredAt: 8_000, closedAt: 8_000 });
  });

  const listOf = (count: number, from: number) =>
    Array.from({ length: Math.min(count, 100) }, (_, partition) => ({ topic: 'orders', partition, from, to: 1 }));

  it('touches groups that read a partition that only the ranges of a cut list name', () => {
    const touched = (details: Record<string, unknown>) => {
      const story = new Story();
      const root = story.add('lab/nodeKilled', 0, { broker: 3, node: null });
      const fenced = story.add('cluster/brokerFenced', 3_000, { broker: 3, causeId: root.id });
      story.add('partition/leadersElected', 3_000, { causeId: fenced.id, count: 150, details });
      const reads = (partition: number) => touchesGroup(story.only, { id: 'reading', partitions: [{ topic: 'orders', partition }] });
      return { complete: story.only.complete, touched: [0, 99, 149, 150, 298].filter(reads) };
    };
    const moves = listOf(150, 3);
    expect(touched({ moves, ranges: [['orders', '0-149,298']] })).toEqual({ complete: true, touched: [0, 99, 149, 298] });
    expect(touched({ moves })).toEqual({ complete: false, touched: [0, 99] });
    // Files can be edited.
    expect(touched({ moves, ranges: [['orders'], 'orders', ['orders', 'x-y,'], ['orders', '149-1e12']] }).touched).toContain(149);
  });

  it.each([
    ['both named in ranges', { ranges: [['orders', '0-249']] }, { ranges: [['orders', '0-249']] }],
    ['named when they are lost only', { ranges: [['orders', '0-249']] }, {}],
    ['named when they are led again only', {}, { ranges: [['orders', '0-249']] }],
    ['named by neither', {}, {}],
  ])('has no partition without a leader once each of 250 is led again: %s', (_title, lost, led) => {
    const story = new Story();
    const root = story.add('lab/nodeKilled', 0, { broker: 3, node: null });
    const fenced = story.add('cluster/brokerFenced', 3_000, { broker: 3, causeId: root.id });
    story.add('partition/leadersLost', 3_000, { causeId: fenced.id, count: 250, details: { partitions: listOf(250, 3), ...lost } });
    expect(story.only).toMatchObject({ leaderless: 250, failedOverAt: null });
    restart(story, 5_000);
    const details = { moves: listOf(250, -1), totals: { ledAgain: 250 }, ...led };
    story.add('partition/leadersElected', 6_000, { count: 250, details });
    expect(story.only).toMatchObject({ leaderless: 0, failedOverAt: 6_000, closedAt: 6_000 });
  });

  it('keeps a partition without a leader while an election names another one', () => {
    const story = new Story();
    const root = story.add('lab/nodeKilled', 0, { broker: 3, node: null });
    const fenced = story.add('cluster/brokerFenced', 3_000, { broker: 3, causeId: root.id });
    const partitions = [{ topic: 'orders', partition: 0, from: 3, to: -1 }];
    story.add('partition/leadersLost', 3_000, { causeId: fenced.id, count: 1, details: { partitions } });
    const moves = [{ topic: 'clicks', partition: 5, from: -1, to: 1 }];
    story.add('partition/leadersElected', 4_000, { count: 1, details: { moves } });
    expect(story.only).toMatchObject({ leaderless: 1, failedOverAt: null });
  });

  it('gives each incident its own partitions when two brokers are down', () => {
    const story = new Story();
    kill(story);
    const second = story.add('lab/nodeKilled', 5_000, { broker: 2, node: null });
    const fenced = story.add('cluster/brokerFenced', 8_000, { broker: 2, causeId: second.id });
    const changes = [{ topic: 'clicks', partition: 0, from: [1, 2], to: [1] }];
    story.add('partition/isrShrunk', 8_000, { causeId: fenced.id, count: 1, details: { changes } });
    restart(story, 10_000);
    expand(story, 12_000, [0, 1]);
    expect(story.incidents).toMatchObject([
      { id: 1, closedAt: 12_000 },
      { id: second.id, closedAt: null, underReplicated: 1 },
    ]);
  });

  it('bounds the incidents that it keeps and never forgets an open one for a closed one', () => {
    const reducer = new IncidentReducer();
    reducer.add({ id: 1, type: 'lab/nodeKilled', at: 0, node: null, broker: 1 });
    for (let id = 2; id < 1_500; id++)
      reducer.add({ id, type: 'quorum/leaderElected', at: id, node: 2, broker: 2, details: { epoch: id, previousLeader: 3 } });
    expect(reducer.list().length).toBeLessThanOrEqual(200);
    expect(openIncidents(reducer.list()).map(({ id }) => id)).toEqual([1]);
  });
});

describe('groups of an incident', () => {
  const group = (id: string, topic: string, partitions: number[]) => ({
    id,
    partitions: partitions.map((partition) => ({ topic, partition })),
  });

  it('are those whose leader or coordinator it moved', () => {
    const story = new Story();
    kill(story);
    story.add('group/coordinatorMoved', 4_200, { group: 'moved', causeId: 3 });
    const { only } = story;
    expect(touchesGroup(only, group('a', 'orders', [0]))).toBe(true);
    expect(touchesGroup(only, group('moved', 'clicks', [0]))).toBe(true);
    // Broker 3 only followed orders-1.
    expect(touchesGroup(only, group('b', 'orders', [1]))).toBe(false);
    expect(touchesGroup(only, group('c', 'clicks', [0]))).toBe(false);
  });

  it('are served again when their leaders are elected and they are stable', () => {
    const story = new Story();
    kill(story);
    const coordinator = story.add('group/coordinatorMoved', 4_200, { group: 'g', causeId: 3 });
    const reads = group('g', 'orders', [0]);
    const rebalance = story.add('group/rebalanceStarted', 4_300, { group: 'g', causeId: coordinator.id });
    expect(servedAgainAt(story.only, reads)).toBeNull();
    story.add('group/rebalanced', 6_000, { group: 'g', causeId: rebalance.id });
    // audit-0 has no leader yet.
    expect(servedAgainAt(story.only, reads)).toBeNull();
    restart(story, 10_000);
    expect(servedAgainAt(story.only, reads)).toBe(10_901);
    expect(story.only.closedAt).toBeNull();
  });

  it('keep an incident of a member open until the group is stable without it', () => {
    const story = new Story();
    const details = { memberId: 'm' };
    const crash = story.add('load/memberCrashed', 0, { group: 'g', node: null, details });
    expect(story.only).toMatchObject({ subject: { kind: 'group', group: 'g' }, closedAt: null });
    const expired = story.add('group/memberExpired', 9_000, { group: 'g', causeId: crash.id, details });
    const rebalance = story.add('group/rebalanceStarted', 9_000, { group: 'g', causeId: expired.id });
    story.add('group/rebalanced', 9_100, { group: 'g', causeId: rebalance.id });
    expect(story.only).toMatchObject({ detectedAt: 9_000, closedAt: 9_100 });
  });
});
