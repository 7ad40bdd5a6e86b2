/** Resets of a group's committed offsets: the target, the new offset of each partition, and the effect on its consumers. */
import type { Payload, PlaceChange } from '#shared/ipc';
import type { PartitionRow } from '#shared/models/cluster';
import { plural } from '../format/numbers.ts';

export type ResetTo = Payload<'group/reset'>['to'];

export const RESET_KINDS: { value: ResetTo['kind']; label: string }[] = [
  { value: 'earliest', label: 'Earliest offset' },
  { value: 'latest', label: 'Latest offset' },
  { value: 'offset', label: 'Specific offset' },
];

/** Null: it is one. */
export const checkOffset = (text: string): string | null => (/^\d{1,18}$/.test(text) ? null : 'A number: 0 or more.');

/** What the cluster would commit now; null for a partition whose log's start or end is not known. */
export function previewReset(
  to: ResetTo,
  partitions: readonly Pick<PartitionRow, 'partition' | 'startOffset' | 'endOffset'>[],
  committed: ReadonlyMap<number, string>,
): { partition: number; from: string | null; to: string | null }[] {
  return partitions.map(({ partition, startOffset, endOffset }) => {
    const from = committed.get(partition) ?? null;
    if (startOffset === null || endOffset === null) return { partition, from, to: null };
    if (to.kind !== 'offset') return { partition, from, to: to.kind === 'earliest' ? startOffset : endOffset };
    const [start, end, wanted] = [BigInt(startOffset), BigInt(endOffset), BigInt(to.offset)];
    return { partition, from, to: `${wanted < start ? start : wanted > end ? end : wanted}` };
  });
}

/** Sentences: what the next member reads again, what it passes over, where the wish was not met to the letter. */
export function describeConsequences(to: ResetTo, changes: readonly PlaceChange[]): string[] {
  let again = 0n;
  let skips = false;
  for (const { from, to: at } of changes) {
    if (from === null) continue;
    const back = BigInt(from) - BigInt(at);
    if (back > 0n) again += back;
    if (back < 0n) skips = true;
  }
  return [
    'Consumers will restart there.',
    ...(again === 0n ? [] : [`They reprocess up to ${plural(again, 'record')}.`]),
    ...(skips ? ['Skipped records stay in the topic, not consumed by this group.'] : []),
    ...(to.kind === 'offset' && changes.some(({ to: at }) => at !== to.offset)
      ? ['Where a log does not contain that offset, its nearest offset is used.']
      : []),
  ];
}
