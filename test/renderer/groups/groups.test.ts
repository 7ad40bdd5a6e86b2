import { describe, expect, it } from 'vitest';
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import {
  countWithoutMember,
  describeMembers,
  describeWithoutMember,
  lagLeavesOut,
  membersOf,
  stateOf,
} from '../../../renderer/groups/groups.ts';
import { describePosition, formatSum, totalLag } from '../../../renderer/groups/lag.ts';
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

describe('the state of a group', () => {
  it('is unknown while its coordinator does not answer, whatever it reported before', () => {
    expect([1, null].map((coordinator) => stateOf({ state: 'Stable', coordinator }))).toEqual(['Stable', 'Unknown']);
    const members = [{ memberId: 'm', instanceId: null, clientId: 'c', host: 'h', assignment: [] }];
    expect([1, null].map((coordinator) => membersOf({ ...group('5', []), state: 'Stable', members, coordinator }))).toEqual([1, null]);
  });
});

describe('the members of a group', () => {
  const members = [{ memberId: 'm', instanceId: null, clientId: 'c', host: 'h', assignment: [] }];

  it.each<[string, Partial<GroupRow>]>([
    ['1 member', { state: 'Stable', members }],
    ['0 members', { state: 'Empty' }],
    ['? members', { state: 'Unknown' }],
    ['? members', { state: 'Stable', members, coordinator: null }],
  ])('are stated as %s of %o', (text, more) => {
    expect(describeMembers({ ...group('5', []), ...more })).toBe(text);
  });
});

describe('what a lag leaves out', () => {
  it('is nothing when every partition is known, or none is', () => {
    expect(lagLeavesOut(group('5', [partition('1', '5')]))).toBeNull();
    expect(lagLeavesOut(group(null, [partition(null, null)]))).toBeNull();
  });

  it('distinguishes partitions without a commit from those with an unknown end offset', () => {
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

describe('partitions that no member reads', () => {
  const member = { memberId: 'm', instanceId: null, clientId: 'c', host: '/h', assignment: [] };
  const stable = (more: Partial<GroupRow> = {}): GroupRow => ({
    ...group('5', [
      groupPartition({ topic: 'orders', partition: 0, memberId: 'm' }),
      groupPartition({ topic: 'orders', partition: 2, memberId: null }),
      groupPartition({ topic: 'orders', partition: 1, memberId: null }),
      groupPartition({ topic: 'a\nb', partition: 4, memberId: null }),
      groupPartition({ topic: 'deleted', partition: 0, memberId: null, absent: 'topic' }),
    ]),
    state: 'Stable',
    members: [member],
    ...more,
  });

  it('are counted and named, without those that do not exist', () => {
    expect(countWithoutMember(stable())).toBe('3 partitions that no member reads');
    expect(describeWithoutMember(stable())).toMatch(/^3 partitions that no member reads: a\\nb 4 and orders 1–2\. /);
    const many = ['a', 'b', 'c', 'd', 'e'].map((topic) => groupPartition({ topic, partition: 0, memberId: null }));
    expect(describeWithoutMember(stable({ partitions: many }))).toContain('a 0, b 0, c 0 and 2 more topics.');
  });

  it.each<[string, Partial<GroupRow>]>([
    ['the group rebalances', { state: 'PreparingRebalance' }],
    ['it has no members', { state: 'Empty', members: [] }],
    ['its state is unknown', { state: 'Unknown', members: [] }],
    ['its coordinator did not answer', { error: 'COORDINATOR_NOT_AVAILABLE' }],
    ['its coordinator is not known', { coordinator: null }],
    ['assignments of its protocol are not read', { protocolType: 'connect' }],
    ['each is assigned', { partitions: [groupPartition({ memberId: 'm' })] }],
  ])('are not claimed where %s', (_what, more) => {
    expect(countWithoutMember(stable(more))).toBeNull();
    expect(describeWithoutMember(stable(more))).toBeNull();
  });
});
