import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from '#shared/models/timeline';
import { chainOf, chainOfTheHour, outagesOfGroup, tellEvent, tellReason } from '../../../renderer/format/timeline.ts';

const events: TimelineEvent[] = [
  { id: 1, type: 'topic/created', at: 500, node: 2, topic: 'orders' },
  { id: 2, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 3 },
  { id: 3, type: 'cluster/brokerFenced', at: 4_000, node: 2, broker: 3, causeId: 2, reason: 'its session was lost' },
  { id: 4, type: 'partition/leadersElected', at: 4_100, node: 2, count: 9, causeId: 3 },
  { id: 5, type: 'group/rebalanced', at: 4_400, node: 1, group: 'billing', causeId: 3 },
];

describe('timeline', () => {
  it('gathers a chain by its root and measures how long it took to heal', () => {
    const chain = chainOf(events[4] as TimelineEvent, events);
    expect(chain.events.map((event) => event.id)).toEqual([2, 3, 4, 5]);
    expect(chain.healedInMs).toBe(3_400);
  });

  it('does not call an outage healed before anything mended it, nor a plain event', () => {
    expect(chainOf(events[2] as TimelineEvent, events.slice(0, 3)).healedInMs).toBeNull();
    expect(chainOf(events[0] as TimelineEvent, events).healedInMs).toBeNull();
  });

  it('takes back "healed" when something broke after it', () => {
    const more: TimelineEvent[] = [...events, { id: 6, type: 'partition/leadersLost', at: 5_000, node: 2, count: 1, causeId: 3 }];
    expect(chainOf(more[5] as TimelineEvent, more).healedInMs).toBeNull();
  });

  it('does not call it healed because the quorum has another leader, while the silent broker is not fenced yet', () => {
    const frozen: TimelineEvent = { id: 1, type: 'lab/nodeFrozen', at: 0, node: null, broker: 3 };
    const elected: TimelineEvent = { id: 2, type: 'quorum/leaderElected', at: 1_100, node: 2, broker: 2, causeId: 1 };
    const fenced: TimelineEvent = { id: 3, type: 'cluster/brokerFenced', at: 3_000, node: 2, broker: 3, causeId: 1 };
    const moved: TimelineEvent = { id: 4, type: 'partition/leadersElected', at: 3_010, node: 2, causeId: 3 };
    expect(chainOf(elected, [frozen, elected]).healedInMs).toBeNull();
    expect(chainOf(moved, [frozen, elected, fenced, moved]).healedInMs).toBe(3_010);
  });

  it('does not call it healed while a partition has no leader, though a group goes on', () => {
    const lost: TimelineEvent = { id: 5, type: 'partition/leadersLost', at: 4_100, node: 2, count: 1, causeId: 3 };
    const moved: TimelineEvent = { id: 6, type: 'group/coordinatorMoved', at: 4_300, node: 2, group: 'billing', causeId: 3 };
    const more = [...events.slice(0, 4), lost, moved];
    expect(chainOf(moved, more).healedInMs).toBeNull();
    const elected: TimelineEvent = { id: 7, type: 'partition/leadersElected', at: 6_000, node: 2, count: 1, causeId: 3 };
    expect(chainOf(elected, [...more, elected]).healedInMs).toBe(5_000);
  });

  it('stands a cause that is gone or goes round', () => {
    const odd: TimelineEvent[] = [
      { id: 7, type: 'node/ready', at: 1, node: 1, causeId: 999 },
      { id: 8, type: 'node/ready', at: 2, node: 1, causeId: 8 },
    ];
    expect(chainOf(odd[0] as TimelineEvent, odd).events.map((event) => event.id)).toEqual([7]);
    expect(chainOf(odd[1] as TimelineEvent, odd).events.map((event) => event.id)).toEqual([8]);
  });

  it('says of damage whether it was cut off or met, and where', () => {
    const found = (foundBy: string): TimelineEvent => ({
      id: 1,
      type: 'node/corruptionFound',
      at: 1,
      node: 3,
      broker: 3,
      topic: 'orders',
      partitions: [2],
      reason: 'the batch at offset 7 is not handed out (checksum): reading stops there',
      details: { foundBy },
    });
    expect(tellEvent(found('recovery'))).toBe('broker 3 cut off damage in its log of orders 2');
    expect(tellEvent(found('read'))).toBe('broker 3 met damage in its log of orders 2');
    expect(tellReason(found('read'))).toContain('reading stops there');
  });

  it('keeps an outage in front while members come and go, for two minutes', () => {
    const join = (at: number): TimelineEvent => ({ id: 9, type: 'group/memberJoined', at, node: 1, group: 'billing' });
    expect(chainOfTheHour([])).toBeNull();
    expect(chainOfTheHour([...events, join(60_000)])?.events[0]?.id).toBe(2);
    expect(chainOfTheHour([...events, join(200_000)])?.events[0]?.id).toBe(9);
    expect(chainOfTheHour([...events, { id: 9, type: 'topic/created', at: 60_000, node: 1, topic: 'x' }])?.events[0]?.id).toBe(9);
  });

  it('tells events in words', () => {
    expect(events.map(tellEvent)).toEqual([
      'topic orders created',
      'broker 3 killed',
      'broker 3 fenced',
      '9 leaders moved',
      'group billing rebalanced',
    ]);
    expect(tellEvent({ id: 1, type: 'partition/isrShrunk', at: 0, node: 1, topic: 'clicks', partitions: [0, 1, 2, 7] })).toBe(
      '4 partitions of clicks 0–2, 7 lost an in-sync replica',
    );
  });

  it('does not take the broker that was lost for the one that leads now', () => {
    const moved = (to: number[]): TimelineEvent => ({
      id: 9,
      type: 'partition/leadersElected',
      at: 0,
      node: 1,
      broker: 3,
      count: to.length,
      details: { moves: to.map((one, partition) => ({ topic: 'orders', partition, from: 3, to: one })) },
    });
    expect(tellEvent(moved([1, 2]))).toBe('2 leaders moved off broker 3');
    expect(tellEvent(moved([2, 2]))).toBe('2 leaders moved to broker 2');
    expect(tellEvent({ id: 9, type: 'partition/leadersElected', at: 0, node: 1, broker: 3, count: 2 })).toBe('2 leaders moved');
  });

  it('shades a group from the fault to its rebalance', () => {
    expect(outagesOfGroup('billing', events)).toEqual([
      { from: 1_000, until: 4_400, label: 'broker 3 killed', healed: 'group rebalanced' },
    ]);
    expect(outagesOfGroup('billing', events.slice(0, 3))).toEqual([{ from: 1_000, until: null, label: 'broker 3 killed', healed: null }]);
    const moved: TimelineEvent = { id: 6, type: 'group/coordinatorMoved', at: 4_500, node: 1, group: 'billing', causeId: 3 };
    expect(outagesOfGroup('billing', [...events, moved])[0]?.healed).toBe('coordinator moved');
  });
});
