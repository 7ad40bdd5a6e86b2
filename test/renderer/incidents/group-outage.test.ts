import { describe, expect, it } from 'vitest';
import { assessBrokers, assessTopic } from '#shared/health';
import type { BrokerRow, BrokerState, GroupRow, TopicRow } from '#shared/models/cluster';
import { partitionForKey } from '../../../electron/cluster/coordinator/java-hash.ts';
import { groupReading, offsetsPartition } from '../../../renderer/incidents/group-outage.ts';

const brokers = (...states: BrokerState[]): BrokerRow[] => states.map((state, i) => ({ id: i + 1, state }) as unknown as BrokerRow);
const topic = (name: string, leaders: readonly (number | null)[], replicas: readonly number[]): TopicRow =>
  ({
    name,
    partitions: leaders.map((leader, partition) => ({
      partition,
      leader,
      isr: [...replicas],
      replicas: replicas.map((broker) => ({ broker, state: broker === leader ? 'leader' : 'inSync' })),
    })),
  }) as unknown as TopicRow;
const group = { id: 'billing', partitions: [{ topic: 'orders', partition: 1 }] } as unknown as GroupRow;

function missing(states: readonly BrokerState[], topics: readonly TopicRow[]): number[] {
  const facts = assessBrokers(brokers(...states));
  const rows = new Map(topics.map((row) => [row.name, assessTopic(row, facts)]));
  return [...(groupReading(group, rows, facts).missing ?? [])].sort();
}

describe('what keeps a group from being served', () => {
  it('are the brokers that do not answer and hold a replica of a partition that has no leader', () => {
    expect(missing(['online', 'down', 'down'], [topic('orders', [1, null], [1, 2, 3])])).toEqual([2, 3]);
    expect(missing(['online', 'down', 'frozen'], [topic('orders', [1, 3], [1, 3])])).toEqual([3]);
  });

  it('are none where the partition is led, is not read, or all brokers answer', () => {
    expect(missing(['online', 'down', 'down'], [topic('orders', [null, 1], [1, 2, 3])])).toEqual([]);
    expect(missing(['online', 'online', 'online'], [topic('orders', [1, null], [1, 2, 3])])).toEqual([]);
    expect(missing(['online', 'down', 'down'], [])).toEqual([]);
  });

  it('are those of its coordinator, too', () => {
    const mine = offsetsPartition('billing', 4);
    const offsets = (broken: number) =>
      topic(
        '__consumer_offsets',
        Array.from({ length: 4 }, (_, i) => (i === broken ? null : 1)),
        [1, 2],
      );
    const orders = topic('orders', [1, 1], [1]);
    expect(missing(['online', 'down', 'down'], [orders, offsets(mine)])).toEqual([2]);
    expect(missing(['online', 'down', 'down'], [orders, offsets((mine + 1) % 4)])).toEqual([]);
  });

  it('finds the partition of a group as the coordinator does', () => {
    for (const id of ['billing', 'a', '', 'Grüße 😀', 'polygenelubricants'])
      for (const count of [1, 12, 50]) expect(offsetsPartition(id, count)).toBe(partitionForKey(id, count));
  });
});
