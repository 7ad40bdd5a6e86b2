/** Resets of committed offsets: reasons against a reset, and its consequences for the next member. */
import type { PlaceChange } from '#shared/ipc';
import { formatCount, plural } from '../format/numbers.ts';
import { describeConsequences, type ResetTo } from '../groups/offset-reset.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { groupOf } from './readers.ts';

/** The number of members that the coordinator lists. */
export const countMembers = (state: LearnState, id: string): number => groupOf(state, id)?.members.length ?? 0;

/** The reason against a reset; null when it is possible. `ours`: the members run on this page, which can stop them. */
export function reasonAgainstReset(state: LearnState, id: string, ours: boolean): string | null {
  if (!state.own) return `Resets on this page are for ${LEARN_TOPIC} only, which does not exist yet.`;
  if (groupOf(state, id) === null) return `Group ${id} does not exist yet. Start a consumer, which commits its offsets.`;
  const members = countMembers(state, id);
  if (members === 0) return null;
  const counted = `${id} has ${plural(members, 'member')}. Offsets can only be reset while the group has no members: a member continues from its position in memory and commits it again.`;
  return ours ? counted : `${counted} None of them runs on this page: wait until they leave or their sessions of 6 s expire.`;
}

/** Describes the new committed offsets and their consequences. */
export function describeReset(to: ResetTo, changes: readonly PlaceChange[]): { offsets: string[]; consequences: string } {
  const offsets = changes.map(
    ({ partition, from, to: at }) => `Partition ${partition}: ${from === null ? 'nothing' : formatCount(from)} → ${formatCount(at)}`,
  );
  return { offsets, consequences: describeConsequences(to, changes).join(' ') };
}
