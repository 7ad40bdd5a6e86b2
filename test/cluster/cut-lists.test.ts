/** Incidents of more partitions than timeline entries list: they end when the last partition has recovered, and not before. */
import { describe, expect, it } from 'vitest';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { Incident } from '#shared/incidents/incident';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import { Timeline } from '../../electron/cluster/timeline.ts';

const COUNT = 964;
const range = (from: number, until: number): number[] => Array.from({ length: until - from }, (_, i) => from + i);

class Recording {
  private readonly timeline = new Timeline();
  private at = 0;

  add(type: NodeEvent['type'], more: Partial<NodeEvent> = {}): void {
    this.at += 100;
    this.timeline.record(type.startsWith('lab/') ? null : 1, { type, at: this.at, ...more });
  }

  kill(broker: number): void {
    this.add('lab/nodeKilled', { broker });
    this.add('cluster/brokerFenced', { broker, reason: 'its session expired' });
  }

  restart(broker: number): void {
    this.add('lab/nodeStarted', { broker });
    this.add('cluster/brokerRegistered', { broker });
    this.add('cluster/brokerUnfenced', { broker });
  }

  lose(broker: number, partitions: readonly number[]): void {
    const list = partitions.map((partition) => ({ topic: 'orders', partition, from: broker, isr: [broker] }));
    this.add('partition/leadersLost', { broker, details: { trigger: 'fencing', partitions: list } });
  }

  elect(partitions: readonly number[], from: number, to: number, trigger: string): void {
    const moves = partitions.map((partition) => ({ topic: 'orders', partition, from, to }));
    this.add('partition/leadersElected', { broker: to, details: { trigger, moves } });
  }

  changeIsr(type: 'partition/isrShrunk' | 'partition/isrExpanded', broker: number, changes: [number[], number[], number[]][]): void {
    const list = changes.flatMap(([partitions, from, to]) => partitions.map((partition) => ({ topic: 'orders', partition, from, to })));
    this.add(type, { broker, details: { trigger: 'fencing', changes: list } });
  }

  get incidents(): readonly Incident[] {
    return deriveIncidents(this.timeline.since(0));
  }
}

describe('an incident of more partitions than its events list', () => {
  it('has failed over when elections of other sizes have given every partition a leader', () => {
    const recording = new Recording();
    recording.kill(3);
    recording.lose(3, range(0, COUNT));
    recording.elect(range(482, COUNT), -1, 3, 'unfencing');
    expect(recording.incidents).toMatchObject([{ leaderless: 482, failedOverAt: null }]);
    for (let from = 0; from < 482; from += 50) recording.elect(range(from, Math.min(482, from + 50)), -1, 3, 'unfencing');
    expect(recording.incidents).toMatchObject([{ leaderless: 0, failedOverAt: expect.any(Number) as number }]);
  });

  it('has not failed over when as many other partitions change their leader', () => {
    const recording = new Recording();
    recording.kill(3);
    recording.lose(3, range(0, COUNT));
    recording.elect(range(2_000, 4_000), 2, 1, 'request');
    recording.elect(range(2_000, 2_050), 1, 2, 'request');
    expect(recording.incidents).toMatchObject([{ leaderless: COUNT, failedOverAt: null }]);
  });

  it('ends for each of two brokers whose replicas join in the same events', () => {
    const recording = new Recording();
    for (const broker of [2, 3]) recording.kill(broker);
    recording.changeIsr('partition/isrShrunk', 2, [[range(0, COUNT), [1, 2, 3], [1, 3]]]);
    recording.changeIsr('partition/isrShrunk', 3, [[range(0, COUNT), [1, 3], [1]]]);
    for (const broker of [2, 3]) recording.restart(broker);
    recording.changeIsr('partition/isrExpanded', 1, [
      [range(0, 400), [1], [1, 2, 3]],
      [range(400, 700), [1], [1, 2]],
    ]);
    expect(recording.incidents.map(({ underReplicated }) => underReplicated)).toEqual([COUNT - 700, COUNT - 400]);
    recording.changeIsr('partition/isrExpanded', 1, [
      [range(400, 700), [1, 2], [1, 2, 3]],
      [range(700, COUNT), [1], [1, 2, 3]],
    ]);
    expect(recording.incidents).toMatchObject([
      { underReplicated: 0, closedAt: expect.any(Number) as number },
      { underReplicated: 0, closedAt: expect.any(Number) as number },
    ]);
  });

  it.each(['partition/reassigned', 'partition/reassignmentCancelled'] as const)('has recovered after %s for all of them', (type) => {
    const recording = new Recording();
    recording.kill(3);
    recording.changeIsr('partition/isrShrunk', 3, [[range(0, COUNT), [1, 3], [1]]]);
    const list = range(0, COUNT).map((partition) => ({ topic: 'orders', partition, from: [1, 3, 2], to: [1, 2] }));
    recording.add(type, { details: { changes: list.slice(500) } });
    recording.add(type, { details: { changes: list.slice(0, 500) } });
    expect(recording.incidents).toMatchObject([{ underReplicated: 0, recoveredAt: expect.any(Number) as number, closedAt: null }]);
  });
});

describe('an incident of a fault', () => {
  it('ends with the removal of a broker that the fault is about', () => {
    for (const fault of [
      { type: 'partition', between: [1, 4], direction: 'both' },
      { type: 'slowDisk', node: 4 },
    ]) {
      const recording = new Recording();
      recording.add('lab/faultInjected', { details: { faultId: 1, fault } });
      recording.add('lab/nodeRemoved', { broker: 2 });
      expect(recording.incidents).toMatchObject([{ closedAt: null }]);
      recording.add('lab/nodeRemoved', { broker: 4 });
      expect(recording.incidents).toMatchObject([{ lasts: false, closedAt: expect.any(Number) as number }]);
    }
  });

  it('ends with the process of a paused member', () => {
    const recording = new Recording();
    const details = { member: 1, memberId: 'm' };
    recording.add('load/memberPaused', { group: 'g', details });
    recording.add('group/memberExpired', { group: 'g', details: { memberId: 'm' } });
    recording.add('group/rebalanced', { group: 'g' });
    expect(recording.incidents).toMatchObject([{ closedAt: null }]);
    recording.add('load/memberCrashed', { group: 'g', details });
    expect(recording.incidents).toMatchObject([{ closedAt: expect.any(Number) as number }]);
  });
});
