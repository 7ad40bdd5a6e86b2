/** Fields of an event on the timeline besides its type. `events.ts` defines the types. */
export interface EventFields {
  /** Grows by one with every event of a run, from 1. */
  id: number;
  /** Wall-clock milliseconds. */
  at: number;
  /** The node that reported it; null for events of the supervisor and for observed ones. */
  node: number | null;
  /** The subject of the event; keys that do not apply are absent. */
  broker?: number;
  topic?: string;
  partitions?: number[];
  group?: string;
  /** Number of partitions or members concerned, where that is more than one. */
  count?: number;
  /** The reason: one short clause. */
  reason?: string;
  /** Id of the event that caused this one. */
  causeId?: number;
  /** The cause matches by subject and time, but the record does not prove it. Absent for a proven cause. */
  causeIsPossible?: true;
  /** Further facts, JSON-serialisable; lists have at most 100 items. */
  details?: Record<string, unknown>;
}
