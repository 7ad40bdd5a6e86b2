/** DeleteRecords (KIP-107): the offsets that a partition's log start can be moved to, and the consequences. */
import type { LogStart } from '#shared/ipc';
import type { GroupRow, PartitionRow } from '#shared/models/cluster';
import { formatCount, formatList, formatRanges, plural } from '../format/numbers.ts';

/** Offsets that its start can be moved to: the one after it and up to its end. */
export interface Deletable {
  first: bigint;
  last: bigint;
}

type Place = Pick<PartitionRow, 'partition' | 'leader' | 'startOffset' | 'endOffset'>;

/** The offsets that can be chosen, or why there is none. */
export function deletable({ partition, leader, startOffset, endOffset }: Place): Deletable | { why: string } {
  if (leader === null) return { why: `Partition ${partition} has no leader now, and only a leader moves the start of its log.` };
  if (startOffset === null || endOffset === null) return { why: `Where partition ${partition} starts and ends is not known now.` };
  const [start, end] = [BigInt(startOffset), BigInt(endOffset)];
  return start < end ? { first: start + 1n, last: end } : { why: `Partition ${partition} holds no record.` };
}

/** What is wrong with the offset as it was typed; null: it can be asked for. */
export function checkBefore(text: string, { first, last }: Deletable): string | null {
  const fits = /^\d{1,18}$/.test(text) && BigInt(text) >= first && BigInt(text) <= last;
  if (fits) return null;
  return first === last
    ? `It can be ${formatCount(first)} only, the end.`
    : `A number from ${formatCount(first)} to ${formatCount(last)}, the end.`;
}

/** Where each log would start; `to` is null where that is not known or cannot be done, `why` says which. */
export interface PlannedStart {
  partition: number;
  from: string | null;
  to: string | null;
  why: string | null;
}

/** `before` is an offset, or null for the end of each. A partition without records stays as it is. */
export function previewDeletion(partitions: readonly Place[], before: string | null): PlannedStart[] {
  return partitions.map((row) => {
    const { partition, startOffset: from } = row;
    const range = deletable(row);
    if (!('why' in range)) return { partition, from, to: before ?? `${range.last}`, why: null };
    const empty = row.leader !== null && from !== null && row.endOffset !== null;
    return { partition, from, to: empty ? from : null, why: range.why };
  });
}

/** Sentences: how many go (in a compacted log fewer than the offsets say), and which groups stand before the new start. */
export function describeDeletion(plan: readonly PlannedStart[], groups: readonly GroupRow[], topic: string, compacted: boolean): string[] {
  const starts = new Map(plan.flatMap(({ partition, to }) => (to === null ? [] : [[partition, BigInt(to)] as const])));
  const gone = plan.reduce((sum, { from, to }) => (from === null || to === null ? sum : sum + BigInt(to) - BigInt(from)), 0n);
  if (gone === 0n) return [];
  const behind = groups.filter((group) =>
    group.partitions.some((place) => {
      const start = place.topic === topic ? starts.get(place.partition) : undefined;
      return start !== undefined && place.committed !== null && BigInt(place.committed) < start;
    }),
  );
  const names = behind.slice(0, 3).map(({ id }) => id);
  const who = behind.length > 3 ? `${names.join(', ')} and ${plural(behind.length - 3, 'more group', 'more groups')}` : formatList(names);
  return [
    `${compacted ? 'Up to ' : ''}${plural(gone, 'record')} will be permanently deleted from all replicas. Remaining records keep their offsets.`,
    ...(behind.length === 0
      ? []
      : [`${who} ${behind.length === 1 ? 'has' : 'have'} not consumed all of them and will continue from auto.offset.reset.`]),
  ];
}

/** Partitions that did not do it, by what they said; empty: all did. */
export function describeFailures(results: readonly LogStart[]): string[] {
  const byText = new Map<string, number[]>();
  for (const { partition, error } of results) {
    if (error === null) continue;
    const text = error.message.replace(/\.$/, '');
    byText.set(text, [...(byText.get(text) ?? []), partition]);
  }
  return [...byText].map(
    ([text, partitions]) => `${partitions.length === 1 ? 'Partition' : 'Partitions'} ${formatRanges(partitions)}: ${text}.`,
  );
}
