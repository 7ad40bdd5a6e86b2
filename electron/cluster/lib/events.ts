/**
 * Events of a node for the timeline. A node reports what happened and why; the supervisor (`cluster/cluster.ts`) assigns the
 * final id, merges the reports of several nodes about one event, and links an event to the fault that caused it.
 */
export interface NodeEvent {
  /** Past tense, namespaced: `cluster/brokerFenced`, `partition/isrShrunk`, `group/rebalanced`. The list is `shared/models/timeline.ts`. */
  type: string;
  /** Wall-clock milliseconds at the node. */
  at: number;
  /** The subject of the event; unused keys are absent. */
  broker?: number;
  topic?: string;
  partitions?: readonly number[];
  group?: string;
  /** The cause: one short clause in plain words. */
  reason?: string;
  /** Further facts, JSON-serialisable, by the names of the event's type. */
  details?: Readonly<Record<string, unknown>>;
}

export type EventSink = (event: NodeEvent) => void;
