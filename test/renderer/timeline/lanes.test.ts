import { describe, expect, it } from 'vitest';
import type { BrokerRow, GroupRow, TopicRow } from '#shared/models/cluster';
import type { TimelineEvent } from '#shared/models/timeline';
import { groupSpans } from '../../../renderer/timeline/lane-spans.ts';
import { barsOf, causesOf, marksOf, ticksOf } from '../../../renderer/timeline/lane-view.ts';
import { buildLanes, indexEvents, type Lane } from '../../../renderer/timeline/lanes.ts';
import { measureProcessorTime } from '../../helpers/processor-time.ts';

const broker = (id: number, more: Partial<BrokerRow> = {}): BrokerRow => ({
  id,
  host: '127.0.0.1',
  port: 9091 + id,
  rack: null,
  state: 'online',
  since: 500,
  isController: id === 2,
  quorumRole: 'follower',
  leaders: 0,
  replicas: 0,
  inSync: 0,
  sessionAgeMs: 0,
  sessionTimeoutMs: 3_000,
  logBytes: null,
  disk: null,
  lab: null,
  ...more,
});
const topic = (name: string, leaders: (number | null)[]): TopicRow => ({
  name,
  id: null,
  internal: false,
  replicationFactor: 3,
  partitions: leaders.map((leader, partition) => ({
    partition,
    leader,
    leaderEpoch: 1,
    replicas: [],
    isr: [],
    startOffset: null,
    endOffset: null,
    sizeBytes: null,
    error: null,
  })),
  cleanupPolicy: null,
  minInsyncReplicas: 2,
  records: null,
  sizeBytes: null,
  recordsEstimated: false,
  offsetsAsOf: null,
});

/** Broker 3 freezes, is fenced, what it led moves, its group rebalances, it thaws. */
const STORY: TimelineEvent[] = [
  { id: 1, type: 'lab/nodeFrozen', at: 1_000, node: null, broker: 3 },
  { id: 2, type: 'cluster/brokerFenced', at: 4_000, node: 2, broker: 3, causeId: 1 },
  {
    id: 3,
    type: 'partition/leadersElected',
    at: 4_100,
    node: 2,
    broker: 3,
    count: 2,
    causeId: 2,
    details: {
      moves: [
        { topic: 'orders', partition: 2, from: 3, to: 1 },
        { topic: 'orders', partition: 5, from: 3, to: 2 },
      ],
    },
  },
  { id: 4, type: 'group/coordinatorMoved', at: 4_150, node: 1, group: 'billing', causeId: 3 },
  { id: 5, type: 'group/rebalanceStarted', at: 4_200, node: 1, group: 'billing', causeId: 4 },
  { id: 6, type: 'group/rebalanced', at: 5_200, node: 1, group: 'billing', causeId: 5, details: { members: 2 } },
  { id: 7, type: 'lab/nodeThawed', at: 9_000, node: null, broker: 3 },
  { id: 8, type: 'cluster/brokerUnfenced', at: 9_400, node: 2, broker: 3, causeId: 7 },
];

const EARLIER: TimelineEvent = { id: 0, type: 'topic/configChanged', at: 0, node: 1, topic: 'other' };

function lanesOf(
  events: readonly TimelineEvent[],
  topics: TopicRow[] = [topic('orders', [1, 2, 1, 2, 1, 2])],
  brokers = [1, 2, 3].map((id) => broker(id)),
  whole = false,
) {
  // Unless the record is whole, what came before it is assumed to have gone on for ever.
  const record = whole ? events : [EARLIER, ...events];
  const lanes = buildLanes(
    indexEvents(record),
    { brokers, topics, groups: [], controllerId: 2 },
    { partitions: [], most: 5, notBefore: 0 },
  );
  return new Map(lanes.map((lane) => [lane.key, lane]));
}
const textOf = (lane: Pick<Lane, 'spans'> | undefined): string[] =>
  (lane?.spans ?? []).map((span) => `${span.from}–${span.until ?? ''} ${span.word}`);

