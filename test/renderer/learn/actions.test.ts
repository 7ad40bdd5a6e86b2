/** Actions of the lessons (delete records, reset offsets, elect preferred leaders): conditions, reasons against them, and results. */
import { describe, expect, it } from 'vitest';
import type { BrokerState, PartitionRow, ReplicaState } from '../../../shared/models/cluster.ts';
import { checkBefore } from '../../../renderer/topics/delete-records.ts';
import { deletableHere, describeOutOfRange } from '../../../renderer/learn/delete-records.ts';
import { describeReset, reasonAgainstReset } from '../../../renderer/learn/group-reset.ts';
import { displacedLeaders, describeChanges } from '../../../renderer/topics/leaders.ts';
import { reasonAgainstElection } from '../../../renderer/learn/leaders.ts';
import { offset } from '../../../renderer/learn/offset.ts';
import { brokerRow, learnState, partitionRow, topicRow } from './learn-fixture.ts';
import { groupMember, groupRow } from './readers-fixture.ts';

const READERS = 'learn-readers';

describe('records that can be deleted', () => {
  const of = (more: Partial<PartitionRow>) => deletableHere(learnState(), partitionRow(0, more));

  it('are those from the log start offset to the end', () => {
    expect(of({ startOffset: '3', endOffset: '10' })).toEqual({ first: 4n, last: 10n });
    expect(of({ startOffset: '10', endOffset: '10' })).toEqual({ why: 'Partition 0 holds no record.' });
  });

  it('are unknown without a leader, an offset, or the topic of these pages', () => {
    expect(of({ leader: null })).toEqual({ why: 'Partition 0 has no leader now, and only a leader moves the start of its log.' });
    expect(of({ startOffset: null })).toEqual({ why: 'Where partition 0 starts and ends is not known now.' });
    expect(deletableHere(learnState({ own: false }), partitionRow(0))).toHaveProperty('why');
  });

  it.each([
    ['4', null],
    ['10', null],
    ['3', 'A number from 4 to 10, the end.'],
    ['11', 'A number from 4 to 10, the end.'],
    ['-1', 'A number from 4 to 10, the end.'],
    ['5.0', 'A number from 4 to 10, the end.'],
    ['99999999999999999999', 'A number from 4 to 10, the end.'],
  ])('before %s: %s', (text, said) => {
    expect(checkBefore(text, { first: 4n, last: 10n })).toBe(said);
  });

  it('put committed offsets below the new log start offset out of range, and no others', () => {
    const row = partitionRow(0, { startOffset: '5', endOffset: '10' });
    const state = learnState({
      topic: topicRow({ partitions: [row] }),
      groups: [groupRow(READERS, [], [['3', '10']]), groupRow('on-time', [], [['5', '10']]), groupRow('new', [], [[null, '10']])],
    });
    expect(describeOutOfRange(state, row)).toEqual([
      'learn-readers has committed 3, and that record is deleted. Its next fetch fails (OFFSET_OUT_OF_RANGE), and auto.offset.reset decides: 5 with earliest, the end with latest.',
    ]);
    const { boxes, description } = offset.diagram(state, 778);
    const lines = (id: string): (string | undefined)[] | undefined => boxes.find((box) => box.id === id)?.lines?.map(({ text }) => text);
    expect(lines('group-learn-readers')).toContain('committed 3, deleted');
    expect(lines('group-on-time')).toContain('committed 5');
    expect(description).toContain('Group learn-readers has committed 3, which is deleted, in partition 0; lag 7.');
  });
});

