/** From an event to its causes and its effects. */
import type { TimelineEvent } from '#shared/models/timeline';
import { eventKind, describeEvent, describeReason } from './timeline.ts';

export interface CauseIndex {
  byId: ReadonlyMap<number, TimelineEvent>;
  /** What each event led to, oldest first; absent where it led to nothing. */
  effects: ReadonlyMap<number, readonly TimelineEvent[]>;
}

export function indexCauses(events: readonly TimelineEvent[]): CauseIndex {
  const byId = new Map(events.map((event) => [event.id, event]));
  const effects = new Map<number, TimelineEvent[]>();
  for (const event of events) {
    if (event.causeId === undefined) continue;
    const list = effects.get(event.causeId);
    if (list === undefined) effects.set(event.causeId, [event]);
    else list.push(event);
  }
  return { byId, effects };
}

export const causeOf = (event: TimelineEvent, { byId }: CauseIndex): TimelineEvent | null =>
  event.causeId === undefined ? null : (byId.get(event.causeId) ?? null);

export const effectsOf = (event: TimelineEvent, { effects }: CauseIndex): readonly TimelineEvent[] => effects.get(event.id) ?? [];

/** What led to it, the root first, itself left out; as far back as the record reaches. */
export function ancestorsOf(event: TimelineEvent, index: CauseIndex): TimelineEvent[] {
  const ancestors: TimelineEvent[] = [];
  for (let cause = causeOf(event, index); cause !== null && !ancestors.includes(cause); cause = causeOf(cause, index))
    ancestors.unshift(cause);
  return ancestors;
}

/** Everything that has the same root, itself included. */
export function chainIdsOf(event: TimelineEvent, index: CauseIndex): ReadonlySet<number> {
  const root = ancestorsOf(event, index)[0] ?? event;
  return new Set([root.id, ...descendantsOf(root, index)]);
}

/** How many events it led to, and those in turn. */
export const countCaused = (event: TimelineEvent, index: CauseIndex): number => descendantsOf(event, index).size;

function descendantsOf(event: TimelineEvent, index: CauseIndex): Set<number> {
  const seen = new Set<number>();
  const open = [event];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const effect of effectsOf(next, index)) {
      if (seen.has(effect.id)) continue;
      seen.add(effect.id);
      open.push(effect);
    }
  }
  return seen;
}

/** `group billing rebalances, because group billing: coordinator moved, possibly because broker 3 fenced (its session expired)`. */
export function describeCauses(event: TimelineEvent, index: CauseIndex): string {
  const chain = [event, ...ancestorsOf(event, index).reverse()];
  return chain.map((one, i) => `${i === 0 ? '' : conjunctionOf(chain[i - 1])}${withReason(one)}`).join('');
}

const conjunctionOf = (effect: TimelineEvent | undefined): string =>
  effect?.causeIsPossible === true ? ', possibly because ' : ', because ';

/** Of coordination the reason is part of the story: a broker is fenced since its session was lost. */
function withReason(event: TimelineEvent): string {
  const reason = eventKind(event) === 'coordination' ? describeReason(event) : null;
  return reason === null ? describeEvent(event) : `${describeEvent(event)} (${reason})`;
}
