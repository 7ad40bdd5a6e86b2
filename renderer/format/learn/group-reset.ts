/** A group's place set from outside: when its coordinator takes it, and what it means for who reads next. */
import type { PlaceChange } from '#shared/ipc';
import { formatCount, plural } from '../numbers.ts';
import { tellConsequences, type ResetTo } from '../offset-reset.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { groupOf } from './readers.ts';

/** How many members its coordinator counts. */
export const membersCounted = (state: LearnState, id: string): number => groupOf(state, id)?.members.length ?? 0;

/** Why its place cannot be set now; null: it can. `ours`: its members are run from this page, so they can be stopped here. */
export function whyNoReset(state: LearnState, id: string, ours: boolean): string | null {
  if (!state.own) return `Places in ${LEARN_TOPIC} only are set from here, and it is not there yet.`;
  if (groupOf(state, id) === null) return `There is no group ${id} yet. Start a consumer: what it commits is its place.`;
  const members = membersCounted(state, id);
  if (members === 0) return null;
  const counted = `${id} has ${plural(members, 'member')}. Each goes on from the place that it has in memory and commits that again, so the coordinator takes a place from members alone.`;
  return ours
    ? counted
    : `${counted} None of them runs from here any more: wait until they have left, or their session, 6 s here, has run out.`;
}

/** What was committed, and what the next member does with it. */
export function tellReset(to: ResetTo, changes: readonly PlaceChange[]): { places: string[]; means: string } {
  const places = changes.map(
    ({ partition, from, to: at }) => `Partition ${partition}: ${from === null ? 'nothing' : formatCount(from)} → ${formatCount(at)}`,
  );
  return { places, means: tellConsequences(to, changes).join(' ') };
}
