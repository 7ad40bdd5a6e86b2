/** Leading an epoch: appends, answers fetches, advances the high watermark, and resigns when a majority does not fetch. */
import type { addRaftVoter } from '../protocol/apis/add-raft-voter.ts';
import { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import type { fetch } from '../protocol/apis/fetch.ts';
import type { fetchSnapshot } from '../protocol/apis/fetch-snapshot.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import type { LeaderRole, RaftCore, RoleTimer, Transitions } from './raft-core.ts';
import { LeaderState, type PendingFetch } from './raft-leader.ts';
import * as messages from './raft-messages.ts';
import type { FetchAnswer } from './raft-messages.ts';
import type { QuorumReplicaState } from './raft-types.ts';

/** A re-election of the leader by the other voters, requested by a rejoining voter. */
interface Renewal {
  /** The epoch after the re-election. */
  readonly epoch: number;
  readonly of: string;
  end(elected: boolean): void;
}

export class Leading {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;
  private flushScheduled = false;
  private renewal: Renewal | undefined;

  constructor(core: RaftCore, transitions: Transitions) {
    this.core = core;
    this.transitions = transitions;
  }

  become(grantingVoters: readonly number[]): void {
    const { core } = this;
    const { epoch } = core.quorumState;
    const epochStartOffset = core.log.appendLeaderChange(epoch, core.clock.now(), {
      leaderId: core.nodeId,
      voters: core.voters,
      grantingVoters,
    });
    core.log.flush();
    const monotonic = core.runningMs;
    const state = new LeaderState({ epoch, epochStartOffset, followers: core.peers, grantingVoters, monotonic });
    const role = core.lead(state, (leader) => this.nextTick(leader));
    core.logger.info('Became leader of the quorum', { epoch, granted: grantingVoters });
    if (this.renewal?.epoch === epoch) {
      state.recordRenewal(this.renewal.of);
      this.renewal.end(true);
    }
    this.tick(role);
    this.advance(role);
  }

  /** Resigns and sends EndQuorumEpoch with the preferred successors. Resolves when the voters have answered or cannot be reached. */
  async resign(reason: string): Promise<void> {
    const { core } = this;
    const { role } = core;
    if (role.name !== 'leader') return;
    core.explainSearch(`it had resigned (${reason})`);
    const successors = role.state.successors();
    const leader = { leaderId: core.nodeId, epoch: core.quorumState.epoch };
    core.logger.info('Resigned as leader of the quorum', { epoch: leader.epoch, reason });
    // The other voters may now stand for election; this node needs to be outrun only when it resumes.
    const delayMs = (): number => core.jittered(core.settings.fetchTimeoutMs);
    core.resign(reason, { delayMs, expired: () => this.transitions.lookForLeader() });
    const body = messages.endRequest(core.clusterId, leader, successors);
    await Promise.all(
      core.peers.map((peer) =>
        core.transport.send(peer, endQuorumEpoch, body, core.settings.fetchTimeoutMs).then(
          () => undefined,
          (error: unknown) => core.logger.debug('Could not send EndQuorumEpoch to a voter', { voter: peer, error }),
        ),
      ),
    );
  }

  /**
   * A voter with a new directory asks for its vote (`raft-rejoining.ts`). Where that loses nothing, this leader has itself re-elected by the
   * others, and answers afterwards: REQUEST_TIMED_OUT when it was not re-elected, or when the conditions are not met now.
   */
  async handleAddRaftVoter(body: RequestOf<typeof addRaftVoter>): Promise<ResponseIn<typeof addRaftVoter>> {
    const { core } = this;
    const answer = (errorCode: number, errorMessage: string | null = null) => ({ errorCode, errorMessage });
    const refused = core.refusal(body.clusterId, -1);
    if (refused !== undefined) return answer(refused);
    const { role } = core;
    if (role.name !== 'leader') return answer(ErrorCode.NOT_LEADER_OR_FOLLOWER, 'This node does not lead the quorum.');
    const voter = role.state.followers.get(body.voterId);
    if (voter === undefined)
      return answer(ErrorCode.INVALID_REQUEST, 'The voters of this quorum are fixed, and this node is not one of them.');
    const of = `${body.voterId}:${body.voterDirectoryId}`;
    if (role.state.isRenewedFor(of)) return answer(ErrorCode.NONE);
    const later = (why: string) => answer(ErrorCode.REQUEST_TIMED_OUT, `Ask again: ${why}.`);
    if (voter.endOffset < core.committedEnd || core.committedEnd <= role.state.epochStartOffset)
      return later('the voter has not caught up');
    const since = core.runningMs - core.settings.fetchTimeoutMs;
    // Of two voters the other one votes for this leader, and may not be a candidate itself.
    if (core.voters.length > 2 && !role.state.hasMajorityContactSince(since, body.voterId))
      return later('the other voters are no majority');
    if (role.state.appendsPending > 0) return later('changes are in progress');
    core.logger.info('Starts a re-election, so that a voter that lost its data may vote again', { voter: body.voterId });
    return (await core.guard(() => this.renew(of))) ? answer(ErrorCode.NONE) : later('this leader was not re-elected');
  }

  private renew(of: string): Promise<boolean> {
    const { core } = this;
    core.explainSearch('a voter that lost its data may vote again after an election');
    return new Promise((resolve) => {
      const timer = core.clock.setTimer(core.settings.renewalMs, () => renewal.end(false));
      const renewal: Renewal = {
        epoch: core.quorumState.epoch + 1,
        of,
        end: (elected) => {
          timer.cancel();
          if (this.renewal === renewal) this.renewal = undefined;
          resolve(elected);
        },
      };
      this.renewal?.end(false);
      this.renewal = renewal;
      this.transitions.renewLeadership();
    });
  }

  /** Sends BeginQuorumEpoch to voters that have not fetched lately, and resigns when a majority has not. */
  private tick(role: LeaderRole): void {
    const { core } = this;
    const now = core.runningMs;
    const { isolationMs, quietVoterMs } = core.settings;
    if (!role.state.hasMajorityContactSince(now - isolationMs)) {
      void this.resign(`a majority of the quorum has not fetched for ${isolationMs} ms`);
      return;
    }
    role.state.forgetObservers(now);
    for (const voter of role.state.followers.values()) {
      if (voter.knowsLeader && now - voter.fetchedAt < quietVoterMs) continue;
      if (role.state.startBegin(voter.id)) this.beginEpoch(role, voter.id);
    }
    core.restartTimer(this.nextTick(role));
  }

  private nextTick(role: LeaderRole): RoleTimer {
    return { delayMs: () => this.core.settings.leaderTickMs, expired: () => this.tick(role) };
  }

  private beginEpoch(role: LeaderRole, peer: number): void {
    const { core } = this;
    const body = messages.beginRequest(core.clusterId, peer, { leaderId: core.nodeId, epoch: role.state.epoch });
    core.send(peer, beginQuorumEpoch, body, core.settings.fetchTimeoutMs, {
      answered: (response) => {
        role.state.endBegin(peer);
        const answer = messages.readEpochResponse(response);
        if (answer !== undefined) this.transitions.observe(answer, peer);
      },
      // The next tick tries again.
      failed: () => role.state.endBegin(peer),
    });
  }

  // ── appending and committing ──────────────────────────────────────────────────────────────────────────────────────

  /** See `RaftNode.append`. */
  append(values: readonly Uint8Array[]): { offset: bigint; lastOffset: bigint; committed: Promise<unknown> } {
    const { core } = this;
    const { role } = core;
    if (role.name !== 'leader') throw new KafkaError(ErrorCode.NOT_CONTROLLER, 'This node does not lead the metadata quorum.');
    if (role.state.appendsPending >= core.settings.maxPendingAppends) {
      throw new KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, 'Too many metadata changes wait for the quorum. Retry later.');
    }
    return core.guard(() => {
      const offset = core.log.append(role.state.epoch, core.clock.now(), values);
      const lastOffset = core.log.endOffset - 1n;
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      role.state.addAppend({ lastOffset, resolve: () => resolve(undefined), reject });
      this.scheduleFlush(role);
      return { offset, lastOffset, committed: promise };
    });
  }

  /** All appends of one turn share one flush; meanwhile they are sent to followers. */
  private scheduleFlush(role: LeaderRole): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    const { core } = this;
    queueMicrotask(() => {
      if (core.role === role) core.guarded(() => role.state.completeFetches(core.log.endOffset, core.committedEnd));
    });
    core.clock.setTimer(0, () => {
      this.flushScheduled = false;
      if (core.role.name === 'stopped') return;
      core.guarded(() => {
        if (core.log.flushedOffset < core.log.endOffset) core.log.flush();
        if (core.role.name === 'leader') this.advance(core.role);
      });
    });
  }

  private advance(role: LeaderRole): void {
    const { core } = this;
    const majority = role.state.majorityOffset(core.log.flushedOffset);
    if (majority === undefined || majority <= core.committedEnd) return;
    core.commitUpTo(majority);
    if (core.role !== role) return;
    role.state.completeAppends(core.committedEnd);
    role.state.completeFetches(core.log.endOffset, core.committedEnd);
  }

  // ── answering fetches ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Answers at once, or holds the request up to its `maxWaitMs` while there is nothing new. */
  handleFetch(body: RequestOf<typeof fetch>): Promise<ResponseIn<typeof fetch>> {
    const refused = this.core.refusal(body.clusterId, -1);
    if (refused !== undefined) return Promise.resolve(messages.fetchRefused(refused));
    const asked = messages.readFetchRequest(body);
    if (asked === undefined || asked.replicaId < 0 || asked.replicaId === this.core.nodeId) {
      return Promise.resolve(messages.fetchRefused(ErrorCode.INVALID_REQUEST));
    }
    return new Promise((resolve) => {
      this.core.guard(() => this.serveFetch(asked, (answer) => resolve(messages.fetchResponse(answer))));
    });
  }

  private serveFetch(asked: messages.FetchRequestFields, reply: (answer: FetchAnswer) => void): void {
    const { core } = this;
    const { role } = core;
    const refused = this.refusesReader(asked.epoch);
    if (refused !== undefined || role.name !== 'leader') {
      reply(this.fetchAnswer(refused ?? ErrorCode.NOT_LEADER_OR_FOLLOWER));
      return;
    }
    const now = { monotonic: core.runningMs, wall: core.clock.now() };
    const replica = role.state.replica(asked.replicaId, now.monotonic);
    if (replica === undefined) {
      reply(this.fetchAnswer(ErrorCode.THROTTLING_QUOTA_EXCEEDED));
      return;
    }
    const elsewhere = this.readsElsewhere(asked.lastEpoch, asked.fetchOffset);
    if (elsewhere !== undefined) {
      role.state.recordContact(replica, now.monotonic, asked.counts);
      reply({ ...this.fetchAnswer(ErrorCode.NONE), ...elsewhere });
      return;
    }
    role.state.recordFetch(replica, asked, core.log.endOffset, now);
    this.advance(role);

    const answer = (): void => {
      if (core.role !== role) {
        reply(this.fetchAnswer(ErrorCode.NOT_LEADER_OR_FOLLOWER));
        return;
      }
      reply({ ...this.fetchAnswer(ErrorCode.NONE), records: core.log.read(asked.fetchOffset, asked.maxBytes) });
    };
    if (asked.fetchOffset < core.log.endOffset || asked.highWatermark < core.committedEnd || asked.maxWaitMs <= 0) {
      answer();
      return;
    }
    const waiting: PendingFetch = {
      fetchOffset: asked.fetchOffset,
      highWatermark: asked.highWatermark,
      answer: () => {
        timer.cancel();
        role.state.removeFetch(asked.replicaId, waiting);
        answer();
      },
    };
    const timer = core.clock.setTimer(Math.min(asked.maxWaitMs, core.settings.fetchMaxWaitMs), () => waiting.answer());
    role.state.addFetch(asked.replicaId, waiting);
  }

  /** The error for a fetch in `epoch`; undefined: this node leads that epoch. */
  private refusesReader(epoch: number): number | undefined {
    const { quorumState, role } = this.core;
    if (epoch < quorumState.epoch) return ErrorCode.FENCED_LEADER_EPOCH;
    if (epoch > quorumState.epoch) return ErrorCode.UNKNOWN_LEADER_EPOCH;
    return role.name === 'leader' ? undefined : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  private fetchAnswer(errorCode: number): FetchAnswer {
    const { core } = this;
    return { errorCode, leader: core.leader, highWatermark: core.committedEnd, logStartOffset: core.log.startOffset };
  }

  /**
   * What the follower has to do before it can fetch from its offset: truncate its log where it diverges from the leader's (KIP-595), or fetch a
   * snapshot, since the leader's log no longer holds the records (KIP-630).
   */
  private readsElsewhere(lastEpoch: number, fetchOffset: bigint): Pick<FetchAnswer, 'diverging' | 'snapshotId'> | undefined {
    const { log } = this.core;
    const { startOffset, earliestSnapshot, latestSnapshot } = log;
    if (startOffset === 0n && fetchOffset === 0n) return undefined;
    if (startOffset > 0n && earliestSnapshot !== undefined && latestSnapshot !== undefined) {
      const gone = fetchOffset < startOffset || (fetchOffset === startOffset && lastEpoch !== earliestSnapshot.epoch);
      if (gone || lastEpoch < earliestSnapshot.epoch) return { snapshotId: latestSnapshot };
    }
    const ours = log.endOffsetForEpoch(lastEpoch);
    return ours.epoch === lastEpoch && ours.endOffset >= fetchOffset ? undefined : { diverging: ours };
  }

  /** A slice of a snapshot. A fetch of one counts as contact. */
  handleFetchSnapshot(body: RequestOf<typeof fetchSnapshot>): ResponseIn<typeof fetchSnapshot> {
    const { core } = this;
    const refused = core.refusal(body.clusterId, -1);
    if (refused !== undefined) return messages.snapshotRefused(refused);
    const asked = messages.readSnapshotRequest(body);
    if (asked === undefined || asked.replicaId < 0) return messages.snapshotRefused(ErrorCode.INVALID_REQUEST);
    return core.guard(() => messages.snapshotResponse({ ...this.snapshotSlice(asked), leader: core.leader, id: asked.id }));
  }

  private snapshotSlice(asked: messages.SnapshotRequestFields): { errorCode: number; size: bigint; position: bigint; bytes: Buffer } {
    const { core } = this;
    const { role } = core;
    const failed = (errorCode: number) => ({ errorCode, size: 0n, position: asked.position, bytes: Buffer.alloc(0) });
    const refused = this.refusesReader(asked.epoch);
    if (refused !== undefined || role.name !== 'leader') return failed(refused ?? ErrorCode.NOT_LEADER_OR_FOLLOWER);
    const monotonic = core.runningMs;
    const replica = role.state.replica(asked.replicaId, monotonic);
    if (replica !== undefined) role.state.recordContact(replica, monotonic);
    try {
      const slice = core.log.readSnapshot(asked.id, asked.position, Math.min(asked.maxBytes, core.settings.fetchMaxBytes));
      return slice === undefined ? failed(ErrorCode.SNAPSHOT_NOT_FOUND) : { errorCode: ErrorCode.NONE, position: asked.position, ...slice };
    } catch (error) {
      if (error instanceof KafkaError && error.code === ErrorCode.POSITION_OUT_OF_RANGE) return failed(error.code);
      throw error;
    }
  }

  // ── state of the replicas ─────────────────────────────────────────────────────────────────────────────────────────

  /** Offset of the LeaderChange that opened this node's leadership; undefined when it does not lead. */
  get epochStartOffset(): bigint | undefined {
    const { role } = this.core;
    return role.name === 'leader' ? role.state.epochStartOffset : undefined;
  }

  /** Voters, this node among them, and observers; undefined unless this node leads. */
  describe(): { voters: QuorumReplicaState[]; observers: QuorumReplicaState[] } | undefined {
    const { core } = this;
    const { role } = core;
    if (role.name !== 'leader') return undefined;
    const now = BigInt(Math.trunc(core.clock.now()));
    const self = { replicaId: core.nodeId, logEndOffset: core.log.endOffset, lastFetchTimestamp: now, lastCaughtUpTimestamp: now };
    return {
      voters: [self, ...role.state.describe('voters')].sort((a, b) => a.replicaId - b.replicaId),
      observers: role.state.describe('observers'),
    };
  }
}
