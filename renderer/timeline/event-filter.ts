/** Which events and lanes are shown: by kind, and by typed text: a broker, a partition, a group, or any words. */
import type { TimelineEvent } from '#shared/models/timeline';
import { lanesOf } from './lane-facts.ts';
import type { Lane } from './lanes.ts';
import { linkLabel, parseLinkKey } from '../lab/links.ts';
import type { EventKind } from '#shared/timeline/event-definition';
import { eventKind, describeEvent } from './timeline.ts';

export interface EventFilter {
  kind: EventKind | 'all';
  text: string;
}

export const isFiltering = ({ kind, text }: EventFilter): boolean => kind !== 'all' || text.trim() !== '';

/** Events are immutable: their text is built once. */
const WORDS = new WeakMap<TimelineEvent, string>();

function wordsOf(event: TimelineEvent): string {
  let words = WORDS.get(event);
  if (words === undefined) {
    words = [describeEvent(event), event.reason ?? '', event.topic ?? '', ...lanesOf(event).map(subjectOf)].join('\n').toLowerCase();
    WORDS.set(event, words);
  }
  return words;
}

/** A lane's key as a person would type it. */
function subjectOf(lane: string): string {
  const colon = lane.indexOf(':');
  const name = lane.slice(colon + 1);
  if (lane.startsWith('partition:')) return name;
  const link = lane.startsWith('link:') ? parseLinkKey(name) : null;
  return link === null ? lane.replace(':', ' ') : linkLabel(link);
}

/** `broker 1` is not found in `broker 12`, nor `orders-1` in `orders-10`. */
function includes(words: string, query: string): boolean {
  const ends = /\d$/.test(query);
  for (let i = words.indexOf(query); i >= 0; i = words.indexOf(query, i + 1)) {
    if (!ends || !/\d/.test(words.charAt(i + query.length))) return true;
  }
  return false;
}

export function eventMatcher({ kind, text }: EventFilter): (event: TimelineEvent) => boolean {
  const query = text.trim().toLowerCase();
  return (event) => (kind === 'all' || eventKind(event) === kind) && (query === '' || includes(wordsOf(event), query));
}

/** Lanes by name, and those of what happened that is spoken of. */
export function laneMatcher(filter: EventFilter): (lane: Lane) => boolean {
  const query = filter.text.trim().toLowerCase();
  if (query === '') return () => true;
  const matches = eventMatcher({ kind: 'all', text: filter.text });
  return (lane) => lane.label.toLowerCase().includes(query) || lane.events.some(matches);
}