describe('lanes', () => {
  it('begin with the run, where the record reaches back to it, and with the topic', () => {
    const events: TimelineEvent[] = [
      { id: 1, type: 'cluster/brokerUnfenced', at: 500, node: 2, broker: 3 },
      { id: 2, type: 'topic/created', at: 800, node: 2, topic: 'orders' },
      ...STORY.map((event) => ({ ...event, id: event.id + 10, ...(event.causeId === undefined ? {} : { causeId: event.causeId + 10 }) })),
    ];
    const lanes = lanesOf(events, [topic('orders', [1, 2, 1, 2, 1, 2])], [broker(3)], true);
    expect(textOf(lanes.get('partition:orders-2'))).toEqual(['800–4100 broker 3', '4100– broker 1']);
    expect(textOf(lanes.get('group:billing'))[0]).toBe('500–4200 stable');
    expect(textOf(lanes.get('broker:3'))[0]).toBe('500–1000 online');
  });

  it('leaves a gap in the lane of the controller while there is none', () => {
    const elected = (id: number, at: number, broker: number, previousLeader?: number): TimelineEvent => ({
      id,
      type: 'quorum/leaderElected',
      at,
      node: broker,
      broker,
      details: { epoch: id, ...(previousLeader === undefined ? {} : { previousLeader }) },
    });
    const spansOf = (events: TimelineEvent[]): string[] => textOf(lanesOf(events).get('controller'));
    const lost: TimelineEvent[] = [
      elected(1, 100, 2),
      { id: 2, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 1 },
      { id: 3, type: 'lab/nodeKilled', at: 1_100, node: null, broker: 3 },
      { id: 4, type: 'quorum/leaderResigned', at: 2_500, node: 2, broker: 2, details: { epoch: 1 } },
    ];
    expect(spansOf([...lost, elected(5, 92_500, 2, 2)])).toEqual(['100–2500 broker 2', '2500–92500 none', '92500– broker 2']);
    const frozen: TimelineEvent = { id: 2, type: 'lab/nodeFrozen', at: 1_000, node: null, broker: 2 };
    const thawed: TimelineEvent = { id: 3, type: 'lab/nodeThawed', at: 1_500, node: null, broker: 2 };
    expect(spansOf([elected(1, 100, 2), frozen, thawed])).toEqual(['100–1000 broker 2', '1000–1500 none answers', '1500– broker 2']);
    // Thawed after another was elected it resigns, which ends nothing.
    const resigned: TimelineEvent = { id: 5, type: 'quorum/leaderResigned', at: 4_000, node: 2, broker: 2, details: { epoch: 1 } };
    expect(spansOf([elected(1, 100, 2), frozen, elected(3, 2_200, 1, 2), { ...thawed, id: 4, at: 3_900 }, resigned])).toEqual([
      '100–1000 broker 2',
      '1000–2200 none answers',
      '2200– broker 1',
    ]);
  });

  it('replays a broker from frozen over fenced to online', () => {
    expect(textOf(lanesOf(STORY).get('broker:3'))).toEqual([
      '0–1000 online',
      '1000–4000 frozen',
      '4000–9000 frozen, fenced',
      '9000–9400 fenced',
      '9400– online',
    ]);
    expect(
      lanesOf(STORY)
        .get('broker:3')
        ?.spans.map((span) => span.eventId),
    ).toEqual([null, 1, 2, 7, 8]);
  });

  it('a killed broker stays down until it starts, also when it is fenced meanwhile', () => {
    const events: TimelineEvent[] = [
      { id: 1, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 3 },
      { id: 2, type: 'cluster/brokerFenced', at: 4_000, node: 2, broker: 3, causeId: 1 },
      { id: 3, type: 'lab/nodeStarted', at: 8_000, node: null, broker: 3 },
      { id: 4, type: 'cluster/brokerRegistered', at: 8_300, node: 2, broker: 3 },
      { id: 5, type: 'cluster/brokerUnfenced', at: 8_900, node: 2, broker: 3 },
    ];
    expect(textOf(lanesOf(events).get('broker:3'))).toEqual(['0–1000 online', '1000–8000 down', '8000–8900 starting', '8900– online']);
  });

  it('says who led a partition before, from the move itself, and only shows partitions that moved', () => {
    const lanes = lanesOf(STORY);
    expect(textOf(lanes.get('partition:orders-2'))).toEqual(['0–4100 broker 3', '4100– broker 1']);
    expect(lanes.get('partition:orders-2')?.spans.map((span) => span.tone)).toEqual(['led', 'led2']);
    expect(lanes.has('partition:orders-0')).toBe(false);
  });

  it('does not guess when a list was cut, or when the present differs from the record', () => {
    const cut: TimelineEvent = {
      ...(STORY[2] as TimelineEvent),
      id: 9,
      at: 20_000,
      count: 300,
      details: { moves: [{ topic: 'other', partition: 0, from: 1, to: 2 }] },
    };
    expect(textOf(lanesOf([...STORY, cut]).get('partition:orders-2'))).toEqual([
      '0–4100 broker 3',
      '4100–20000 broker 1',
      '20000– ? now broker 1',
    ]);
    expect(textOf(lanesOf(STORY, [topic('orders', [1, 2, null, 2, 1, 2])]).get('partition:orders-2')).at(-1)).toBe(
      '4100– broker 1; now none answers',
    );
  });

  it('does not show a group as stable now while its coordinator does not answer', () => {
    const rebalanced: TimelineEvent[] = [
      { id: 1, type: 'group/rebalanceStarted', at: 100, node: 1, group: 'g', details: { members: 1 } },
      { id: 2, type: 'group/rebalanced', at: 200, node: 1, group: 'g', details: { members: 1 } },
    ];
    const row = { id: 'g', state: 'Stable', members: [{}] } as unknown as GroupRow;
    expect(textOf({ spans: groupSpans(rebalanced, { ...row, coordinator: 1 }) }).at(-1)).toBe('200– stable');
    expect(textOf({ spans: groupSpans(rebalanced, { ...row, coordinator: null }) }).at(-1)).toBe('200– stable; now ?');
    expect(textOf({ spans: groupSpans([], { ...row, coordinator: null }) }).at(-1)).toMatch(/ \?$/);
  });

  it('shows a group through its rebalance, and links while a fault of theirs is in force', () => {
    expect(textOf(lanesOf(STORY).get('group:billing'))).toEqual(['0–4200 stable', '4200–5200 rebalances', '5200– stable']);
    const fault = { type: 'partition', between: [3, 2], direction: 'both' };
    const events: TimelineEvent[] = [
      { id: 1, type: 'lab/faultInjected', at: 1_000, node: null, details: { faultId: 1, fault } },
      { id: 2, type: 'lab/faultInjected', at: 2_000, node: null, details: { faultId: 2, fault: { ...fault, type: 'slowLink' } } },
      { id: 3, type: 'lab/faultHealed', at: 3_000, node: null, details: { faultId: 1, fault } },
      { id: 4, type: 'lab/faultHealed', at: 4_000, node: null, details: { faultId: 2, fault: { ...fault, type: 'slowLink' } } },
    ];
    expect(textOf(lanesOf(events).get('link:2-3'))).toEqual(['0–1000 whole', '1000–3000 cut', '3000–4000 slow', '4000– whole']);
  });

  it('has no controller from where the one that led was killed until the next election', () => {
    const killed: TimelineEvent = { id: 2, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 1 };
    const events: TimelineEvent[] = [
      { id: 1, type: 'quorum/leaderElected', at: 500, node: 1, broker: 1 },
      killed,
      { id: 3, type: 'quorum/leaderElected', at: 1_800, node: 2, broker: 2, details: { previousLeader: 1 } },
    ];
    expect(textOf(lanesOf(events).get('controller'))).toEqual(['500–1000 broker 1', '1000–1800 none', '1800– broker 2']);
    expect(textOf(lanesOf([...events, { ...killed, id: 4, at: 3_000, broker: 2 }]).get('controller')).at(-1)).toBe('3000– none');
  });

  it('reads from the view what no event reports: an unreachable broker', () => {
    expect(textOf(lanesOf([], [], [broker(1, { state: 'unreachable', since: 700 })]).get('broker:1'))).toEqual(['700– unreachable']);
  });

  it('stays small and quick with 5,000 events', () => {
    const events: TimelineEvent[] = Array.from({ length: 5_000 }, (_, i) => ({
      id: i + 1,
      type: i % 2 === 0 ? 'lab/nodeFrozen' : 'lab/nodeThawed',
      at: 1_000 + i * 100,
      node: null,
      broker: 1 + (i % 3),
      ...(i > 0 ? { causeId: i } : {}),
    }));
    const window = { from: 0, until: 501_000, width: 1_000 };
    const { ms, result } = measureProcessorTime(() => {
      const lanes = [...lanesOf(events).values()];
      const bars = lanes.map((lane) => barsOf(lane.spans, window));
      return { lanes, bars, marks: marksOf(lanes, window), curves: causesOf(events, lanes, window, 80) };
    });
    const { lanes, bars, marks, curves } = result;
    expect(ms).toBeLessThan(1_000);
    for (const list of bars) expect(list.length).toBeLessThanOrEqual(501);
    for (const list of bars)
      for (const [i, bar] of list.entries())
        expect(bar.x).toBeGreaterThanOrEqual((list[i - 1]?.x ?? -1) + (list[i - 1]?.width ?? 0) - 0.001);
    expect(marks.length).toBeLessThanOrEqual(lanes.length * 335);
    expect(curves).toHaveLength(80);
  });
});

