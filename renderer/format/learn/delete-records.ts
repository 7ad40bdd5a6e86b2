/** DeleteRecords (KIP-107): before which offsets a partition's records can go, and whose place goes with them. */
import type { PartitionRow } from '#shared/models/cluster';
import { formatCount } from '../numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { isPassedOver, readersOf } from './offset.ts';

/** Offsets that its start can be moved to: the one after it and up to its end. */
export interface Deletable {
  first: bigint;
  last: bigint;
}

/** The offsets that can be chosen, or why there is none. */
export function deletable(state: LearnState, row: PartitionRow | null): Deletable | { why: string } {
  if (!state.own || row === null) return { why: `Records are deleted from ${LEARN_TOPIC} only, which is not there yet.` };
  if (row.leader === null) return { why: `Partition ${row.partition} has no leader now, and only a leader moves the start of its log.` };
  if (row.startOffset === null || row.endOffset === null)
    return { why: `Where partition ${row.partition} starts and ends is not known now.` };
  const [start, end] = [BigInt(row.startOffset), BigInt(row.endOffset)];
  return start < end ? { first: start + 1n, last: end } : { why: `Partition ${row.partition} holds no record: send some first.` };
}

/** What is wrong with the offset as it was typed; null: it can be asked for. */
export function checkBefore(text: string, { first, last }: Deletable): string | null {
  const fits = /^\d{1,18}$/.test(text) && BigInt(text) >= first && BigInt(text) <= last;
  if (fits) return null;
  return first === last
    ? `It can be ${formatCount(first)} only, the end.`
    : `A number from ${formatCount(first)} to ${formatCount(last)}, the end.`;
}

/** Each group that must begin anew here, in a sentence that says where. */
export function tellPassedOver(state: LearnState, row: PartitionRow): string[] {
  return readersOf(state, row.partition)
    .filter(({ place }) => isPassedOver(place, row))
    .map(
      ({ group, place }) =>
        `${group.id} has committed ${formatCount(place.committed ?? '0')}, and that record is gone. Its next fetch is refused (OFFSET_OUT_OF_RANGE), and auto.offset.reset decides: ${formatCount(row.startOffset ?? '0')} with earliest, the end with latest.`,
    );
}
