import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from '#shared/models/timeline';
import { ancestorsOf, chainIdsOf, countCaused, effectsOf, indexCauses, describeCauses } from '../../../renderer/timeline/causes.ts';
import { eventMatcher, laneMatcher } from '../../../renderer/timeline/event-filter.ts';
import { buildLanes, indexEvents } from '../../../renderer/timeline/lanes.ts';
import { exportTimeline } from '../../../renderer/timeline/timeline-export.ts';

const EVENTS: TimelineEvent[] = [
  { id: 1, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 3 },
  { id: 2, type: 'cluster/brokerFenced', at: 4_000, node: 2, broker: 3, causeId: 1, reason: 'its session was lost' },
  {
    id: 3,
    type: 'partition/leadersElected',
    at: 4_001,
    node: 2,
    count: 2,
    causeId: 2,
    details: {
      moves: [
        { topic: 'orders', partition: 1, from: 3, to: 1 },
        { topic: '__consumer_offsets', partition: 10, from: 3, to: 1 },
      ],
    },
  },
  { id: 4, type: 'group/coordinatorMoved', at: 4_100, node: 1, group: 'billing', causeId: 3 },
  { id: 5, type: 'group/rebalanceStarted', at: 4_900, node: 1, group: 'billing', causeId: 4 },
  { id: 6, type: 'group/rebalanced', at: 5_000, node: 1, group: 'billing', causeId: 5 },
  { id: 7, type: 'topic/created', at: 6_000, node: 1, topic: 'clicks', causeId: 999 },
  {
    id: 8,
    type: 'lab/faultInjected',
    at: 7_000,
    node: null,
    details: { faultId: 1, fault: { type: 'partition', between: [1, 12], direction: 'both' }, brokers: [1, 12] },
  },
];
const CAUSES = indexCauses(EVENTS);
const of = (id: number): TimelineEvent => CAUSES.byId.get(id) as TimelineEvent;
const idsBy = (kind: Parameters<typeof eventMatcher>[0]['kind'], text: string): number[] =>
  EVENTS.filter(eventMatcher({ kind, text })).map(({ id }) => id);

describe('causes and effects', () => {
  it('go both ways', () => {
    expect(ancestorsOf(of(5), CAUSES).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(effectsOf(of(2), CAUSES).map(({ id }) => id)).toEqual([3]);
    expect(countCaused(of(1), CAUSES)).toBe(5);
    expect(countCaused(of(6), CAUSES)).toBe(0);
    expect([...chainIdsOf(of(3), CAUSES)].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    // Its cause is no longer recorded.
    expect(ancestorsOf(of(7), CAUSES)).toEqual([]);
    expect([...chainIdsOf(of(7), CAUSES)]).toEqual([7]);
  });

  it('are described in one sentence', () => {
    expect(describeCauses(of(5), CAUSES)).toBe(
      'group billing rebalances, because group billing: coordinator moved, because 2 leaders moved to broker 1, ' +
        'because broker 3 fenced (its session was lost), because broker 3 killed',
    );
    expect(describeCauses(of(1), CAUSES)).toBe('broker 3 killed');
  });

  it('end where a record leads in a circle', () => {
    const circle = indexCauses([
      { id: 1, type: 'topic/created', at: 0, node: 1, causeId: 2 },
      { id: 2, type: 'topic/deleted', at: 0, node: 1, causeId: 1 },
    ]);
    const first = circle.byId.get(1) as TimelineEvent;
    expect(ancestorsOf(first, circle).length).toBeLessThanOrEqual(2);
    expect(countCaused(first, circle)).toBe(2);
  });
});

describe('the filter', () => {
  it('knows kinds, brokers, partitions, groups, links and words', () => {
    expect(idsBy('groups', '')).toEqual([4, 5, 6]);
    expect(idsBy('all', 'broker 3')).toEqual([1, 2]);
    expect(idsBy('all', 'orders-1')).toEqual([3]);
    expect(idsBy('all', 'Billing')).toEqual([4, 5, 6]);
    expect(idsBy('all', 'session was')).toEqual([2]);
    expect(idsBy('all', 'link 1 ↔ 12')).toEqual([8]);
    expect(idsBy('partitions', 'billing')).toEqual([]);
    expect(idsBy('all', 'clicks')).toEqual([7]);
  });

  it('does not take one number for the beginning of another', () => {
    expect(idsBy('all', '__consumer_offsets-1')).toEqual([]);
    expect(idsBy('all', '__consumer_offsets-10')).toEqual([3]);
    expect(idsBy('all', '1 ↔ 1')).toEqual([]);
  });

  it('shows the lanes that are named, and those of what happened', () => {
    const lanes = buildLanes(
      indexEvents(EVENTS),
      { brokers: [], topics: [], groups: [], controllerId: null },
      { partitions: [], most: 3, notBefore: 0 },
    );
    const shown = (text: string): string[] => lanes.filter(laneMatcher({ kind: 'all', text })).map(({ key }) => key);
    expect(shown('billing')).toEqual(['group:billing']);
    expect(shown('killed')).toEqual(['broker:3']);
    expect(shown('')).toHaveLength(lanes.length);
  });
});

describe('the export', () => {
  it('has the chain of each event, also of what the filter leaves out, and the faults', () => {
    const filter = { kind: 'groups' as const, text: '' };
    const file = exportTimeline({
      events: EVENTS.filter(eventMatcher(filter)),
      causes: CAUSES,
      cluster: { id: 'abc', name: 'Embedded cluster' },
      filter,
      moment: 4_500,
      faults: [{ id: 1, fault: { type: 'kill', node: 3 }, since: 1_000, eventId: 1, detail: null }],
      now: 0,
    });
    expect(file).toMatchObject({ format: 'brokerdesk-timeline', version: 1, cluster: { id: 'abc' }, filter, moment: 4_500 });
    expect(file.faults).toHaveLength(1);
    expect(file.events.map(({ id, because, caused }) => ({ id, because, caused }))).toEqual([
      { id: 4, because: [1, 2, 3], caused: [5] },
      { id: 5, because: [1, 2, 3, 4], caused: [6] },
      { id: 6, because: [1, 2, 3, 4, 5], caused: [] },
    ]);
    expect(
      exportTimeline({
        ...{ events: EVENTS, causes: CAUSES, faults: [], now: 0, moment: null },
        cluster: { id: null, name: null },
        filter: { kind: 'all', text: ' ' },
      }).filter,
    ).toBeNull();
  });
});
