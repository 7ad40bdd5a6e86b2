/** The timeline: every fault and every transition that it caused, with the cause. */
import type { EventFields } from '../timeline/event-fields.ts';
import { EVENTS } from '../timeline/events.ts';

export type TimelineEventType = keyof typeof EVENTS;

export interface TimelineEvent extends EventFields {
  type: TimelineEventType;
}

export function isTimelineEventType(type: string): type is TimelineEventType {
  return Object.hasOwn(EVENTS, type);
}
