/** Dependencies, listeners and status of Raft. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Api } from '../protocol/schema.ts';
import type { CommittedBatch, RaftLog, SnapshotId } from './raft-log.ts';
import type { RaftSettings } from './raft-settings.ts';
import type { VoteStore } from './vote-store.ts';

export interface RaftTransport {
  /** Rejects when the voter cannot be reached or has not answered within `timeoutMs`. */
  send<Q, S>(voterId: number, api: Api<unknown, Q, S, never>, body: Q, timeoutMs: number): Promise<S>;
}

export interface RaftListener {
  /** The leader, the epoch or this node's own role has changed. */
  onLeaderChange(status: RaftStatus): void;
  /** Committed batches, each once, in order. */
  onCommitted(batches: readonly CommittedBatch[]): void;
  /** The committed state is reset to this snapshot: at a start with one, or when a leader's has been received. */
  onSnapshot(id: SnapshotId): void;
  /** Does the work of `onSnapshot` ahead for a received snapshot, in steps between which other work may run; it may end early. */
  prepareSnapshot?(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, void, undefined>;
  /** The node can no longer store its quorum state (a disk failure, a violated invariant) and has left the quorum. */
  onFailure(error: unknown): void;
}

export type RaftRole = 'unattached' | 'prospective' | 'candidate' | 'follower' | 'leader' | 'stopped';

export interface RaftStatus {
  readonly role: RaftRole;
  /** −1 while unknown. */
  readonly leaderId: number;
  readonly epoch: number;
  /** Wall-clock ms of the last change of leader or epoch. */
  readonly since: number;
}

export interface RaftOptions {
  readonly nodeId: number;
  readonly clusterId: string;
  /** Ids of all voters. Any other node is an observer: it follows the log and has no vote. */
  readonly voters: readonly number[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RaftLog;
  readonly voteStore: VoteStore;
  readonly transport: RaftTransport;
  readonly listener: RaftListener;
  readonly logger: Logger;
  readonly settings: RaftSettings;
}

export interface QuorumReplicaState {
  readonly replicaId: number;
  readonly logEndOffset: bigint;
  readonly lastFetchTimestamp: bigint;
  readonly lastCaughtUpTimestamp: bigint;
}
