/** What the supervisor and a node's worker say to each other. Plain data only. */
import type { NodeEvent } from './lib/events.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { NodeFaults } from './lib/node-faults.ts';

/** The worker's `workerData`. */
export interface NodeStart {
  config: NodeConfig;
  logLevel: LogLevel;
  /** The data goes with the process, so nothing is synced to disk. */
  temporary: boolean;
  /** In force from the first moment. */
  faults: NodeFaults;
  /** Holds the node's directory. */
  rootDirectory: string;
  /** Where the node says what it has not synced yet (`lib/power-loss-disk.ts`). */
  undoDirectory: string;
  memory: SharedMemory;
}

/** What threads know of each other without a message. */
export interface SharedMemory {
  /** A byte for each TCP port: which node has a stream open from there. 0: none. Kept by the nodes, for all of them. */
  portOwners: SharedArrayBuffer;
  /** An int32: 1 while this node is frozen. Kept by the supervisor. */
  frozen: SharedArrayBuffer;
  /** An int32 that grows with everything the node does on its disk. Kept by the node. */
  progress: SharedArrayBuffer;
}

export type ToNode =
  /**
   * `controlled`: leaderships are moved away first. Without it the node only closes its files in order, for when the
   * whole cluster ends and there is nobody to move anything to.
   */
  | { kind: 'stop'; controlled: boolean }
  | { kind: 'status'; request: number }
  /** Answered by `done` when they are in force. */
  | { kind: 'faults'; request: number; faults: NodeFaults }
  /** Blocks the thread, having answered by `done`, until `frozen` is 0. */
  | { kind: 'freeze'; request: number };

export type FromNode =
  | { kind: 'ready' }
  | { kind: 'failed'; code: string; message: string; stack: string | undefined }
  | { kind: 'stopped' }
  | { kind: 'status'; request: number; status: NodeStatus }
  | { kind: 'done'; request: number }
  /** The thread gets on again after a freeze. */
  | { kind: 'thawed' }
  | { kind: 'event'; event: NodeEvent }
  | { kind: 'log'; level: LogLevel; message: string; fields: LogFields };

export type QuorumRole = 'leader' | 'follower' | 'candidate';

/** What a node knows of itself. */
export interface NodeStatus {
  /** Its part in the metadata quorum, as far as it knows; null while it looks for a leader. */
  role: QuorumRole | null;
  leaderId: number | null;
  leaderEpoch: number;
  /** Wall-clock milliseconds since when it leads the quorum itself, in this epoch; null where it does not. */
  leadsSince: number | null;
  /** At the active controller, milliseconds since each broker's last heartbeat; empty elsewhere. */
  sessions: { broker: number; ageMs: number; fenced: boolean }[];
  /** Heap and buffers of the node's worker, bytes; null where nobody measured. */
  memoryBytes: number | null;
  /** What went through its client listener since it started, replication included. */
  inBytes: number;
  outBytes: number;
}
