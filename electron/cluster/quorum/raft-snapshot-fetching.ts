/**
 * Fetches a leader's snapshot in slices (FetchSnapshot, KIP-630), for a follower that needs records that the leader's log no longer holds. A
 * fetch resumes when the same leader is lost and found again; another leader's snapshot of the same name need not have the same bytes, so
 * it is fetched from its beginning.
 */
import { assert } from '../lib/assert.ts';
import { runInSlices } from '../lib/work-slices.ts';
import { fetchSnapshot } from '../protocol/apis/fetch-snapshot.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { FollowerRole, RaftCore } from './raft-core.ts';
import type { SnapshotId, SnapshotReceiver } from './raft-log.ts';
import * as messages from './raft-messages.ts';
import type { LeaderAndEpoch, SnapshotAnswer } from './raft-messages.ts';

/** Callbacks of the follower. */
export interface SnapshotFetchingHooks {
  recordContact(role: FollowerRole): void;
  /** Runs `then` once the disk admits a write of `bytes`, if the role is the same. */
  admitted(role: FollowerRole, bytes: number, then: () => void): void;
  /** Runs `then` once `wait` has resolved, if the role is the same; at once where it is undefined. */
  prepared(role: FollowerRole, wait: Promise<void> | undefined, then: () => void): void;
  observe(said: LeaderAndEpoch, from: number): void;
  /** The snapshot has replaced the log. */
  done(role: FollowerRole): void;
  /** The fetch failed; the leader is to be asked again. */
  failed(role: FollowerRole): void;
}

interface Receiving {
  readonly leaderId: number;
  readonly id: SnapshotId;
  readonly receiver: SnapshotReceiver;
}

export class SnapshotFetching {
  private readonly core: RaftCore;
  private readonly hooks: SnapshotFetchingHooks;
  private receiving: Receiving | undefined;

  constructor(core: RaftCore, hooks: SnapshotFetchingHooks) {
    this.core = core;
    this.hooks = hooks;
  }

  fetchFrom(role: FollowerRole, id: SnapshotId): void {
    const { core } = this;
    assert(
      id.endOffset >= core.committedEnd,
      `the leader offers a snapshot up to ${id.endOffset}, below the high watermark ${core.committedEnd}`,
    );
    let { receiving } = this;
    if (receiving?.leaderId !== role.leaderId || receiving.id.endOffset !== id.endOffset || receiving.id.epoch !== id.epoch) {
      this.abandon();
      core.logger.info('Fetching a metadata snapshot', { leader: role.leaderId, endOffset: id.endOffset, epoch: id.epoch });
      this.receiving = receiving = { leaderId: role.leaderId, id, receiver: core.log.receiveSnapshot(id) };
    }
    this.fetchNext(role, receiving);
  }

  /** Closes and removes the slices received so far. */
  abandon(): void {
    this.receiving?.receiver.abandon();
    this.receiving = undefined;
  }

  private fetchNext(role: FollowerRole, receiving: Receiving): void {
    const { core } = this;
    const body = messages.snapshotRequest(core.clusterId, {
      replicaId: core.nodeId,
      epoch: core.quorumState.epoch,
      id: receiving.id,
      position: BigInt(receiving.receiver.position),
      maxBytes: core.settings.fetchMaxBytes,
    });
    core.send(role.leaderId, fetchSnapshot, body, core.settings.fetchTimeoutMs, {
      answered: (response) => this.onSlice(role, receiving, response),
      failed: () => this.hooks.failed(role),
    });
  }

  private onSlice(role: FollowerRole, receiving: Receiving, response: ResponseOf<typeof fetchSnapshot>): void {
    const { core } = this;
    if (core.role !== role || this.receiving !== receiving) return;
    const slice = messages.readSnapshotResponse(response);
    if (slice === undefined || slice.errorCode !== ErrorCode.NONE) {
      const error = errorName(slice?.errorCode ?? response.errorCode);
      core.logger.warn('The leader refused to send its snapshot', { leader: role.leaderId, error });
      this.abandon();
      if (slice !== undefined) this.hooks.observe(slice.leader, role.leaderId);
      this.hooks.failed(role);
      return;
    }
    this.hooks.recordContact(role);
    this.hooks.admitted(role, slice.bytes.length, () => {
      if (this.receiving === receiving) this.takeIn(role, receiving, slice);
    });
  }

  private takeIn(role: FollowerRole, receiving: Receiving, { bytes, position, size }: SnapshotAnswer): void {
    const { core } = this;
    const { receiver } = receiving;
    if (position !== BigInt(receiver.position) || bytes.length === 0) {
      core.logger.warn('The leader sent a slice of its snapshot that was not requested', { leader: role.leaderId });
      this.abandon();
      this.hooks.failed(role);
      return;
    }
    receiver.append(bytes);
    if (BigInt(receiver.position) < size) {
      this.fetchNext(role, receiving);
      return;
    }
    let defect: KafkaError | undefined;
    const prepared = catchCorruption(
      () => runInSlices(core.clock, this.prepare(receiving)),
      (error) => (defect = error),
    );
    this.hooks.prepared(role, prepared, () => {
      if (this.receiving === receiving) this.complete(role, receiving, defect);
    });
  }

  /** Checks and decodes the received snapshot. Ends where the fetch was abandoned, whose file is then closed. */
  private *prepare(receiving: Receiving): Generator<undefined, void, undefined> {
    const { id, receiver } = receiving;
    const steps = this.core.prepareSnapshot(id, receiver.records());
    while (this.receiving === receiving && steps.next().done !== true) yield;
  }

  private complete(role: FollowerRole, { id, receiver }: Receiving, defect: KafkaError | undefined): void {
    const { core } = this;
    if (defect !== undefined) this.abandon();
    this.receiving = undefined;
    try {
      if (defect !== undefined) throw defect;
      receiver.finish();
    } catch (error) {
      if (!isCorruption(error)) throw error;
      core.logger.warn('The leader sent an invalid snapshot', { leader: role.leaderId, reason: error.message });
      this.hooks.failed(role);
      return;
    }
    core.takeSnapshot(id);
    if (core.role === role) this.hooks.done(role);
  }
}

function isCorruption(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.code === ErrorCode.CORRUPT_MESSAGE;
}

/** Calls `corrupt` where the work fails because of the leader's bytes; any other failure throws or rejects. */
function catchCorruption(work: () => void | Promise<void>, corrupt: (error: KafkaError) => void): Promise<void> | undefined {
  const caught = (error: unknown): void => {
    if (!isCorruption(error)) throw error;
    corrupt(error);
  };
  try {
    const running = work();
    return running instanceof Promise ? running.catch(caught) : undefined;
  } catch (error) {
    caught(error);
    return undefined;
  }
}