describe('offsets of a group', () => {
  it('can be reset only while the coordinator lists no member', () => {
    const reason = (members: number, ours = true): string | null =>
      reasonAgainstReset(
        learnState({
          groups: [
            groupRow(
              READERS,
              Array.from({ length: members }, (_, i) => groupMember(i + 1, [i], READERS)),
              [['3', '10']],
            ),
          ],
        }),
        READERS,
        ours,
      );
    expect(reason(0)).toBeNull();
    expect(reason(2)).toMatch(/^learn-readers has 2 members\. Offsets can only be reset while the group has no members/);
    expect(reason(1, false)).toMatch(/None of them runs on this page/);
    expect(reasonAgainstReset(learnState(), READERS, true)).toMatch(/^Group learn-readers does not exist yet/);
    expect(reasonAgainstReset(learnState({ own: false, groups: [groupRow(READERS, [], [])] }), READERS, true)).not.toBeNull();
  });

  it('are described before and after a reset, with redelivered and skipped records', () => {
    const back = describeReset({ kind: 'earliest' }, [
      { partition: 0, from: '12', to: '2' },
      { partition: 1, from: null, to: '0' },
    ]);
    expect(back.offsets).toEqual(['Partition 0: 12 → 2', 'Partition 1: nothing → 0']);
    expect(back.consequences).toBe('Consumers will restart there. They reprocess up to 10 records.');
    expect(describeReset({ kind: 'latest' }, [{ partition: 0, from: '2', to: '9' }]).consequences).toBe(
      'Consumers will restart there. Skipped records stay in the topic, not consumed by this group.',
    );
    const far: Parameters<typeof describeReset>[1] = [{ partition: 0, from: '9', to: '9' }];
    expect(describeReset({ kind: 'offset', offset: '50' }, far).consequences).toContain('its nearest offset is used');
    expect(describeReset({ kind: 'offset', offset: '9' }, far).consequences).toBe('Consumers will restart there.');
  });
});

describe('preferred leaders that can be elected', () => {
  /** Partition n prefers broker n + 1. */
  const row = (partition: number, leader: number | null, state: ReplicaState): PartitionRow =>
    partitionRow(partition, {
      leader,
      replicas: [partition + 1, ((partition + 1) % 3) + 1, ((partition + 2) % 3) + 1].map((broker, i) => ({
        broker,
        state: i === 0 ? state : broker === leader ? 'leader' : 'inSync',
      })),
    });
  const state = (...partitions: PartitionRow[]) => learnState({ topic: topicRow({ partitions }) });

  it('are those that are in sync again', () => {
    const after = state(row(0, 1, 'leader'), row(1, 3, 'inSync'));
    expect(displacedLeaders(after.topic?.partitions ?? [])).toEqual([{ partition: 1, preferred: 2, leader: 3, state: 'inSync' }]);
    expect(reasonAgainstElection(after)).toBeNull();
  });

  it('are none while all are leaders, while their brokers are down or lagging, or while partitions are offline', () => {
    expect(reasonAgainstElection(state(row(0, 1, 'leader')))).toMatch(/^Each partition is led by its preferred replica\./);
    const offlineWith = (brokerState: BrokerState) => {
      const brokers = [brokerRow(1), brokerRow(2, { state: brokerState }), brokerRow(3)];
      return reasonAgainstElection({ ...state(row(0, 1, 'leader'), row(1, 3, 'offline')), brokers });
    };
    expect(offlineWith('down')).toBe('Only an in-sync replica can become leader, and broker 2 is down: start it first.');
    for (const runs of ['starting', 'fenced', 'frozen', 'online'] as const)
      expect(offlineWith(runs)).toBe(
        'Only an in-sync replica can become leader, and the replica on broker 2 is offline: end the fault, or wait until the start has completed.',
      );
    expect(reasonAgainstElection(state(row(1, 3, 'lagging')))).toBe(
      'Only an in-sync replica can become leader, and broker 2 still fetches missing records.',
    );
    expect(reasonAgainstElection(state(row(1, null, 'electing')))).toMatch(/^Partitions are offline/);
    expect(reasonAgainstElection(learnState({ own: false }))).not.toBeNull();
  });

  it('are described one by one, with failed elections', () => {
    expect(
      describeChanges([
        { partition: 0, from: 1, to: 1, error: null },
        { partition: 1, from: 3, to: 2, error: null },
        { partition: 2, from: 1, to: 1, error: 'Broker 3, the preferred leader of learn-orders-2, is down or not in sync.' },
      ]),
    ).toEqual([
      'Partition 1: leader changed from broker 3 to broker 2.',
      'Partition 2: broker 1 stays leader: Broker 3, the preferred leader of learn-orders-2, is down or not in sync.',
    ]);
  });
});
