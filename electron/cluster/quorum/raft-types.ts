/** What Raft is given, what it tells, and what it says of itself. */
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
  /** The leader, the epoch or this node's own role is another. */
  onLeaderChange(status: RaftStatus): void;
  /** Batches that are committed, each once, in order. */
  onCommitted(batches: readonly CommittedBatch[]): void;
  /** What is committed begins anew with this snapshot of the log: at a start that finds one, or when a leader's has come. */
  onSnapshot(id: SnapshotId): void;
  /** Does the work of `onSnapshot` for a snapshot that a leader sent, ahead of it, in steps between which others may run; it may end early. */
  prepareSnapshot?(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, void, undefined>;
  /** The node can no longer keep its promises (its disk failed, an invariant broke) and has stopped taking part. */
  onFailure(error: unknown): void;
}

export type RaftRole = 'unattached' | 'prospective' | 'candidate' | 'follower' | 'leader' | 'stopped';

export interface RaftStatus {
  readonly role: RaftRole;
  /** −1 while unknown. */
  readonly leaderId: number;
  readonly epoch: number;
  /** Wall-clock ms since when leader and epoch are these. */
  readonly since: number;
}

export interface RaftOptions {
  readonly nodeId: number;
  readonly clusterId: string;
  /** Ids of all voters. A node that is not among them observes: it follows the log, and has no say in it. */
  readonly voters: readonly number[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RaftLog;
  readonly voteStore: VoteStore;
  readonly transport: RaftTransport;
  readonly listener: RaftListener;
  readonly logger: Logger;
  readonly settings?: Partial<RaftSettings>;
}

export interface QuorumReplicaState {
  readonly replicaId: number;
  readonly logEndOffset: bigint;
  readonly lastFetchTimestamp: bigint;
  readonly lastCaughtUpTimestamp: bigint;
}
