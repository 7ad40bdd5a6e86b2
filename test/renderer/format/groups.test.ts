import { describe, expect, it } from 'vitest';
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import { lagLeavesOut } from '../../../renderer/format/groups.ts';
import { describePosition, formatSum, totalLag } from '../../../renderer/format/lag.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

const partition = (committed: string | null, lag: string | null): GroupPartition => groupPartition({ committed, lag });

function group(lag: string | null, partitions: GroupPartition[]): GroupRow {
  const unknown = partitions.filter((one) => one.lag === null).length;
  return {
    id: 'g',
    state: 'Empty',
    protocolType: 'consumer',
    protocol: null,
    coordinator: 1,
    members: [],
    partitions,
    lag,
    unknown,
    error: null,
    asOf: 0,
  };
}

describe('what a lag leaves out', () => {
  it('is nothing when every partition is known, or none is', () => {
    expect(lagLeavesOut(group('5', [partition('1', '5')]))).toBeNull();
    expect(lagLeavesOut(group(null, [partition(null, null)]))).toBeNull();
  });

  it('tells partitions without a commit from those whose end is not known', () => {
    expect(lagLeavesOut(group('5', [partition('1', '5'), partition(null, null), partition('3', null)]))).toBe(
      '1 partition never committed, 1 end offset not known',
    );
  });
});

describe('totalLag', () => {
  const row = (more: Partial<GroupRow>): GroupRow => ({ ...group('5', [partition('1', '5')]), asOf: null, ...more });

  it('is the sum of all groups, and 0 of none', () => {
    expect(formatSum(totalLag([row({}), row({ lag: '7' })]))).toBe('12');
    expect(formatSum(totalLag([]))).toBe('0');
  });

  it('is a lower bound while a group is partial, was left out by the last round, or has no coordinator that answers', () => {
    expect(formatSum(totalLag([row({}), row({ unknown: 1 })]))).toBe('≥ 10');
    expect(formatSum(totalLag([row({}), row({ asOf: 99 })]))).toBe('≥ 5');
    expect(formatSum(totalLag([row({}), row({ error: 'COORDINATOR_NOT_AVAILABLE' })]))).toBe('≥ 5');
    expect(formatSum(totalLag([row({}), row({ lag: null, unknown: 1 })]))).toBe('≥ 5');
  });

  it('is unknown where no group is known, and counts no group that reads nothing', () => {
    expect(formatSum(totalLag([row({ error: 'COORDINATOR_NOT_AVAILABLE' })]))).toBe('?');
    expect(formatSum(totalLag([row({}), row({ lag: null, unknown: 0, partitions: [] })]))).toBe('5');
  });
});

describe('describePosition', () => {
  it('names what a committed offset says beside its lag', () => {
    expect(describePosition(groupPartition({ lag: '5' }))).toEqual([]);
    expect(describePosition(groupPartition({ lag: '0', beyondEnd: '9995' }))).toEqual(['committed 9,995 beyond the end']);
    expect(describePosition(groupPartition({ lag: '5', goneBeforeRead: '1' }))).toEqual(['1 deleted before they were read']);
    expect(describePosition(groupPartition({ absent: 'topic', unknown: null }))).toEqual(['topic deleted']);
    expect(describePosition(groupPartition({ absent: 'partition', unknown: null }))).toEqual(['partition does not exist']);
  });
});
