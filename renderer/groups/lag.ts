/** Lag as sums and as text, the same on every page: a sum with an unknown part is unknown or "≥". */
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import { addSums, sumOfKnown, type PartialSum } from '#shared/partial-sum';
import { formatCount, plural } from '../format/numbers.ts';

/** `1,284`, `≥ 1,284`, `?`. */
export function formatSum({ known, unknown }: PartialSum): string {
  if (known === null) return '?';
  return `${unknown > 0 ? '≥ ' : ''}${formatCount(known)}`;
}

export function lagOfGroup({ lag, unknown }: Pick<GroupRow, 'lag' | 'unknown'>): PartialSum {
  return { known: lag === null ? null : BigInt(lag), unknown };
}

/** `lag 1,284`, `lag ≥ 1,284`, `lag ?`. */
export function formatLag(group: Pick<GroupRow, 'lag' | 'unknown'> | null | undefined): string {
  return `lag ${group === null || group === undefined ? '?' : formatSum(lagOfGroup(group))}`;
}

/** Of some partitions of a group, such as those of one topic. Partitions that do not exist count in no sum. */
export function lagOfPartitions(partitions: readonly Pick<GroupPartition, 'lag' | 'absent'>[]): PartialSum {
  return sumOfKnown(partitions.flatMap(({ lag, absent }) => (absent === null ? [lag] : [])));
}

/** Of all groups. A group whose coordinator does not answer, or that the last round left out, is an unknown part. */
export function totalLag(groups: Iterable<GroupRow>): PartialSum {
  const sums: PartialSum[] = [];
  for (const group of groups) {
    if (group.error !== null || group.asOf !== null) sums.push({ known: null, unknown: 1 });
    else if (group.partitions.length > 0) sums.push(lagOfGroup(group));
  }
  return addSums(sums);
}

const UNKNOWN_PART: Record<NonNullable<GroupPartition['unknown']>, (count: number) => string> = {
  neverCommitted: (count) => `${plural(count, 'partition')} never committed`,
  committed: (count) => `${plural(count, 'committed offset')} not known`,
  offsets: (count) => `${plural(count, 'end offset')} not known`,
};

/** What a sum of lags leaves out; null when it leaves out nothing. */
export function describeUnknown(partitions: readonly Pick<GroupPartition, 'unknown'>[]): string | null {
  const parts: string[] = [];
  for (const reason of ['neverCommitted', 'committed', 'offsets'] as const) {
    const count = partitions.filter(({ unknown }) => unknown === reason).length;
    if (count > 0) parts.push(UNKNOWN_PART[reason](count));
  }
  return parts.length === 0 ? null : parts.join(', ');
}

const UNKNOWN_REASON: Record<NonNullable<GroupPartition['unknown']>, string> = {
  neverCommitted: 'Never committed: where a member starts depends on its auto.offset.reset.',
  committed: 'The committed offset is not known: the coordinator does not answer.',
  offsets: 'The end offset is not known: the leader does not answer.',
};

/** Why one partition has no lag. */
export function describeUnknownLag({ unknown }: Pick<GroupPartition, 'unknown'>): string {
  return unknown === null ? 'No broker has answered yet.' : UNKNOWN_REASON[unknown];
}

/** Of a partition without a committed offset; null where it is not known whether it has one. */
export function describeMissingCommit({ unknown }: Pick<GroupPartition, 'unknown'>): string | null {
  return unknown === null || unknown === 'neverCommitted' ? 'Never committed' : null;
}

/** What a committed offset says beside its lag, most important first; empty in the plain case. */
export function describePosition(partition: GroupPartition): string[] {
  const { absent, goneBeforeRead, beyondEnd, emptyOffsets, openTransaction } = partition;
  if (absent === 'topic') return ['topic deleted'];
  if (absent === 'partition') return ['partition does not exist'];
  const notes: string[] = [];
  if (beyondEnd !== null) notes.push(`committed ${formatCount(beyondEnd)} beyond the end`);
  if (goneBeforeRead !== null) notes.push(`${formatCount(goneBeforeRead)} deleted before they were read`);
  if (emptyOffsets !== null) notes.push(`${plural(BigInt(emptyOffsets), 'offset')} without a record, such as a transaction marker`);
  if (openTransaction) notes.push('open transaction');
  return notes;
}
