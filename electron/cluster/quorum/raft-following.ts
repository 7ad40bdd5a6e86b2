/** Following: fetches from the leader of the epoch, truncates diverging records, and starts an election when the leader is silent. */
import { assert } from '../lib/assert.ts';
import type { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn, ResponseOf } from '../protocol/schema.ts';
import type { FollowerRole, RaftCore, RoleTimer, Transitions } from './raft-core.ts';
import * as messages from './raft-messages.ts';
import type { FetchAnswer, LeaderAndEpoch } from './raft-messages.ts';
import type { Rejoining } from './raft-rejoining.ts';
import { SnapshotFetching } from './raft-snapshot-fetching.ts';

export class Following {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;
  private readonly snapshots: SnapshotFetching;
  private readonly rejoining: Rejoining;
  /** Time of a fetch beside the time that the leader holds it, ms. */
  private roundTripMs = 0;

  constructor(core: RaftCore, transitions: Transitions, rejoining: Rejoining) {
    this.core = core;
    this.transitions = transitions;
    this.rejoining = rejoining;
    this.snapshots = new SnapshotFetching(core, {
      recordContact: (role) => this.recordContact(role),
      observe: (said, from) => transitions.observe(said, from),
      done: (role) => this.fetchFrom(role),
      failed: (role) => this.fetchLater(role),
      admitted: (role, bytes, then) => this.admitted(role, bytes, then),
      prepared: (role, wait, then) => this.waitFor(role, wait, then),
    });
  }

  stop(): void {
    this.snapshots.abandon();
  }

  become(leader: LeaderAndEpoch, inContact: boolean): void {
    this.fetchFrom(this.core.follow(leader, inContact, (role) => this.fetchTimeout(role)));
  }

  /** The leader itself sent a request or a response. */
  recordContact(role: FollowerRole): void {
    this.core.recordContact(role, this.fetchTimeout(role));
  }

  handleBeginQuorumEpoch(body: RequestOf<typeof beginQuorumEpoch>): ResponseIn<typeof beginQuorumEpoch> {
    const { core } = this;
    const refused = core.refusal(body.clusterId, body.voterId);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const begun = messages.readBeginRequest(body);
    if (begun === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return core.guard(() => {
      if (!core.voters.includes(begun.leaderId)) return messages.epochResponse(ErrorCode.INCONSISTENT_VOTER_SET, core.leader);
      if (begun.epoch < core.quorumState.epoch) return messages.epochResponse(ErrorCode.FENCED_LEADER_EPOCH, core.leader);
      this.transitions.observe(begun, begun.leaderId);
      const known = core.leader;
      return messages.epochResponse(known.leaderId === begun.leaderId ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST, known);
    });
  }

  private fetchTimeout(role: FollowerRole): RoleTimer {
    const { core } = this;
    const expired = (): void => {
      core.logger.info('Has no contact with the leader of the quorum', { leader: role.leaderId, epoch: core.quorumState.epoch });
      const silentMs = core.runningMs - role.lastContactAt;
      const since = Number.isFinite(silentMs) ? ` for ${Math.round(silentMs)} ms` : '';
      core.distrust(role.leaderId, `node ${role.leaderId} did not respond${since}`);
      this.transitions.lookForLeader();
    };
    return { delayMs: () => core.jittered(core.settings.fetchTimeoutMs), expired };
  }

  // ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private fetchRequest(maxWaitMs: number): Parameters<typeof messages.fetchRequest>[1] {
    const { core } = this;
    return {
      replicaId: core.nodeId,
      epoch: core.quorumState.epoch,
      fetchOffset: core.log.endOffset,
      lastEpoch: core.log.lastEpoch,
      highWatermark: core.committedEnd,
      maxWaitMs: Math.floor(maxWaitMs),
      maxBytes: core.settings.fetchMaxBytes,
      counts: core.counts,
    };
  }

  private fetchFrom(role: FollowerRole): void {
    const { core } = this;
    const { fetchTimeoutMs, fetchMaxWaitMs, fetchMaxRoundMs } = core.settings;
    const maxWaitMs = Math.max(0, Math.min(fetchMaxWaitMs, fetchMaxRoundMs - this.roundTripMs));
    const body = messages.fetchRequest(core.clusterId, this.fetchRequest(maxWaitMs));
    const sentAt = core.runningMs;
    core.send(role.leaderId, fetch, body, fetchTimeoutMs, {
      answered: (response) => {
        const tookMs = core.runningMs - sentAt;
        // The leader held it for at most `maxWaitMs`, possibly not at all.
        this.roundTripMs = Math.min(Math.max(this.roundTripMs, tookMs - maxWaitMs), tookMs);
        this.onFetched(role, response);
      },
      failed: () => this.fetchLater(role),
    });
  }

  private fetchLater(role: FollowerRole): void {
    const { core } = this;
    if (core.role !== role) return;
    core.clock.setTimer(core.settings.backoffMinMs + core.random.next() * core.settings.backoffMinMs, () => {
      if (core.role === role) core.guarded(() => this.fetchFrom(role));
    });
  }

