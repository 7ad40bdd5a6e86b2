import { describe, expect, it } from 'vitest';
import { assessBrokers, assessTopic } from '#shared/health';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';
import { listAttention, type AttentionItem } from '../../../renderer/health/attention.ts';
import { FixtureCluster } from '../fixtures/fixture-cluster.ts';

const NOW = 1_000_000;

function itemsOf(cluster: FixtureCluster, events: TimelineEvent[] = []): AttentionItem[] {
  const view = cluster.view();
  const facts = assessBrokers(view.brokers);
  const topics = view.topics.map((topic) => assessTopic(topic, facts));
  return listAttention({ ...view, topics, facts, incidents: deriveIncidents(events), now: NOW });
}

describe('what needs attention', () => {
  it('is nothing when all is well', () => {
    expect(itemsOf(new FixtureCluster('healthy'))).toEqual([]);
  });

  it('puts refused writes before the broker that is down, and groups last', () => {
    expect(itemsOf(new FixtureCluster('broken')).map(({ what }) => what)).toEqual([
      '1 partition refuses acks=all writes',
      'Broker 3 is down',
      'Group audit-export cannot be read',
    ]);
  });

  it('starts with the lost majority, also where one broker is killed and another frozen', () => {
    for (const state of ['down', 'frozen'] as const) {
      const cluster = new FixtureCluster('healthy');
      cluster.down(1);
      const second = cluster.broker(2);
      if (second !== undefined) second.state = state;
      expect(itemsOf(cluster)[0]?.what).toBe('No controller: 1 of 3 voters are left');
    }
  });

  it('counts what a frozen broker leads, and the ISRs that still list it', () => {
    const cluster = new FixtureCluster('healthy');
    const third = cluster.broker(3);
    if (third !== undefined) third.state = 'frozen';
    const item = itemsOf(cluster).find(({ key }) => key === 'broker-3');
    expect(item?.why).toMatch(/^It leads \d+ partitions and answers for none\. The ISR of \d+ other partitions still lists it\.$/);
  });

  it('names the partitions of a topic that is affected in part', () => {
    const cluster = new FixtureCluster('healthy');
    const audit = cluster.topics.get('audit')?.partitions[1];
    if (audit !== undefined) audit.leader = null;
    expect(itemsOf(cluster).find(({ key }) => key === 'offline')?.why).toBe('audit 1 of 3: reads and writes fail.');
  });

  it('shows the phases of the incident of a broker that is down', () => {
    const cluster = new FixtureCluster('healthy');
    cluster.down(3);
    cluster.fence(3);
    const events: TimelineEvent[] = [
      { id: 1, type: 'lab/nodeKilled', at: NOW - 120_000, node: null, broker: 3 },
      { id: 2, type: 'cluster/brokerFenced', at: NOW - 117_000, node: 1, broker: 3, causeId: 1 },
    ];
    const items = itemsOf(cluster, events);
    expect(items.map(({ key }) => key)).toEqual(['broker-3']);
    expect(items[0]?.why).toMatch(/^2 min\. \d+ partitions are under-replicated without it\.$/);
  });

  it('lists a disk that is nearly full, and none of a broker that does not answer', () => {
    const cluster = new FixtureCluster('remote');
    const itemOf = (state: 'online' | 'unreachable'): AttentionItem | undefined => {
      const view = cluster.view();
      const second = view.brokers.find(({ id }) => id === 2);
      const disk = second?.disk ?? null;
      if (second === undefined || disk === null) throw new Error('broker 2 reports no disk');
      second.disk = { ...disk, totalBytes: '1000000000000', usableBytes: '80000000000' };
      second.state = state;
      const facts = assessBrokers(view.brokers);
      return listAttention({ ...view, facts, incidents: [], now: NOW }).find(({ key }) => key.startsWith('disk'));
    };
    expect(itemOf('online')).toEqual({
      key: 'disk-2',
      tone: 'warn',
      what: 'Broker 2: disk 92 % full',
      why: '80.0 GB of 1.00 TB are left. A log directory without space fails, and the broker loses its replicas there.',
      to: '/brokers/2',
    });
    expect(itemOf('unreachable')).toBeUndefined();
  });

  it('gives the under-replicated partitions of a broker that is down once, also where its incident counts them', () => {
    const cluster = new FixtureCluster('healthy');
    cluster.down(3);
    cluster.fence(3);
    const changes = [{ topic: 'orders', partition: 0, from: [1, 3], to: [1] }];
    const events: TimelineEvent[] = [
      { id: 1, type: 'lab/nodeKilled', at: NOW - 120_000, node: null, broker: 3 },
      { id: 2, type: 'cluster/brokerFenced', at: NOW - 117_000, node: 1, broker: 3, causeId: 1 },
      { id: 3, type: 'partition/isrShrunk', at: NOW - 117_000, node: 1, broker: 3, causeId: 2, count: 1, details: { changes } },
    ];
    expect(itemsOf(cluster, events)[0]?.why).toMatch(/^2 min\. \d+ partitions are under-replicated without it\.$/);
  });

  it('dates an earlier incident of a broker that is down again, and does not call it recovered', () => {
    const cluster = new FixtureCluster('healthy');
    cluster.down(2);
    const at = NOW - 200_000;
    const change = { topic: 'orders', partition: 0 };
    const events: TimelineEvent[] = [
      { id: 1, type: 'lab/nodeKilled', at, node: null, broker: 2 },
      { id: 2, type: 'cluster/brokerFenced', at: at + 3_000, node: 1, broker: 2, causeId: 1 },
      {
        id: 3,
        type: 'partition/isrShrunk',
        at: at + 3_000,
        node: 1,
        causeId: 2,
        count: 1,
        details: { changes: [{ ...change, from: [1, 2], to: [1] }] },
      },
      { id: 4, type: 'group/coordinatorMoved', at: at + 4_000, node: 1, group: 'billing', causeId: 2 },
      { id: 5, type: 'group/rebalanceStarted', at: at + 5_000, node: 1, group: 'billing', causeId: 4 },
      { id: 6, type: 'lab/nodeStarted', at: at + 10_000, node: null, broker: 2 },
      { id: 7, type: 'cluster/brokerUnfenced', at: at + 11_000, node: 1, broker: 2, causeId: 6 },
      {
        id: 8,
        type: 'partition/isrExpanded',
        at: at + 12_000,
        node: 1,
        count: 1,
        causeId: 7,
        details: { changes: [{ ...change, from: [1], to: [1, 2] }] },
      },
      { id: 9, type: 'lab/nodeKilled', at: NOW - 20_000, node: null, broker: 2 },
    ];
    const items = itemsOf(cluster, events).filter(({ what }) => what.startsWith('Broker 2'));
    expect(items).toMatchObject([
      { what: 'Broker 2 is down', why: expect.stringMatching(/^20 s · not detected yet\. /) as string },
      {
        what: expect.stringMatching(/^Broker 2 killed at \d\d:\d\d$/) as string,
        why: '3 min · ISRs recovered in 12 s · group billing not stable yet',
      },
    ]);
  });

  it('keeps the case of the name of a group member', () => {
    const expired: TimelineEvent = {
      id: 1,
      type: 'group/memberExpired',
      at: NOW - 1_000,
      node: 1,
      group: 'billing',
      details: { memberId: 'billing-1' },
    };
    const rebalances: TimelineEvent = { id: 2, type: 'group/rebalanceStarted', at: NOW - 1_000, node: 1, group: 'billing', causeId: 1 };
    const whats = itemsOf(new FixtureCluster('healthy'), [expired, rebalances]).map(({ what }) => what);
    expect(whats).toEqual(['billing-1 of group billing expired']);
  });

  it('lists open incidents that are about no broker, and none that is closed', () => {
    const fault = { type: 'partition', between: [1, 3], direction: 'both' };
    const cut: TimelineEvent = { id: 1, type: 'lab/faultInjected', at: NOW - 1_000, node: null, details: { faultId: 1, fault } };
    const cluster = new FixtureCluster('healthy');
    expect(itemsOf(cluster, [cut])).toMatchObject([{ tone: 'warn', what: 'Link 1 ↔ 3 cut', why: '1.0 s' }]);
    const healed: TimelineEvent = { ...cut, id: 2, type: 'lab/faultHealed', at: NOW };
    expect(itemsOf(cluster, [cut, healed])).toEqual([]);
  });
});
