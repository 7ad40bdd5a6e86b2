/** Messages between the supervisor and a node's worker. Plain data only. */
import type { NodeEvent } from './lib/events.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { NodeFaults } from './lib/node-faults.ts';

/** The worker's `workerData`. */
export interface NodeStart {
  config: NodeConfig;
  logLevel: LogLevel;
  /** Temporary data: nothing is synced to disk. */
  temporary: boolean;
  /** Active from the start of the node. */
  faults: NodeFaults;
  /** The parent of the node's directory. */
  rootDirectory: string;
  /** Undo data of the node's unsynced writes (`lib/power-loss-disk.ts`). */
  undoDirectory: string;
  memory: SharedMemory;
}

/** State that threads share without messages. */
export interface SharedMemory {
  /** A byte for each local TCP port: the id of the node with a stream open from it. 0: none. Written by all nodes. */
  portOwners: SharedArrayBuffer;
  /** An int32: 1 while this node is frozen. Written by the supervisor. */
  frozen: SharedArrayBuffer;
  /** An int32 that grows with every disk operation of the node. Written by the node. */
  progress: SharedArrayBuffer;
}

export type ToNode =
  /**
   * `controlled`: leaderships are moved first. Without it the node only closes its files cleanly, for when the whole cluster ends and no other
   * node remains.
   */
  | { kind: 'stop'; controlled: boolean }
  | { kind: 'status'; request: number }
  /** Answered by `done` when they are active. */
  | { kind: 'faults'; request: number; faults: NodeFaults }
  /** Answers `done`, then blocks the thread until `frozen` is 0. */
  | { kind: 'freeze'; request: number };

export type FromNode =
  | { kind: 'ready' }
  | { kind: 'failed'; code: string; message: string; stack: string | undefined }
  | { kind: 'stopped' }
  | { kind: 'status'; request: number; status: NodeStatus }
  | { kind: 'done'; request: number }
  /** The thread has resumed after a freeze. */
  | { kind: 'thawed' }
  | { kind: 'event'; event: NodeEvent }
  | { kind: 'log'; level: LogLevel; message: string; fields: LogFields };

export type QuorumRole = 'leader' | 'follower' | 'candidate';

/** Status that a node reports of itself. */
export interface NodeStatus {
  /** Its role in the metadata quorum; null while it looks for a leader. */
  role: QuorumRole | null;
  leaderId: number | null;
  leaderEpoch: number;
  /** Wall-clock milliseconds of its election as leader of the quorum, in this epoch; null on other nodes. */
  leadsSince: number | null;
  /** At the active controller, milliseconds since each broker's last heartbeat; empty elsewhere. */
  sessions: { broker: number; ageMs: number; fenced: boolean }[];
  /** Heap and buffers of the node's worker, bytes; null where not measured. */
  memoryBytes: number | null;
  /** Traffic of its client listener since it started, replication included. */
  inBytes: number;
  outBytes: number;
}