describe('what of the lanes is seen', () => {
  const window = { from: 0, until: 10_000, width: 1_000 };

  it('cuts spans at the window and leaves out what lies beyond', () => {
    const spans = lanesOf(STORY).get('broker:3')?.spans ?? [];
    const bars = barsOf(spans, { from: 2_000, until: 6_000, width: 400 });
    expect(bars.map((bar) => [bar.span.word, bar.x, bar.width])).toEqual([
      ['frozen', 0, 199],
      ['frozen, fenced', 200, 199],
    ]);
  });

  it('draws a cause that has no lane through to its own cause', () => {
    const lanes = [...lanesOf(STORY).values()];
    const curves = causesOf(STORY, lanes, window, 80).map(({ cause, effect }) => `${cause.id}→${effect.id}`);
    // Fenced and frozen are on one lane: no curve between them.
    expect(curves).toEqual(['3→4', '2→3']);
    const without = lanes.filter((lane) => lane.kind !== 'partition' && lane.key !== 'broker:3');
    expect(causesOf(STORY, without, window, 80)).toEqual([]);
  });

  it('has round ticks that do not crowd', () => {
    expect(ticksOf({ from: 3_200, until: 63_200, width: 700 }).map(({ at }) => at)).toEqual([
      10_000, 20_000, 30_000, 40_000, 50_000, 60_000,
    ]);
  });
});
