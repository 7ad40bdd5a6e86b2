/** What can be done to the embedded cluster's nodes, and what has happened to them. The app and the control API share it. */
import type { TimelineEvent } from '#shared/models/timeline';

export interface LabNode {
  id: number;
  state: 'starting' | 'running' | 'stopping' | 'stopped' | 'killed' | 'failed';
  /** Why it is `failed`. */
  reason: string | null;
  role: 'leader' | 'follower' | 'candidate' | null;
  host: string;
  port: number;
  controllerPort: number;
  /** Wall-clock ms since when it is in that state. */
  since: number;
  /** Milliseconds since the active controller heard its last heartbeat; null while nobody knows. */
  sessionAgeMs: number | null;
  sessionTimeoutMs: number;
  memoryBytes: number | null;
  /** Bytes of client and replication traffic since the node started. */
  inBytes: number;
  outBytes: number;
}

export interface Lab {
  nodes(): Promise<LabNode[]>;
  /** Controlled shutdown: leaderships move first. Resolves when the node has left. */
  stop(node: number): Promise<void>;
  /** The worker ends mid-instruction. */
  kill(node: number): Promise<void>;
  /** Resolves when the node serves clients again. */
  start(node: number): Promise<void>;
  /** Events with an id above `sinceId`, oldest first. */
  timeline(sinceId: number): readonly TimelineEvent[];
  /** Returns the function that unsubscribes. */
  onEvent(listener: (event: TimelineEvent) => void): () => void;
}