  private onFetched(role: FollowerRole, response: ResponseOf<typeof fetch>): void {
    const { core } = this;
    if (core.role !== role) return;
    const answer = messages.readFetchResponse(response);
    if (answer === undefined) {
      core.logger.warn('The leader refused a fetch', { leader: role.leaderId, error: errorName(response.errorCode) });
      this.fetchLater(role);
      return;
    }
    if (answer.errorCode !== ErrorCode.NONE) {
      this.transitions.observe(answer.leader, role.leaderId);
      this.fetchLater(role);
      return;
    }
    this.recordContact(role);
    if (answer.records === undefined) this.takeIn(role, answer);
    else this.admitted(role, answer.records.length, () => this.takeIn(role, answer));
  }

  /** Runs `then` once the disk admits a write of `bytes`, if the role is the same. */
  private admitted(role: FollowerRole, bytes: number, then: () => void): void {
    this.waitFor(role, this.core.log.admit(bytes), then);
  }

  /**
   * Runs `then` once `wait` has resolved, if the role is the same. Until then leader and follower stay in contact by fetches whose records are
   * discarded: a slow local disk, or long work, must not look like a silent peer.
   */
  private waitFor(role: FollowerRole, wait: Promise<void> | undefined, then: () => void): void {
    const { core } = this;
    if (wait === undefined) {
      then();
      return;
    }
    let waiting = true;
    const stayInContact = (): void => {
      core.clock.setTimer(core.settings.contactIntervalMs, () => {
        if (!waiting || core.role !== role) return;
        const body = messages.fetchRequest(core.clusterId, { ...this.fetchRequest(0), maxBytes: 1 });
        core.send(role.leaderId, fetch, body, core.settings.fetchTimeoutMs, {
          answered: (response) => {
            if (!waiting || core.role !== role) return;
            const answer = messages.readFetchResponse(response);
            if (answer?.errorCode === ErrorCode.NONE) this.recordContact(role);
            else if (answer !== undefined) this.transitions.observe(answer.leader, role.leaderId);
            stayInContact();
          },
          failed: stayInContact,
        });
      });
    };
    stayInContact();
    void wait.then(
      () => {
        waiting = false;
        if (core.role === role) core.guarded(then);
      },
      (error: unknown) => core.fail(error),
    );
  }

  private takeIn(role: FollowerRole, answer: FetchAnswer): void {
    const { core } = this;
    if (answer.snapshotId !== undefined) {
      this.snapshots.fetchFrom(role, answer.snapshotId);
      return;
    }
    if (answer.diverging !== undefined) {
      this.truncateTo(answer.diverging);
    } else if (answer.records !== undefined) {
      try {
        core.log.appendReplicated(answer.records);
      } catch (error) {
        if (!(error instanceof KafkaError) || error.code === ErrorCode.KAFKA_STORAGE_ERROR) throw error;
        core.logger.warn('The leader sent invalid batches', { leader: role.leaderId, reason: error.message });
        this.fetchLater(role);
        return;
      }
      // The next fetch acknowledges that this node has flushed these records.
      core.log.flush();
    }
    const known = answer.highWatermark < core.log.endOffset ? answer.highWatermark : core.log.endOffset;
    if (answer.diverging === undefined && known > core.committedEnd) core.commitUpTo(known);
    if (core.role !== role) return;
    if (core.isNonVoting) this.rejoining.onFetched(role, answer.highWatermark);
    this.fetchFrom(role);
  }

  private truncateTo(diverging: { epoch: number; endOffset: bigint }): void {
    const { log, logger, committedEnd } = this.core;
    const ours = log.endOffsetForEpoch(diverging.epoch);
    const shared = ours.endOffset < diverging.endOffset ? ours.endOffset : diverging.endOffset;
    const target = ours.epoch === diverging.epoch ? shared : ours.endOffset;
    assert(target >= committedEnd, `the leader asks to cut the log at ${target}, below the high watermark ${committedEnd}`);
    logger.info('Truncated records that the leader does not have', { from: target, to: log.endOffset });
    log.truncate(target);
  }

  // ── an observer's search ──────────────────────────────────────────────────────────────────────────────────────────

  /** An observer receives no BeginQuorumEpoch: it sends its fetch to one voter after another, and any of them names the leader. */
  search(): void {
    const { core } = this;
    const searchAgain = (delayMs: () => number): RoleTimer => ({ delayMs, expired: () => this.search() });
    // In case of neither a response nor a failure.
    const role = core.leaveRole(searchAgain(() => core.jittered(core.settings.isolationMs)));
    const again = (): void => {
      if (core.role === role) core.restartTimer(searchAgain(() => core.electionDelay()));
    };
    core.countLostRound();
    const voter = core.peers[core.random.int(core.peers.length)];
    if (voter === undefined) return;
    core.send(voter, fetch, messages.fetchRequest(core.clusterId, this.fetchRequest(0)), core.settings.fetchTimeoutMs, {
      answered: (response) => {
        const answer = messages.readFetchResponse(response);
        if (answer !== undefined) this.transitions.observe(answer.leader, voter);
        again();
      },
      failed: again,
    });
  }
}
