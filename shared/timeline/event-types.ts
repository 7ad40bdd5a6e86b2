/** Definitions by type, and the types of one role. */
import type { TimelineEventType } from '../models/timeline.ts';
import type { EventDefinition } from './event-definition.ts';
import { EVENTS } from './events.ts';

const DEFINITIONS: ReadonlyMap<string, EventDefinition> = new Map(Object.entries<EventDefinition>(EVENTS));

/** Undefined for an unknown type: stored and remote events may be of another version. */
export function eventDefinition(type: string): EventDefinition | undefined {
  return DEFINITIONS.get(type);
}

function typesWhere(matches: (definition: EventDefinition) => boolean): ReadonlySet<TimelineEventType> {
  const types = (Object.entries(EVENTS) as [TimelineEventType, EventDefinition][]).filter(([, definition]) => matches(definition));
  return new Set(types.map(([type]) => type));
}

/** The process of the broker ended. */
export const PROCESS_ENDS = typesWhere(({ process }) => process === 'down');
/** The process of the broker ended or is frozen: it serves nothing. */
export const OUT_OF_SERVICE = typesWhere(({ process }) => process === 'down' || process === 'frozen');
/** The process of the broker runs again. */
export const PROCESS_RESUMES = typesWhere(({ process }) => process === 'up');
/** Faults of the lab, and those of the members of a load. */
export const INJECTED = typesWhere(({ begins }) => begins === 'fault');
/** Failures; one without a recorded cause begins an incident. */
export const FAILURES = typesWhere(({ begins }) => begins === 'failure');
