/** Delete records, set a group's place anew, bring leaders back: when each can be done, why not, and what is said of it. */
import { describe, expect, it } from 'vitest';
import type { BrokerState, PartitionRow, ReplicaState } from '../../../../shared/models/cluster.ts';
import { checkBefore } from '../../../../renderer/format/delete-records.ts';
import { deletableHere, tellPassedOver } from '../../../../renderer/format/learn/delete-records.ts';
import { tellReset, whyNoReset } from '../../../../renderer/format/learn/group-reset.ts';
import { displacedLeaders, tellChanges } from '../../../../renderer/format/leaders.ts';
import { whyNoElection } from '../../../../renderer/format/learn/leaders.ts';
import { offset } from '../../../../renderer/format/learn/offset.ts';
import { brokerRow, learnState, partitionRow, topicRow } from './learn-fixture.ts';
import { groupMember, groupRow } from './readers-fixture.ts';

const READERS = 'learn-readers';

describe('records that can be deleted', () => {
  const of = (more: Partial<PartitionRow>) => deletableHere(learnState(), partitionRow(0, more));

  it('are those from the start of the log to its end', () => {
    expect(of({ startOffset: '3', endOffset: '10' })).toEqual({ first: 4n, last: 10n });
    expect(of({ startOffset: '10', endOffset: '10' })).toEqual({ why: 'Partition 0 holds no record.' });
  });

  it('are not known without a leader, an offset, or the topic of these pages', () => {
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

  it('take the place of a group with them that stood before the new start, and of no other', () => {
    const row = partitionRow(0, { startOffset: '5', endOffset: '10' });
    const state = learnState({
      topic: topicRow({ partitions: [row] }),
      groups: [groupRow(READERS, [], [['3', '10']]), groupRow('on-time', [], [['5', '10']]), groupRow('new', [], [[null, '10']])],
    });
    expect(tellPassedOver(state, row)).toEqual([
      'learn-readers has committed 3, and that record is gone. Its next fetch is refused (OFFSET_OUT_OF_RANGE), and auto.offset.reset decides: 5 with earliest, the end with latest.',
    ]);
    const { boxes, told } = offset.diagram(state, 778);
    const lines = (id: string): (string | undefined)[] | undefined => boxes.find((box) => box.id === id)?.lines?.map(({ text }) => text);
    expect(lines('group-learn-readers')).toContain('committed 3, deleted');
    expect(lines('group-on-time')).toContain('committed 5');
    expect(told).toContain('Group learn-readers has committed 3, which is deleted, in partition 0; it is 7 behind.');
  });
});

describe('a group’s place', () => {
  it('is set while its coordinator counts no member, and only then', () => {
    const why = (members: number, ours = true): string | null =>
      whyNoReset(
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
    expect(why(0)).toBeNull();
    expect(why(2)).toMatch(/^learn-readers has 2 members\. .* so the coordinator takes a place from members alone\.$/);
    expect(why(1, false)).toMatch(/None of them runs from here any more/);
    expect(whyNoReset(learnState(), READERS, true)).toMatch(/^There is no group learn-readers yet/);
    expect(whyNoReset(learnState({ own: false, groups: [groupRow(READERS, [], [])] }), READERS, true)).not.toBeNull();
  });

  it('is told before and after, with what is read again or passed over', () => {
    const back = tellReset({ kind: 'earliest' }, [
      { partition: 0, from: '12', to: '2' },
      { partition: 1, from: null, to: '0' },
    ]);
    expect(back.places).toEqual(['Partition 0: 12 → 2', 'Partition 1: nothing → 0']);
    expect(back.means).toBe('The next member begins there. It reads up to 10 records a second time.');
    expect(tellReset({ kind: 'latest' }, [{ partition: 0, from: '2', to: '9' }]).means).toBe(
      'The next member begins there. What it passes over stays in the topic, unread by this group.',
    );
    const far: Parameters<typeof tellReset>[1] = [{ partition: 0, from: '9', to: '9' }];
    expect(tellReset({ kind: 'offset', offset: '50' }, far).means).toContain('the nearest that it has is taken');
    expect(tellReset({ kind: 'offset', offset: '9' }, far).means).toBe('The next member begins there.');
  });
});

describe('leaders that can be brought back', () => {
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

  it('are those whose preferred replica is in sync again', () => {
    const after = state(row(0, 1, 'leader'), row(1, 3, 'inSync'));
    expect(displacedLeaders(after.topic?.partitions ?? [])).toEqual([{ partition: 1, preferred: 2, leader: 3, state: 'inSync' }]);
    expect(whyNoElection(after)).toBeNull();
  });

  it('are none while all lead, while their brokers are down or behind, or where nobody leads', () => {
    expect(whyNoElection(state(row(0, 1, 'leader')))).toMatch(/^Each partition is led by its preferred replica\./);
    const offlineWith = (brokerState: BrokerState) => {
      const brokers = [brokerRow(1), brokerRow(2, { state: brokerState }), brokerRow(3)];
      return whyNoElection({ ...state(row(0, 1, 'leader'), row(1, 3, 'offline')), brokers });
    };
    expect(offlineWith('down')).toBe('Only a replica in sync can lead, and broker 2 is down: start it first.');
    for (const runs of ['fenced', 'frozen', 'online'] as const)
      expect(offlineWith(runs)).toBe('Only a replica in sync can lead, and the replica on broker 2 is offline: end the fault first.');
    expect(whyNoElection(state(row(1, 3, 'lagging')))).toBe('Only a replica in sync can lead, and broker 2 still fetches what was missed.');
    expect(whyNoElection(state(row(1, null, 'electing')))).toMatch(/^There are partitions without any leader/);
    expect(whyNoElection(learnState({ own: false }))).not.toBeNull();
  });

  it('are told one by one, with those that had to stay', () => {
    expect(
      tellChanges([
        { partition: 0, from: 1, to: 1, error: null },
        { partition: 1, from: 3, to: 2, error: null },
        { partition: 2, from: 1, to: 1, error: 'Broker 3, the preferred leader of learn-orders-2, is down or not in sync.' },
      ]),
    ).toEqual([
      'Partition 1: broker 3 led, broker 2 leads.',
      'Partition 2 stays with broker 1: Broker 3, the preferred leader of learn-orders-2, is down or not in sync.',
    ]);
  });
});
