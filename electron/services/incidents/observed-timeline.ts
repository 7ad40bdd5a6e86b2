/** The timeline of a remote cluster: events from differences between polls, with causes by the same rules as those of the embedded one. */
import { Timeline } from '../../cluster/timeline.ts';
import type { ClusterPatch } from '#shared/ipc';
import type { TimelineEvent } from '#shared/models/timeline';
import { ViewDiffer } from './view-differ.ts';

export class ObservedTimeline {
  private readonly differ = new ViewDiffer();
  private readonly timeline: Timeline;
  private readonly onEvents: (events: TimelineEvent[]) => void;

  constructor(options: { monotonic: () => number; onEvents: (events: TimelineEvent[]) => void }) {
    this.timeline = new Timeline(options.monotonic);
    this.onEvents = options.onEvents;
  }

  /** Every patch of the connection's views, in order from the first. */
  take(patch: ClusterPatch): void {
    const events = this.differ.take(patch).flatMap((event) => this.timeline.record(null, event) ?? []);
    if (events.length > 0) this.onEvents(events);
  }

  /** Events with an id above `sinceId`, oldest first. */
  since(sinceId: number): readonly TimelineEvent[] {
    return this.timeline.since(sinceId);
  }
}
