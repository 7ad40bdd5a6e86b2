/** DeleteRecords on the topic of these pages: when it can be asked for, and whose place goes with the records. */
import type { PartitionRow } from '#shared/models/cluster';
import { deletable, type Deletable } from '../delete-records.ts';
import { formatCount } from '../numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { isPassedOver, readersOf } from './offset.ts';

/** The offsets that can be chosen, or why there is none. */
export function deletableHere(state: LearnState, row: PartitionRow | null): Deletable | { why: string } {
  if (!state.own || row === null) return { why: `Records are deleted from ${LEARN_TOPIC} only, which is not there yet.` };
  return deletable(row);
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
