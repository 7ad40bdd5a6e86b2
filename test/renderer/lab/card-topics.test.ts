import { describe, expect, it } from 'vitest';
import type { BrokerRow, PartitionRow, ReplicaState, TopicRow } from '../../../shared/models/cluster.ts';
import type { LoadRow } from '../../../shared/models/load.ts';
import { orderForCards, topicsUnderLoad } from '../../../renderer/lab/card-topics.ts';
import { describeBalance, leaderSkew, skewedTopics } from '../../../renderer/topics/leader-skew.ts';
import { addLoads } from '../../../renderer/topics/topic-facts.ts';

const partition = (index: number, leader: number | null, replicas: [broker: number, state: ReplicaState][]): PartitionRow => ({
  partition: index,
  leader,
  leaderEpoch: 1,
  replicas: replicas.map(([broker, state]) => ({ broker, state })),
  isr: replicas.filter(([, state]) => state === 'leader' || state === 'inSync').map(([broker]) => broker),
  startOffset: '0',
  endOffset: '0',
  sizeBytes: '0',
  error: null,
});
const whole = (leader = 1): PartitionRow => partition(0, leader, [[1, leader === 1 ? 'leader' : 'inSync'], [2, leader === 2 ? 'leader' : 'inSync']]); // prettier-ignore
const short = (): PartitionRow => partition(0, 2, [[1, 'offline'], [2, 'leader']]); // prettier-ignore
const topic = (name: string, partitions: PartitionRow[], internal = false): TopicRow => ({ name, internal, partitions }) as TopicRow;
const load = (state: LoadRow['state'], spec: object): LoadRow => ({ id: 1, state, spec }) as LoadRow;
const broker = (id: number, state: BrokerRow['state'] = 'online'): BrokerRow => ({ id, state }) as BrokerRow;

describe('the topics of the cards', () => {
  const topics = [
    topic('__consumer_offsets', [short()], true),
    topic('audit', [whole()]),
    topic('billing', [short()]),
    topic('clicks', [whole()]),
    topic('orders', [whole()]),
  ];
  const order = (underLoad: string[], of = topics): string[] => orderForCards(of, new Set(underLoad)).map(({ name }) => name);

  it('begin with those under load, then those that an outage affects', () => {
    expect(order(['orders'])).toEqual(['orders', 'billing', 'audit', 'clicks', '__consumer_offsets']);
    expect(order(['orders', 'billing'])).toEqual(['billing', 'orders', 'audit', 'clicks', '__consumer_offsets']);
  });

  it('are affected from the outage on, and not only once the leader has removed the replica from the ISR', () => {
    const waiting = { ...short(), isr: [1, 2], stopped: [1] };
    expect(order([], [topic('audit', [whole()]), topic('billing', [waiting])])).toEqual(['billing', 'audit']);
  });

  it('keep the order by name when all or none are affected', () => {
    const names = ['audit', 'billing', 'orders'];
    expect(order([], names.map((name) => topic(name, [whole()])))).toEqual(names); // prettier-ignore
    expect(order([], names.map((name) => topic(name, [short()])))).toEqual(names); // prettier-ignore
  });

  it('are under load while the load is alive', () => {
    const loads = [
      load('running', { kind: 'producer', topic: 'orders' }),
      load('ended', { kind: 'producer', topic: 'audit' }),
      load('starting', { kind: 'group', topics: ['clicks', 'constructor'] }),
    ];
    expect([...topicsUnderLoad(loads)]).toEqual(['orders', 'clicks', 'constructor']);
  });
});

describe('the skew of leaders', () => {
  it('is described where an election would move nothing', () => {
    expect(describeBalance(addLoads([topic('orders', [whole()])]))).toBe('Every partition is led by its preferred broker.');
    expect(describeBalance(addLoads([topic('orders', [short(), whole()])]))).toBe(
      '1 partition is led by another broker until the preferred one is in sync.',
    );
    expect(describeBalance(addLoads([topic('orders', [partition(0, null, [[1, 'offline']])])]))).toBeNull();
    for (const leaderState of ['silent', 'unknown'] as const)
      expect(describeBalance(addLoads([topic('orders', [{ ...whole(), leaderState }])]))).toBeNull();
  });

  it('names the broker that is preferred and leads too little', () => {
    const topics = [topic('orders', [whole(2), whole(2), whole(1)]), topic('audit', [whole(2)])];
    expect(skewedTopics([broker(1), broker(2)], topics)).toEqual(['orders', 'audit']);
    expect(leaderSkew([broker(1), broker(2)], addLoads(topics))).toEqual({
      text: 'Broker 1 leads 1 of 4 partitions, and is the preferred leader of 3 more.',
      partitions: 3,
    });
  });

  it.each<[string, BrokerRow[], TopicRow[]]>([
    ['all are led by their preferred replica', [broker(1), broker(2)], [topic('orders', [whole()])]],
    ['the preferred replica is not in sync', [broker(1), broker(2)], [topic('orders', [short()])]],
    ['the preferred broker is not online', [broker(1, 'frozen'), broker(2)], [topic('orders', [whole(2)])]],
    ['no leader is known', [broker(1), broker(2)], [topic('orders', [partition(0, null, [[1, 'inSync'], [2, 'inSync']])])]], // prettier-ignore
  ])('is none where %s', (_why, brokers, topics) => {
    expect(leaderSkew(brokers, addLoads(topics))).toBeNull();
    expect(skewedTopics(brokers, topics)).toEqual([]);
  });
});
