/** The timeline as text, and its chains of causes. Each type of event is defined in `shared/timeline/events.ts`. */
import type { TimelineEvent } from '#shared/models/timeline';
import type { Tone } from '#shared/models/tone';
import type { EventDefinition, EventKind, EventMark } from '#shared/timeline/event-definition';
import { describeFaultOf } from '#shared/timeline/event-text';
import { eventDefinition } from '#shared/timeline/event-types';

export const EVENT_KINDS: { kind: EventKind; label: string }[] = [
  { kind: 'faults', label: 'Faults and nodes' },
  { kind: 'coordination', label: 'Coordination' },
  { kind: 'partitions', label: 'Partitions' },
  { kind: 'groups', label: 'Groups' },
  { kind: 'topics', label: 'Topics' },
];

export const KIND_OPTIONS: { value: EventKind | 'all'; label: string }[] = [
  { value: 'all', label: 'All events' },
  ...EVENT_KINDS.map(({ kind, label }) => ({ value: kind, label })),
];

/** Where there is no event to show. */
export const explainEmptyTimeline = (embedded: boolean): string =>
  embedded ? 'No events yet. Stop a broker and watch.' : 'No change has been observed since this cluster was selected.';

/** An event of an unknown type is shown by its name. */
function definitionOfEvent(event: TimelineEvent): EventDefinition {
  return eventDefinition(event.type) ?? { kind: 'coordination', mark: 'dot', tone: 'none', describe: () => event.type };
}

export const eventKind = (event: TimelineEvent): EventKind => definitionOfEvent(event).kind;
export const eventMark = (event: TimelineEvent): EventMark => definitionOfEvent(event).mark;
export const eventTone = (event: TimelineEvent): Tone => definitionOfEvent(event).tone;

export function describeEvent(event: TimelineEvent): string {
  return definitionOfEvent(event).describe(event);
}

/** Why, where that says more than what happened: faults carry their own words in their reason. */
export function describeReason(event: TimelineEvent): string | null {
  const { reason } = event;
  if (reason === undefined || event.type === 'lab/faultHealed') return null;
  if (event.type === 'lab/faultInjected') {
    // `link 2–3 cut: 14 bytes flipped`: the clause behind the colon is what is new.
    const detail = /: (.+)$/.exec(reason)?.[1];
    return describeFaultOf(event) === null || detail === undefined || describeEvent(event).includes(detail) ? null : detail;
  }
  // The reason of a load's event describes it.
  return describeEvent(event).endsWith(reason) ? null : reason;
}

export const breaksSomething = (event: TimelineEvent): boolean => definitionOfEvent(event).breaks === true;

export interface EventChain {
  /** Oldest first; the first one is the root cause. */
  events: TimelineEvent[];
}

/** The event that started it all, by following causes as far as they are known. */
export function rootOf(event: TimelineEvent, byId: ReadonlyMap<number, TimelineEvent>): TimelineEvent {
  let root = event;
  const seen = new Set<number>();
  while (root.causeId !== undefined && !seen.has(root.id)) {
    seen.add(root.id);
    const cause = byId.get(root.causeId);
    if (cause === undefined) break;
    root = cause;
  }
  return root;
}

/** The chain that `last` belongs to: all events that share its root. */
export function chainOf(last: TimelineEvent, events: readonly TimelineEvent[]): EventChain {
  const byId = new Map(events.map((event) => [event.id, event]));
  const root = rootOf(last, byId);
  const chain = events.filter((event) => event.id >= root.id && rootOf(event, byId).id === root.id);
  return { events: chain };
}
