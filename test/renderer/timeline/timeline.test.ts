import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from '#shared/models/timeline';
import { chainOf, describeEvent, describeReason } from '../../../renderer/timeline/timeline.ts';

const events: TimelineEvent[] = [
  { id: 1, type: 'topic/created', at: 500, node: 2, topic: 'orders' },
  { id: 2, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 3 },
  { id: 3, type: 'cluster/brokerFenced', at: 4_000, node: 2, broker: 3, causeId: 2, reason: 'its session was lost' },
  { id: 4, type: 'partition/leadersElected', at: 4_100, node: 2, count: 9, causeId: 3 },
  { id: 5, type: 'group/rebalanced', at: 4_400, node: 1, group: 'billing', causeId: 3 },
];

describe('timeline', () => {
  it('gathers a chain by its root', () => {
    const chain = chainOf(events[4] as TimelineEvent, events);
    expect(chain.events.map((event) => event.id)).toEqual([2, 3, 4, 5]);
  });

  it('stands a cause that is gone or goes round', () => {
    const odd: TimelineEvent[] = [
      { id: 7, type: 'node/ready', at: 1, node: 1, causeId: 999 },
      { id: 8, type: 'node/ready', at: 2, node: 1, causeId: 8 },
    ];
    expect(chainOf(odd[0] as TimelineEvent, odd).events.map((event) => event.id)).toEqual([7]);
    expect(chainOf(odd[1] as TimelineEvent, odd).events.map((event) => event.id)).toEqual([8]);
  });

  it('names the operation that found corrupt records, and the partition', () => {
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
    expect(describeEvent(found('recovery'))).toBe('broker 3 truncated corrupt records in its log of orders 2');
    expect(describeEvent(found('read'))).toBe('broker 3 read corrupt records in its log of orders 2');
    expect(describeReason(found('read'))).toContain('reading stops there');
  });

  it('describes events', () => {
    expect(events.map(describeEvent)).toEqual([
      'topic orders created',
      'broker 3 killed',
      'broker 3 fenced',
      '9 leaders moved',
      'group billing rebalanced',
    ]);
    expect(describeEvent({ id: 1, type: 'partition/isrShrunk', at: 0, node: 1, topic: 'clicks', partitions: [0, 1, 2, 7] })).toBe(
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
    expect(describeEvent(moved([1, 2]))).toBe('2 leaders moved off broker 3');
    expect(describeEvent(moved([2, 2]))).toBe('2 leaders moved to broker 2');
    expect(describeEvent({ id: 9, type: 'partition/leadersElected', at: 0, node: 1, broker: 3, count: 2 })).toBe('2 leaders moved');
  });
});
