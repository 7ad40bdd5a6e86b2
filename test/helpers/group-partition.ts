/** A partition of a group's row with the fields that a test names; the others are those of a plain reading. */
import type { GroupPartition } from '../../shared/models/cluster.ts';

export function groupPartition(fields: Partial<GroupPartition> = {}): GroupPartition {
  const lag = fields.lag ?? null;
  const committed = fields.committed ?? null;
  return {
    topic: 'orders',
    partition: 0,
    memberId: null,
    leader: 1,
    committed,
    startOffset: '0',
    endOffset: null,
    lag,
    unknown: lag !== null ? null : committed === null ? 'neverCommitted' : 'offsets',
    absent: null,
    goneBeforeRead: null,
    beyondEnd: null,
    emptyOffsets: null,
    nextUnreadAt: null,
    openTransaction: false,
    committedAt: null,
    metadata: null,
    ...fields,
  };
}
