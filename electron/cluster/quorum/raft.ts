/**
 * Raft as KRaft does it (KIP-595): followers pull. A voter fetches from the leader, and what it asks for next tells the
 * leader what it has on disk; the high watermark is what a majority has, and moves only past a record of the leader's own
 * epoch. Elections begin with a round that binds nobody (pre-vote, KIP-996), so a node that was away cannot unseat a
 * leader that works. Whatever a voter promises (its epoch, its vote) is durable before anybody hears of it.
 *
 *   unattached ──backoff──▶ prospective ──majority would vote──▶ candidate ──majority voted──▶ leader
 *        ▲  ▲                 │                                  │                          │
 *        │  └──────lost───────┴──────────────────────────────────┘      no majority fetches │
 *        └──────────────────────────────────────────────────────────────────────────────────┘
 *   anything ──word of a leader of this or a later epoch──▶ follower ──nothing heard for the fetch timeout──▶ prospective
 *
 * Every method runs to its end without awaiting. Continuations compare the role object that they began under: a changed
 * role means that they come too late and do nothing.
 */
import { assert } from '../lib/assert.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api, RequestOf, ResponseIn, ResponseOf } from '../protocol/schema.ts';
import { Tally } from './raft-election.ts';
import { LeaderState, type PendingFetch } from './raft-leader.ts';
import type { CommittedBatch, RaftLog } from './raft-log.ts';
import * as messages from './raft-messages.ts';
import type { FetchAnswer, LeaderAndEpoch } from './raft-messages.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import type { VoteState, VoteStore } from './vote-store.ts';

export interface RaftTransport {
  /** Rejects when the voter cannot be reached or has not answered within `timeoutMs`. */
  send<Q, S>(voterId: number, api: Api<unknown, Q, S, never>, body: Q, timeoutMs: number): Promise<S>;
}

export interface RaftListener {
  /** The leader, the epoch or this node's own role is another. */
  onLeaderChange(status: RaftStatus): void;
  /** Batches that are committed, each once, in order. */
  onCommitted(batches: readonly CommittedBatch[]): void;
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
  /** Ids of all voters, this node's included. */
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

interface FollowerRole {
  readonly name: 'follower';
  readonly leaderId: number;
  /** Monotonic ms of the leader's last own word; −Infinity while only others have named it. */
  heardAt: number;
}

type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'prospective'; readonly tally: Tally }
  | { readonly name: 'candidate'; readonly tally: Tally }
  | FollowerRole
  | { readonly name: 'leader'; readonly state: LeaderState; readonly beginning: Set<number> }
  | { readonly name: 'stopped' };
type LeaderRole = Extract<Role, { name: 'leader' }>;
type RoundRole = Extract<Role, { tally: Tally }>;

export interface QuorumReplicaState {
  readonly replicaId: number;
  readonly logEndOffset: bigint;
  readonly lastFetchTimestamp: bigint;
  readonly lastCaughtUpTimestamp: bigint;
}

export class RaftNode {
  readonly nodeId: number;
  private readonly clusterId: string;
  private readonly voters: readonly number[];
  private readonly peers: readonly number[];
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly log: RaftLog;
  private readonly voteStore: VoteStore;
  private readonly transport: RaftTransport;
  private readonly listener: RaftListener;
  private readonly logger: Logger;
  private readonly settings: RaftSettings;

  private role: Role = { name: 'stopped' };
  private promised: VoteState = { epoch: 0, leaderId: -1, votedId: -1 };
  /** The one timer of the current role: backoff, end of a round, fetch timeout, the leader's tick. */
  private timer: Timer | undefined;
  /** A leader of this epoch that fell silent or resigned: only its own word brings us back to it. −1 none. */
  private distrusted = -1;
  private lostRounds = 0;
  private committedEnd = -1n;
  private delivered = 0n;
  private flushScheduled = false;
  private announced: RaftStatus = { role: 'stopped', leaderId: -1, epoch: 0, since: 0 };

