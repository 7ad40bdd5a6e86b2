/** What the supervisor and a node's worker say to each other. Plain data only. */
import type { NodeEvent } from './lib/events.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import type { NodeConfig } from './lib/node-config.ts';

/** The worker's `workerData`. */
export interface NodeStart {
  config: NodeConfig;
  logLevel: LogLevel;
  /** The data goes with the process, so nothing is synced to disk. */
  temporary: boolean;
}

export type ToNode =
  /**
   * `controlled`: leaderships are moved away first. Without it the node only closes its files in order, for when the
   * whole cluster ends and there is nobody to move anything to.
   */
  { kind: 'stop'; controlled: boolean } | { kind: 'status'; request: number };

export type FromNode =
  | { kind: 'ready' }
  | { kind: 'failed'; code: string; message: string; stack: string | undefined }
  | { kind: 'stopped' }
  | { kind: 'status'; request: number; status: NodeStatus }
  | { kind: 'event'; event: NodeEvent }
  | { kind: 'log'; level: LogLevel; message: string; fields: LogFields };

export type QuorumRole = 'leader' | 'follower' | 'candidate';

/** What a node knows of itself. */
export interface NodeStatus {
  /** Its part in the metadata quorum, as far as it knows; null while it looks for a leader. */
  role: QuorumRole | null;
  leaderId: number | null;
  leaderEpoch: number;
  /** At the active controller, milliseconds since each broker's last heartbeat; empty elsewhere. */
  sessions: { broker: number; ageMs: number; fenced: boolean }[];
  /** Heap and buffers of the node's worker, bytes; null where nobody measured. */
  memoryBytes: number | null;
  /** What went through its client listener since it started, replication included. */
  inBytes: number;
  outBytes: number;
}
