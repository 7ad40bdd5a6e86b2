import { describe, expect, it } from 'vitest';
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import { addMark, describeProgress, type ProgressMark } from '../../../renderer/groups/group-progress.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

const NOW = 1_700_000_000_000;
const member = { memberId: 'm', instanceId: null, clientId: 'c', host: 'h', assignment: [] };

function group(partitions: Partial<GroupPartition>[], more: Partial<GroupRow> = {}): GroupRow {
  const rows = partitions.map((fields, partition) => groupPartition({ partition, committed: '0', ...fields }));
  const known = rows.filter(({ lag }) => lag !== null);
  return {
    id: 'g',
    state: 'Stable',
    protocolType: 'consumer',
    protocol: null,
    coordinator: 1,
    members: [member],
    partitions: rows,
    lag: known.length === 0 ? null : `${known.reduce((sum, { lag }) => sum + BigInt(lag ?? 0), 0n)}`,
    unknown: rows.filter(({ unknown }) => unknown !== null).length,
    error: null,
    asOf: null,
    ...more,
  };
}

const text = (row: GroupRow, marks: readonly ProgressMark[] = []): string => describeProgress(row, marks, NOW);

/** Marks of a group whose partitions have these committed offsets and ends, ten seconds apart. */
function marksOf(before: [committed: number, end: number][], after: [committed: number, end: number][]): readonly ProgressMark[] {
  const rowOf = (pairs: [number, number][]): GroupRow =>
    group(pairs.map(([committed, end]) => ({ committed: `${committed}`, endOffset: `${end}`, lag: `${end - committed}` })));
  return addMark(addMark([], rowOf(before), NOW - 10_000), rowOf(after), NOW);
}

describe('describeProgress', () => {
  it('is empty while the lag is unknown, and says "caught up" only of a group of which all is known', () => {
    expect(text(group([{ lag: null, unknown: 'offsets' }]))).toBe('');
    expect(text(group([{ lag: '0' }, { lag: '0' }]))).toBe('caught up');
    expect(text(group([{ lag: '0' }, { lag: null, unknown: 'neverCommitted' }]))).toBe('caught up on partitions with known lag');
  });

  it('marks a sum with an unknown part as a lower bound', () => {
    expect(text(group([{ lag: '3' }, { lag: null, unknown: 'offsets' }]))).toBe('≥ 3 records behind');
  });

  it('names commits beyond the end instead of "caught up"', () => {
    expect(text(group([{ lag: '0', beyondEnd: '9995' }]))).toBe(
      'caught up on partitions with known lag; 1 partition committed beyond the end',
    );
  });

  it('names records that were deleted unread, markers, open transactions and deleted topics', () => {
    expect(text(group([{ lag: '5', goneBeforeRead: '9900' }]))).toBe('5 records behind; 9,900 records deleted before they were read');
    expect(text(group([{ lag: '0', emptyOffsets: '1' }]))).toBe('caught up; 1 transaction marker or other offset without a record');
    expect(text(group([{ lag: '2', openTransaction: true }]))).toBe('2 records behind; 1 partition with an open transaction');
    expect(text(group([{ lag: '0' }, { topic: 'x', absent: 'topic', unknown: null }]))).toMatch(/; offsets of 1 deleted topic$/);
  });

  it('gives the age of the next unread record, whatever the rates are', () => {
    const minutes15 = NOW - 900_000;
    const row = group([{ lag: '300', nextUnreadAt: minutes15 }, { lag: '300', nextUnreadAt: NOW - 1_000 }]); // prettier-ignore
    for (const marks of [[], marksOf([[0, 10]], [[1, 20]]), marksOf([[0, 1_000_000]], [[999_000, 1_000_010]])])
      expect(text(row, marks)).toMatch(/^600 records, 15 min behind/);
    // A producer's clock that is ahead gives no age.
    expect(text(group([{ lag: '3', nextUnreadAt: NOW + 60_000 }]))).toBe('3 records behind');
  });

  it('estimates when it has caught up, from what it reads more than is written', () => {
    const marks = marksOf([[0, 5_000]], [[3_000, 6_000]]);
    expect(text(group([{ lag: '3000' }]), marks)).toBe('3,000 records behind; caught up in about 15 s');
    expect(text(group([{ lag: '3000' }, { lag: null, unknown: 'offsets' }]), marks)).toBe('≥ 3,000 records behind');
    expect(text(group([{ lag: '3000' }]), marksOf([[0, 5_000]], [[100, 6_000]]))).toBe('3,000 records behind; falling further behind');
  });

  it('compares only partitions that were known before and after', () => {
    // The second partition appears with a million records: nothing was written.
    const first = addMark([], group([{ committed: '0', endOffset: '5000', lag: '5000' }]), NOW - 10_000);
    const both = [{ committed: '2500', endOffset: '5000', lag: '2500' }, { committed: '0', endOffset: '1000000', lag: '1000000' }]; // prettier-ignore
    expect(text(group([{ lag: '2500' }]), addMark(first, group(both), NOW))).toBe('2,500 records behind; caught up in about 10 s');
    // Of a log that became shorter nothing is measured.
    expect(text(group([{ lag: '500' }]), marksOf([[0, 5_000]], [[0, 4_000]]))).toBe('500 records behind');
  });

  it('names a group without members only where the coordinator reports it as empty, not during a fail-over', () => {
    const empty = { members: [], state: 'Empty' as const };
    expect(text(group([{ lag: '500' }], empty))).toBe('500 records behind; no active consumers');
    expect(text(group([{ lag: '500' }], { members: [], state: 'Unknown' }))).toBe('500 records behind');
  });
});

describe('addMark', () => {
  it('takes one mark in half a second, keeps 15 seconds, and drops those of another time', () => {
    const row = group([{ committed: '0', endOffset: '1', lag: '1' }]);
    let marks: readonly ProgressMark[] = [];
    for (let ms = 0; ms <= 20_000; ms += 250) marks = addMark(marks, row, NOW + ms);
    expect(marks.map(({ at }) => at - NOW)[0]).toBe(5_500);
    expect(marks).toHaveLength(30);
    expect(addMark(marks, row, NOW + 6_000).map(({ at }) => at - NOW)).toEqual([5_500, 6_000]);
    expect(addMark([], row, 0)).toEqual([]);
  });
});