  constructor(options: RaftOptions) {
    assert(options.voters.includes(options.nodeId), `node ${options.nodeId} is not among the voters`);
    this.nodeId = options.nodeId;
    this.clusterId = options.clusterId;
    this.voters = [...options.voters].sort((a, b) => a - b);
    this.peers = this.voters.filter((id) => id !== options.nodeId);
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.voteStore = options.voteStore;
    this.transport = options.transport;
    this.listener = options.listener;
    this.logger = options.logger;
    const settings = { ...DEFAULT_RAFT_SETTINGS, ...options.settings };
    // A follower that is kept waiting must hear of its leader well before it gives it up.
    this.settings = { ...settings, fetchMaxWaitMs: Math.min(settings.fetchMaxWaitMs, settings.fetchTimeoutMs / 2) };
  }

  /** Reads what was promised before and joins. A node that led when it stopped does not lead on: its tail may be lost. */
  start(): void {
    assert(this.role.name === 'stopped', 'raft is running');
    this.promised = this.voteStore.read();
    assert(
      this.log.lastEpoch <= this.promised.epoch,
      `the log holds epoch ${this.log.lastEpoch}, the vote file only ${this.promised.epoch}`,
    );
    this.delivered = this.log.startOffset;
    this.become({ name: 'unattached' }, this.promised);
    this.setTimer(this.peers.length === 0 ? 0 : this.electionDelay(), () => this.startRound('prospective'));
  }

  /** Leaves at once, as if the node had died; nothing is written or sent. */
  stop(): void {
    if (this.role.name === 'stopped') return;
    this.leave('the node stopped');
    this.role = { name: 'stopped' };
    this.announce();
  }

  /** A leader hands over: it tells the others who should follow. Resolves when they know, or cannot be told. */
  async resign(reason: string): Promise<void> {
    const { role } = this;
    if (role.name !== 'leader') return;
    const successors = role.state.successors();
    const leader = { leaderId: this.nodeId, epoch: this.promised.epoch };
    this.logger.info('resigns as leader of the quorum', { epoch: leader.epoch, reason });
    this.become({ name: 'unattached' }, { ...this.promised, leaderId: -1 }, reason);
    // The others go first: they need to get ahead of this node only when it goes on.
    this.setTimer(this.jittered(this.settings.fetchTimeoutMs), () => this.startRound('prospective'));
    const body = messages.endRequest(this.clusterId, leader, successors);
    await Promise.all(
      this.peers.map((peer) =>
        this.transport.send(peer, endQuorumEpoch, body, this.settings.fetchTimeoutMs).then(
          () => undefined,
          (error: unknown) => this.logger.debug('could not tell a voter of the resignation', { voter: peer, error }),
        ),
      ),
    );
  }

  get status(): RaftStatus {
    return this.announced;
  }

  /** Offset after the last committed record; −1 while unknown. */
  get highWatermark(): bigint {
    return this.committedEnd;
  }

  get logEndOffset(): bigint {
    return this.log.endOffset;
  }

  /** Offset of the LeaderChange that opened this node's leadership; undefined when it does not lead. */
  get epochStartOffset(): bigint | undefined {
    return this.role.name === 'leader' ? this.role.state.epochStartOffset : undefined;
  }

