import type { TimelineEvent } from '#shared/models/timeline';

/**
 * Events of a node for the timeline. A node reports what happened and why; the supervisor (`cluster/timeline.ts`) assigns the final id, merges
 * the reports of several nodes about one event, and finds the cause. Types are defined in `shared/timeline/events.ts`.
 */
export interface NodeEvent extends Pick<TimelineEvent, 'type' | 'at' | 'broker' | 'topic' | 'group' | 'reason'> {
  partitions?: readonly number[];
  details?: Readonly<Record<string, unknown>>;
}

export type EventSink = (event: NodeEvent) => void;
