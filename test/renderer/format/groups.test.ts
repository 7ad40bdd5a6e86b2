import { describe, expect, it } from 'vitest';
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import { lagLeavesOut } from '../../../renderer/format/groups.ts';
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