  /**
   * Appends one atomic batch. `committed` resolves once a majority has it on disk and listeners have seen it, and rejects
   * with NOT_CONTROLLER when leadership is lost before: its fate is then unknown. Throws NOT_CONTROLLER when this node
   * does not lead, THROTTLING_QUOTA_EXCEEDED when too many appends wait.
   */
  append(values: readonly Uint8Array[]): { offset: bigint; lastOffset: bigint; committed: Promise<unknown> } {
    const { role } = this;
    if (role.name !== 'leader') throw new KafkaError(ErrorCode.NOT_CONTROLLER, 'This node does not lead the metadata quorum.');
    if (role.state.appendsPending >= this.settings.maxPendingAppends) {
      throw new KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, 'Too many metadata changes wait for the quorum; try again in a moment.');
    }
    return this.guard(() => {
      const offset = this.log.append(role.state.epoch, this.clock.now(), values);
      const lastOffset = this.log.endOffset - 1n;
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      role.state.addAppend({ lastOffset, resolve: () => resolve(undefined), reject });
      this.scheduleFlush(role);
      return { offset, lastOffset, committed: promise };
    });
  }

  /** What DescribeQuorum shows of the voters; undefined unless this node leads. */
  describeVoters(): QuorumReplicaState[] | undefined {
    const { role } = this;
    if (role.name !== 'leader') return undefined;
    const now = BigInt(Math.trunc(this.clock.now()));
    const self = { replicaId: this.nodeId, logEndOffset: this.log.endOffset, lastFetchTimestamp: now, lastCaughtUpTimestamp: now };
    const others = [...role.state.followers.values()].map((voter) => ({
      replicaId: voter.id,
      logEndOffset: voter.endOffset,
      lastFetchTimestamp: BigInt(Math.trunc(voter.lastFetchTimestamp)),
      lastCaughtUpTimestamp: BigInt(Math.trunc(voter.lastCaughtUpTimestamp)),
    }));
    return [self, ...others].sort((a, b) => a.replicaId - b.replicaId);
  }

  // ── requests of other voters ──────────────────────────────────────────────────────────────────────────────────────

  handleVote(body: RequestOf<typeof vote>): ResponseIn<typeof vote> {
    const refused = this.refusal(body.clusterId, body.voterId);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const asked = messages.readVoteRequest(body);
    if (asked === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return this.guard(() => {
      if (!this.voters.includes(asked.candidateId)) return messages.voteResponse(ErrorCode.INCONSISTENT_VOTER_SET, this.leader, false);
      if (asked.epoch < this.promised.epoch) return messages.voteResponse(ErrorCode.FENCED_LEADER_EPOCH, this.leader, false);
      if (asked.epoch > this.promised.epoch) this.becomeUnattached(asked.epoch);
      const granted =
        this.isUpToDate(asked.lastEpoch, asked.lastOffset) && (asked.preVote ? this.wouldVote() : this.mayVoteFor(asked.candidateId));
      if (!granted && this.role.name === 'unattached' && this.lostRounds > 0) {
        // Somebody is there again: no reason to hold back any longer.
        this.lostRounds = 0;
        this.setTimer(this.electionDelay(), () => this.startRound('prospective'));
      }
      if (granted && !asked.preVote) {
        // Durable before the candidate hears of it: after a crash this voter must not vote again in the epoch.
        this.become({ name: 'unattached' }, { ...this.promised, votedId: asked.candidateId });
        this.setTimer(this.jittered(this.settings.electionTimeoutMs), () => this.startRound('prospective'));
      }
      return messages.voteResponse(ErrorCode.NONE, this.leader, granted);
    });
  }

  handleBeginQuorumEpoch(body: RequestOf<typeof beginQuorumEpoch>): ResponseIn<typeof beginQuorumEpoch> {
    const refused = this.refusal(body.clusterId, body.voterId);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const begun = messages.readBeginRequest(body);
    if (begun === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return this.guard(() => {
      if (!this.voters.includes(begun.leaderId)) return messages.epochResponse(ErrorCode.INCONSISTENT_VOTER_SET, this.leader);
      if (begun.epoch < this.promised.epoch) return messages.epochResponse(ErrorCode.FENCED_LEADER_EPOCH, this.leader);
      this.observe(begun, begun.leaderId);
      const known = this.leader;
      return messages.epochResponse(known.leaderId === begun.leaderId ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST, known);
    });
  }

  handleEndQuorumEpoch(body: RequestOf<typeof endQuorumEpoch>): ResponseIn<typeof endQuorumEpoch> {
    const refused = this.refusal(body.clusterId, -1);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const ended = messages.readEndRequest(body);
    if (ended === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return this.guard(() => {
      if (!this.voters.includes(ended.leaderId)) return messages.epochResponse(ErrorCode.INCONSISTENT_VOTER_SET, this.leader);
      if (ended.epoch < this.promised.epoch) return messages.epochResponse(ErrorCode.FENCED_LEADER_EPOCH, this.leader);
      if (ended.epoch > this.promised.epoch) this.becomeUnattached(ended.epoch);
      const { role } = this;
      const followsIt = role.name === 'follower' && role.leaderId === ended.leaderId;
      if (followsIt || role.name === 'unattached') {
        if (followsIt) this.become({ name: 'unattached' }, this.promised);
        this.distrusted = ended.leaderId;
        // The one with the longest log goes at once, the others leave it time in the order that the leader gave.
        const place = Math.max(0, ended.preferred.indexOf(this.nodeId));
        const delay = place === 0 ? 0 : this.settings.backoffMinMs * 2 ** place + this.random.next() * this.settings.backoffMaxMs;
        this.setTimer(delay, () => this.startRound('prospective'));
      }
      return messages.epochResponse(ErrorCode.NONE, this.leader);
    });
  }

  /** Answers at once, or holds the request up to its `maxWaitMs` while there is nothing new. */
  handleFetch(body: RequestOf<typeof fetch>): Promise<ResponseIn<typeof fetch>> {
    if (body.clusterId !== null && body.clusterId !== this.clusterId) {
      return Promise.resolve(messages.fetchRefused(ErrorCode.INCONSISTENT_CLUSTER_ID));
    }
    const asked = messages.readFetchRequest(body);
    if (asked === undefined) return Promise.resolve(messages.fetchRefused(ErrorCode.INVALID_REQUEST));
    return new Promise((resolve) => {
      this.guard(() => this.serveFetch(asked, (answer) => resolve(messages.fetchResponse(answer))));
    });
  }

  private serveFetch(asked: messages.FetchAsked, reply: (answer: FetchAnswer) => void): void {
    const { role } = this;
    if (asked.epoch < this.promised.epoch) {
      reply(this.fetchError(ErrorCode.FENCED_LEADER_EPOCH));
      return;
    }
    if (asked.epoch > this.promised.epoch) {
      reply(this.fetchError(ErrorCode.UNKNOWN_LEADER_EPOCH));
      return;
    }
    if (role.name !== 'leader') {
      reply(this.fetchError(ErrorCode.NOT_LEADER_OR_FOLLOWER));
      return;
    }
    const voter = role.state.followers.get(asked.replicaId);
    if (voter === undefined) {
      reply(this.fetchError(ErrorCode.INVALID_REQUEST));
      return;
    }
    const diverging = this.divergence(asked.lastEpoch, asked.fetchOffset);
    if (diverging !== undefined) {
      voter.fetchedAt = this.clock.monotonic();
      voter.knowsLeader = true;
      reply({ ...this.fetchError(ErrorCode.NONE), diverging });
      return;
    }
    role.state.recordFetch(voter, asked.fetchOffset, this.log.endOffset, { monotonic: this.clock.monotonic(), wall: this.clock.now() });
    this.advance(role);

    const answer = (): void => {
      if (this.role !== role) {
        reply(this.fetchError(ErrorCode.NOT_LEADER_OR_FOLLOWER));
        return;
      }
      reply({ ...this.fetchError(ErrorCode.NONE), records: this.log.read(asked.fetchOffset, asked.maxBytes) });
    };
    if (asked.fetchOffset < this.log.endOffset || asked.highWatermark < this.committedEnd || asked.maxWaitMs <= 0) {
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
    const timer = this.clock.setTimer(Math.min(asked.maxWaitMs, this.settings.fetchMaxWaitMs), () => waiting.answer());
    role.state.addFetch(asked.replicaId, waiting);
  }

  private fetchError(errorCode: number): FetchAnswer {
    return { errorCode, leader: this.leader, highWatermark: this.committedEnd, logStartOffset: this.log.startOffset };
  }

  /** Where the follower has to cut its log, when the end of it is not in ours (KIP-595). */
  private divergence(lastEpoch: number, fetchOffset: bigint): { epoch: number; endOffset: bigint } | undefined {
    if (fetchOffset === this.log.startOffset) return undefined;
    const ours = this.log.endOffsetForEpoch(lastEpoch);
    return ours.epoch === lastEpoch && ours.endOffset >= fetchOffset ? undefined : ours;
  }

  // ── votes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private isUpToDate(lastEpoch: number, lastOffset: bigint): boolean {
    return lastEpoch > this.log.lastEpoch || (lastEpoch === this.log.lastEpoch && lastOffset >= this.log.endOffset);
  }

  private mayVoteFor(candidateId: number): boolean {
    const { role } = this;
    if (this.promised.votedId >= 0) return this.promised.votedId === candidateId && role.name === 'unattached';
    return role.name === 'unattached' || role.name === 'prospective';
  }

  /** A pre-vote binds nothing; it is refused by whoever has a leader that works. */
  private wouldVote(): boolean {
    const { role } = this;
    if (role.name === 'leader') return false;
    if (role.name !== 'follower') return true;
    return this.clock.monotonic() - role.heardAt >= this.settings.fetchTimeoutMs;
  }

  private startRound(name: 'prospective' | 'candidate'): void {
    const role: RoundRole = { name, tally: new Tally(this.voters, this.nodeId) };
    const promised = name === 'candidate' ? { epoch: this.promised.epoch + 1, leaderId: -1, votedId: this.nodeId } : this.promised;
    this.become(role, promised);
    this.setTimer(this.jittered(this.settings.electionTimeoutMs), () => this.loseRound());
    if (role.tally.won) {
      this.winRound(role);
      return;
    }
    const asked = {
      candidateId: this.nodeId,
      epoch: promised.epoch,
      lastEpoch: this.log.lastEpoch,
      lastOffset: this.log.endOffset,
      preVote: name === 'prospective',
    };
    for (const peer of this.peers) {
      this.send(peer, vote, messages.voteRequest(this.clusterId, peer, asked), this.settings.electionTimeoutMs, {
        answered: (body) => this.onVote(role, peer, body),
        failed: () => this.refused(role, peer),
      });
    }
  }

  private onVote(role: RoundRole, peer: number, body: ResponseOf<typeof vote>): void {
    const answer = messages.readVoteResponse(body);
    if (answer === undefined) {
      this.logger.warn('a voter refuses to talk', { voter: peer, error: errorName(body.errorCode) });
      this.refused(role, peer);
      return;
    }
    this.observe(answer.leader, peer);
    if (this.role !== role) return;
    if (!answer.granted) {
      this.refused(role, peer);
      return;
    }
    role.tally.grant(peer);
    if (role.tally.won) this.winRound(role);
  }

  private refused(role: RoundRole, peer: number): void {
    if (this.role !== role) return;
    role.tally.refuse(peer);
    if (role.tally.lost) this.loseRound();
  }

  private loseRound(): void {
    this.become({ name: 'unattached' }, this.promised);
    this.setTimer(this.electionDelay(), () => this.startRound('prospective'));
    this.lostRounds++;
  }

  private winRound(role: RoundRole): void {
    if (role.name === 'prospective') this.startRound('candidate');
    else this.becomeLeader(role.tally.granting);
  }

  // ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private becomeLeader(grantingVoters: readonly number[]): void {
    const { epoch } = this.promised;
    const epochStartOffset = this.log.appendLeaderChange(epoch, this.clock.now(), {
      leaderId: this.nodeId,
      voters: this.voters,
      grantingVoters,
    });
    this.log.flush();
    const state = new LeaderState({ epoch, epochStartOffset, followers: this.peers, grantingVoters, monotonic: this.clock.monotonic() });
    const role: LeaderRole = { name: 'leader', state, beginning: new Set() };
    this.lostRounds = 0;
    this.become(role, { ...this.promised, leaderId: this.nodeId });
    this.logger.info('leads the quorum', { epoch, granted: grantingVoters });
    this.leaderTick(role);
    this.advance(role);
  }

  /** Makes the leader known to who has not fetched lately, and steps down when a majority has not. */
  private leaderTick(role: LeaderRole): void {
    const now = this.clock.monotonic();
    const { fetchTimeoutMs } = this.settings;
    if (!role.state.heardMajoritySince(now - fetchTimeoutMs * 1.5)) {
      void this.resign(`a majority of the quorum has not been heard of for ${fetchTimeoutMs * 1.5} ms`);
      return;
    }
    for (const voter of role.state.followers.values()) {
      if (voter.knowsLeader && now - voter.fetchedAt < fetchTimeoutMs / 2 + this.settings.fetchMaxWaitMs) continue;
      if (!role.beginning.has(voter.id)) this.beginEpoch(role, voter.id);
    }
    this.setTimer(fetchTimeoutMs / 4, () => this.leaderTick(role));
  }

  private beginEpoch(role: LeaderRole, peer: number): void {
    role.beginning.add(peer);
    const body = messages.beginRequest(this.clusterId, peer, { leaderId: this.nodeId, epoch: role.state.epoch });
    this.send(peer, beginQuorumEpoch, body, this.settings.fetchTimeoutMs, {
      answered: (response) => {
        role.beginning.delete(peer);
        const answer = messages.readEpochResponse(response);
        if (answer !== undefined) this.observe(answer, peer);
      },
      // The next tick tries again.
      failed: () => role.beginning.delete(peer),
    });
  }

  private becomeUnattached(epoch: number): void {
    this.become({ name: 'unattached' }, { epoch, leaderId: -1, votedId: -1 }, `epoch ${epoch} has begun`);
    // A pre-vote disturbs nobody, so there is no need to give the new epoch's leader long to show itself.
    this.setTimer(this.electionDelay(), () => this.startRound('prospective'));
  }

  private becomeFollower(leader: LeaderAndEpoch, heard: boolean): void {
    const votedId = leader.epoch === this.promised.epoch ? this.promised.votedId : -1;
    const role: FollowerRole = { name: 'follower', leaderId: leader.leaderId, heardAt: heard ? this.clock.monotonic() : -Infinity };
    this.lostRounds = 0;
    this.become(role, { epoch: leader.epoch, leaderId: leader.leaderId, votedId }, `node ${leader.leaderId} leads epoch ${leader.epoch}`);
    // What this node may have appended as a leader counts as flushed from the first fetch on.
    if (this.log.flushedOffset < this.log.endOffset) this.log.flush();
    this.armFetchTimeout(role);
    this.fetchFrom(role);
  }

  /** What a peer said of leader and epoch. */
  private observe(said: LeaderAndEpoch, from: number): void {
    const namesOther = said.leaderId >= 0 && said.leaderId !== this.nodeId && this.voters.includes(said.leaderId);
    if (said.epoch < this.promised.epoch) return;
    if (said.epoch > this.promised.epoch) {
      if (namesOther) this.becomeFollower(said, from === said.leaderId);
      else this.becomeUnattached(said.epoch);
      return;
    }
    if (!namesOther) return;
    const { role } = this;
    if (role.name === 'leader')
      throw new Error(`node ${from} says that node ${said.leaderId} leads epoch ${said.epoch}, which this node leads`);
    if (role.name === 'stopped') return;
    if (role.name === 'follower') {
      assert(role.leaderId === said.leaderId, `two leaders in epoch ${said.epoch}: ${role.leaderId} and ${said.leaderId}`);
      if (from === said.leaderId) this.heard(role);
      return;
    }
    if (said.leaderId === this.distrusted && from !== said.leaderId) return;
    this.becomeFollower(said, from === said.leaderId);
  }

  private become(role: Role, promised: VoteState, reason = ''): void {
    if (
      promised.epoch !== this.promised.epoch ||
      promised.votedId !== this.promised.votedId ||
      (promised.leaderId !== this.promised.leaderId && promised.leaderId >= 0)
    ) {
      this.voteStore.write(promised);
    }
    if (promised.epoch > this.promised.epoch) this.distrusted = -1;
    this.promised = promised;
    this.leave(reason);
    this.role = role;
    this.announce();
  }

  private leave(reason: string): void {
    const { role } = this;
    this.timer?.cancel();
    this.timer = undefined;
    if (role.name === 'leader') {
      // Those who wait are told by what they find: that this node leads no longer.
      this.role = { name: 'unattached' };
      role.state.close(reason);
    }
  }

  private announce(): void {
    const { leaderId, epoch } = this.leader;
    const last = this.announced;
    if (last.role === this.role.name && last.leaderId === leaderId && last.epoch === epoch) return;
    const since = last.leaderId === leaderId && last.epoch === epoch ? last.since : this.clock.now();
    this.announced = { role: this.role.name, leaderId, epoch, since };
    this.listener.onLeaderChange(this.announced);
  }

  private get leader(): LeaderAndEpoch {
    const { role } = this;
    const leaderId = role.name === 'leader' ? this.nodeId : role.name === 'follower' ? role.leaderId : -1;
    return { leaderId, epoch: this.promised.epoch };
  }

  // ── following ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private heard(role: FollowerRole): void {
    role.heardAt = this.clock.monotonic();
    this.armFetchTimeout(role);
  }

  private armFetchTimeout(role: FollowerRole): void {
    this.setTimer(this.jittered(this.settings.fetchTimeoutMs), () => {
      this.logger.info('has not heard of the leader of the quorum', { leader: role.leaderId, epoch: this.promised.epoch });
      this.distrusted = role.leaderId;
      this.startRound('prospective');
    });
  }

  private fetchFrom(role: FollowerRole): void {
    const body = messages.fetchRequest(this.clusterId, {
      replicaId: this.nodeId,
      epoch: this.promised.epoch,
      fetchOffset: this.log.endOffset,
      lastEpoch: this.log.lastEpoch,
      highWatermark: this.committedEnd,
      maxWaitMs: Math.floor(this.settings.fetchMaxWaitMs),
      maxBytes: this.settings.fetchMaxBytes,
    });
    this.send(role.leaderId, fetch, body, this.settings.fetchTimeoutMs, {
      answered: (response) => this.onFetched(role, response),
      failed: () => this.fetchLater(role),
    });
  }

  private fetchLater(role: FollowerRole): void {
    if (this.role !== role) return;
    this.clock.setTimer(this.settings.backoffMinMs + this.random.next() * this.settings.backoffMinMs, () => {
      if (this.role === role) this.guarded(() => this.fetchFrom(role));
    });
  }

  private onFetched(role: FollowerRole, response: ResponseOf<typeof fetch>): void {
    if (this.role !== role) return;
    const answer = messages.readFetchResponse(response);
    if (answer === undefined) {
      this.logger.warn('the leader refuses fetches', { leader: role.leaderId, error: errorName(response.errorCode) });
      this.fetchLater(role);
      return;
    }
    if (answer.errorCode !== ErrorCode.NONE) {
      this.observe(answer.leader, role.leaderId);
      this.fetchLater(role);
      return;
    }
    this.heard(role);
    const wait = answer.records === undefined ? undefined : this.log.admit(answer.records.length);
    if (wait === undefined) {
      this.takeIn(role, answer);
      return;
    }
    void wait.then(
      () => {
        if (this.role === role) this.guarded(() => this.takeIn(role, answer));
      },
      (error: unknown) => this.fail(error),
    );
  }

  private takeIn(role: FollowerRole, answer: FetchAnswer): void {
    if (answer.diverging !== undefined) {
      this.truncateTo(answer.diverging);
    } else if (answer.records !== undefined) {
      try {
        this.log.appendReplicated(answer.records);
      } catch (error) {
        if (!(error instanceof KafkaError) || error.code === ErrorCode.KAFKA_STORAGE_ERROR) throw error;
        this.logger.warn('the leader sent batches that cannot be used', { leader: role.leaderId, reason: error.message });
        this.fetchLater(role);
        return;
      }
      // The next fetch says that this node has these records for good.
      this.log.flush();
    }
    const known = answer.highWatermark < this.log.endOffset ? answer.highWatermark : this.log.endOffset;
    if (answer.diverging === undefined && known > this.committedEnd) this.commitUpTo(known);
    if (this.role === role) this.fetchFrom(role);
  }

  private truncateTo(diverging: { epoch: number; endOffset: bigint }): void {
    const ours = this.log.endOffsetForEpoch(diverging.epoch);
    const shared = ours.endOffset < diverging.endOffset ? ours.endOffset : diverging.endOffset;
    const target = ours.epoch === diverging.epoch ? shared : ours.endOffset;
    assert(target >= this.committedEnd, `the leader asks to cut the log at ${target}, below the high watermark ${this.committedEnd}`);
    this.logger.info('cuts off what the leader does not have', { from: target, to: this.log.endOffset });
    this.log.truncate(target);
  }

  // ── committing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** All appends of one turn share one flush; followers are sent them meanwhile. */
  private scheduleFlush(role: LeaderRole): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    queueMicrotask(() => {
      if (this.role === role) this.guarded(() => role.state.completeFetches(this.log.endOffset, this.committedEnd));
    });
    this.clock.setTimer(0, () => {
      this.flushScheduled = false;
      if (this.role.name === 'stopped') return;
      this.guarded(() => {
        if (this.log.flushedOffset < this.log.endOffset) this.log.flush();
        if (this.role.name === 'leader') this.advance(this.role);
      });
    });
  }

  private advance(role: LeaderRole): void {
    const majority = role.state.majorityOffset(this.log.flushedOffset);
    if (majority === undefined || majority <= this.committedEnd) return;
    this.commitUpTo(majority);
    if (this.role !== role) return;
    role.state.completeAppends(this.committedEnd);
    role.state.completeFetches(this.log.endOffset, this.committedEnd);
  }

  private commitUpTo(offset: bigint): void {
    this.committedEnd = offset;
    while (this.delivered < this.committedEnd) {
      const batches = this.log.readBatches(this.delivered, this.committedEnd);
      const last = batches.at(-1);
      assert(last !== undefined, `the log has nothing at ${this.delivered}, yet ${this.committedEnd} is committed`);
      this.delivered = last.lastOffset + 1n;
      this.listener.onCommitted(batches);
    }
  }

  // ── small things ──────────────────────────────────────────────────────────────────────────────────────────────────

  private refusal(clusterId: string | null, voterId: number): number | undefined {
    if (this.role.name === 'stopped') return ErrorCode.BROKER_NOT_AVAILABLE;
    if (clusterId !== null && clusterId !== this.clusterId) return ErrorCode.INCONSISTENT_CLUSTER_ID;
    if (voterId >= 0 && voterId !== this.nodeId) return ErrorCode.INVALID_VOTER_KEY;
    return undefined;
  }

  private send<Q, S>(
    peer: number,
    api: Api<unknown, Q, S, never>,
    body: Q,
    timeoutMs: number,
    on: { answered(response: S): void; failed(): void },
  ): void {
    this.transport.send(peer, api, body, timeoutMs).then(
      (response) => {
        if (this.role.name !== 'stopped') this.guarded(() => on.answered(response));
      },
      (error: unknown) => {
        this.logger.debug('a voter does not answer', { voter: peer, api: api.name, error });
        if (this.role.name !== 'stopped') this.guarded(() => on.failed());
      },
    );
  }

  private setTimer(delayMs: number, callback: () => void): void {
    this.timer?.cancel();
    this.timer = this.clock.setTimer(delayMs, () => this.guarded(callback));
  }

  private jittered(ms: number): number {
    return ms * (1 + 0.3 * this.random.next());
  }

  private electionDelay(): number {
    const { backoffMinMs, backoffMaxMs, backoffCapMs } = this.settings;
    const most = Math.max(backoffMaxMs, Math.min(backoffCapMs, backoffMaxMs * 2 ** Math.min(this.lostRounds, 10)));
    return backoffMinMs + this.random.next() * (most - backoffMinMs);
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  private guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** A voter that cannot keep its promises must fall silent. */
  private fail(error: unknown): void {
    if (this.role.name === 'stopped') return;
    this.logger.error('stops taking part in the quorum', { error });
    this.stop();
    this.listener.onFailure(error);
  }
}
