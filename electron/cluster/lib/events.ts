/**
 * What a node tells the timeline. A node says what it saw and why; the supervisor (`cluster/cluster.ts`) gives the
 * final id, merges what several nodes say of one thing, and links a transition to the fault that caused it.
 */
export interface NodeEvent {
  /** Past tense, namespaced: `cluster/brokerFenced`, `partition/isrShrunk`, `group/rebalanced`. The list is `shared/models/timeline.ts`. */
  type: string;
  /** Wall-clock milliseconds at the node. */
  at: number;
  /** What it is about; unused keys are absent. */
  broker?: number;
  topic?: string;
  partitions?: readonly number[];
  group?: string;
  /** One short clause in plain words: why it happened. */
  reason?: string;
  /** Further facts, JSON-serialisable, by the names of the event's type. */
  details?: Readonly<Record<string, unknown>>;
}

export type EventSink = (event: NodeEvent) => void;
