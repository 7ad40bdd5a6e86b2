/** A group's place set from outside: when its coordinator takes it, and what it means for who reads next. */
import type { Payload, PlaceChange } from '#shared/ipc';
import { formatCount, plural } from '../numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';
import { groupOf } from './readers.ts';

export type ResetTo = Payload<'group/reset'>['to'];

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

export const checkOffset = (text: string): string | null => (/^\d{1,18}$/.test(text) ? null : 'A number: 0 or more.');

/** What was committed, and what the next member does with it. */
export function tellReset(to: ResetTo, changes: readonly PlaceChange[]): { places: string[]; means: string } {
  const places = changes.map(
    ({ partition, from, to: at }) => `Partition ${partition}: ${from === null ? 'nothing' : formatCount(from)} → ${formatCount(at)}`,
  );
  const back = changes.reduce(
    (sum, { from, to: at }) => (from !== null && BigInt(from) > BigInt(at) ? sum + BigInt(from) - BigInt(at) : sum),
    0n,
  );
  const again = back === 0n ? '' : ` It reads up to ${plural(back, 'record')} a second time.`;
  const skipped = changes.some(({ from, to: at }) => from !== null && BigInt(from) < BigInt(at));
  const over = skipped ? ' What it passes over stays in the topic, unread by this group.' : '';
  const moved =
    to.kind === 'offset' && changes.some(({ to: at }) => at !== to.offset)
      ? ' Where a log does not reach that offset, the nearest that it has was taken.'
      : '';
  return { places, means: `The next member begins there.${again}${over}${moved}` };
}
