import { describe, expect, test } from 'vitest';
import { describeMissingCommit } from '../../../renderer/groups/lag.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

describe('describeMissingCommit', () => {
  test('says "Never committed" only where the coordinator has answered so', () => {
    expect(describeMissingCommit(groupPartition({ unknown: 'neverCommitted' }))).toBe('Never committed');
    // An empty partition: nothing can be read, whatever was committed.
    expect(describeMissingCommit(groupPartition({ lag: '0' }))).toBe('Never committed');
    expect(describeMissingCommit(groupPartition({ absent: 'partition', unknown: null }))).toBe('Never committed');
  });

  test('is null where the committed offset is not known, or the end is not, which may hide why', () => {
    expect(describeMissingCommit(groupPartition({ unknown: 'committed' }))).toBeNull();
    expect(describeMissingCommit(groupPartition({ unknown: 'offsets' }))).toBeNull();
  });
});
