/** The timeline as a file for other programs; docs/timeline.md describes it. */
import type { Fault } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';
import { ancestorsOf, effectsOf, type CauseIndex } from './causes.ts';
import { isFiltering, type EventFilter } from './event-filter.ts';
import { describeEvent } from './timeline.ts';

export interface TimelineExport {
  format: 'brokerdesk-timeline';
  version: 1;
  exportedAt: string;
  cluster: { id: string | null; name: string | null };
  /** Null: the whole record is here. */
  filter: EventFilter | null;
  /** When `events` were chosen: the moment that was looked at, or null for the present. */
  moment: number | null;
  /** In force at that moment. */
  faults: readonly Fault[];
  events: (TimelineEvent & {
    /** In words. */
    text: string;
    /** Ids from the root down to its cause; some may be outside the filter. */
    because: number[];
    /** Ids of what it led to directly. */
    caused: number[];
  })[];
}

export function exportTimeline(source: {
  events: readonly TimelineEvent[];
  causes: CauseIndex;
  cluster: TimelineExport['cluster'];
  filter: EventFilter;
  moment: number | null;
  faults: readonly Fault[];
  now: number;
}): TimelineExport {
  const { events, causes, cluster, filter, moment, faults, now } = source;
  return {
    format: 'brokerdesk-timeline',
    version: 1,
    exportedAt: new Date(now).toISOString(),
    cluster,
    filter: isFiltering(filter) ? { ...filter } : null,
    moment,
    faults,
    events: events.map((event) => ({
      ...event,
      text: describeEvent(event),
      because: ancestorsOf(event, causes).map(({ id }) => id),
      caused: effectsOf(event, causes).map(({ id }) => id),
    })),
  };
}
