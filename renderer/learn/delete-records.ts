/** DeleteRecords on the topic of these pages: the allowed offsets, and the groups whose committed offsets are deleted. */
import type { PartitionRow } from '#shared/models/cluster';
import { deletable, type Deletable } from '../topics/delete-records.ts';
import { formatCount } from '../format/numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { isOutOfRange, readersOf } from './offset.ts';

/** The allowed offsets, or the reason why there are none. */
export function deletableHere(state: LearnState, row: PartitionRow | null): Deletable | { why: string } {
  if (!state.own || row === null) return { why: `Records are deleted from ${LEARN_TOPIC} only, which does not exist yet.` };
  return deletable(row);
}

/** One sentence for each group whose committed offset is out of range. */
export function describeOutOfRange(state: LearnState, row: PartitionRow): string[] {
  return readersOf(state, row.partition)
    .filter(({ place }) => isOutOfRange(place, row))
    .map(
      ({ group, place }) =>
        `${group.id} has committed ${formatCount(place.committed ?? '0')}, and that record is deleted. Its next fetch fails (OFFSET_OUT_OF_RANGE), and auto.offset.reset decides: ${formatCount(row.startOffset ?? '0')} with earliest, the end with latest.`,
    );
}
