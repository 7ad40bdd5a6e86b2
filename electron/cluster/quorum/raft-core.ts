/**
 * State that all roles of a Raft node share: the role, the quorum state (durable before it is visible to any peer), the one timer of the role,
 * the committed end, and failure. It decides nothing; voting, leading and following do, and change the role through `become` alone.
 */
import { assert } from '../lib/assert.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { Api } from '../protocol/schema.ts';
import type { Tally } from './raft-election.ts';
import type { LeaderState } from './raft-leader.ts';
import type { RaftLog, SnapshotId } from './raft-log.ts';
import type { LeaderAndEpoch } from './raft-messages.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import type { RaftListener, RaftOptions, RaftStatus, RaftTransport } from './raft-types.ts';
import { INITIAL_VOTE, NO_VOTE, type VoteState, type VoteStore } from './vote-store.ts';

export interface FollowerRole {
  readonly name: 'follower';
  readonly leaderId: number;
  /** Running time of the last request or response of the leader itself; −Infinity while only other nodes have named it. */
  lastContactAt: number;
}

export type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'prospective'; readonly tally: Tally }
  | { readonly name: 'candidate'; readonly tally: Tally }
  | FollowerRole
  | { readonly name: 'leader'; readonly state: LeaderState; readonly beginning: Set<number> }
  | { readonly name: 'stopped' };
export type LeaderRole = Extract<Role, { name: 'leader' }>;
export type RoundRole = Extract<Role, { tally: Tally }>;

/** Transitions between roles; `RaftNode` implements them. */
export interface Transitions {
  /** Without a leader in contact: a voter stands for election, an observer searches for the leader. */
  lookForLeader(): void;
  /** A later epoch has begun and its leader is unknown. */
  becomeUnattached(epoch: number): void;
  becomeFollower(leader: LeaderAndEpoch, inContact: boolean): void;
  becomeLeader(grantingVoters: readonly number[]): void;
  /** The leader has itself re-elected. */
  renewLeadership(): void;
  /** Leader and epoch that a peer reported. */
  observe(said: LeaderAndEpoch, from: number): void;
}

export class RaftCore {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly voters: readonly number[];
  /** The other voters. */
  readonly peers: readonly number[];
  readonly isVoter: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RaftLog;
  readonly transport: RaftTransport;
  readonly logger: Logger;
  readonly settings: RaftSettings;
  private readonly voteStore: VoteStore;
  private readonly listener: RaftListener;

  role: Role = { name: 'stopped' };
  quorumState: VoteState = INITIAL_VOTE;
  /** A leader of this epoch that timed out or resigned: only its own request makes this node follow it again. −1 none. */
  distrusted = -1;
  lostRounds = 0;
  /** Why this node last began to search for a leader, as in "because …". */
  searchCause = 'the node started';
  /** Offset after the last committed record; −1 while unknown. */
  committedEnd = -1n;
  private delivered = 0n;
  /** The one timer of the current role: backoff, end of a round, fetch timeout, the leader's tick. */
  private timer: Timer | undefined;
  private announced: RaftStatus = { role: 'stopped', leaderId: -1, epoch: 0, since: 0 };

  constructor(options: RaftOptions) {
    this.nodeId = options.nodeId;
    this.clusterId = options.clusterId;
    this.voters = [...options.voters].sort((a, b) => a - b);
    this.peers = this.voters.filter((id) => id !== options.nodeId);
    this.isVoter = options.voters.includes(options.nodeId);
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.voteStore = options.voteStore;
    this.transport = options.transport;
    this.listener = options.listener;
    this.logger = options.logger;
    const settings = { ...DEFAULT_RAFT_SETTINGS, ...options.settings };
    // While a follower's fetch is held, it must receive a response of its leader well before its fetch timeout.
    this.settings = { ...settings, fetchMaxWaitMs: Math.min(settings.fetchMaxWaitMs, settings.fetchTimeoutMs / 2) };
  }

  /** Reads the stored quorum state. */
  load(): void {
    assert(this.role.name === 'stopped', 'raft is running');
    this.quorumState = this.voteStore.read();
    // Without other voters an earlier run could not have voted for another candidate.
    if (this.quorumState.votesFrom === NO_VOTE && this.voters.length === 1) this.quorumState = { ...this.quorumState, votesFrom: 0 };
    assert(
      this.log.lastEpoch <= this.quorumState.epoch,
      `the log holds epoch ${this.log.lastEpoch}, the vote file only ${this.quorumState.epoch}`,
    );
    const { latestSnapshot, startOffset } = this.log;
    if (latestSnapshot === undefined) this.delivered = startOffset;
    else this.takeSnapshot(latestSnapshot);
  }

  get status(): RaftStatus {
    return this.announced;
  }

  get leader(): LeaderAndEpoch {
    const { role } = this;
    const leaderId = role.name === 'leader' ? this.nodeId : role.name === 'follower' ? role.leaderId : -1;
    return { leaderId, epoch: this.quorumState.epoch };
  }

  // ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The only way to change role or quorum state. The quorum state is durable when this returns. */
  become(role: Role, quorumState: VoteState, reason = ''): void {
    if (
      quorumState.epoch !== this.quorumState.epoch ||
      quorumState.votedId !== this.quorumState.votedId ||
      quorumState.votesFrom !== this.quorumState.votesFrom ||
      (quorumState.leaderId !== this.quorumState.leaderId && quorumState.leaderId >= 0)
    ) {
      this.voteStore.write(quorumState);
    }
    if (quorumState.epoch > this.quorumState.epoch) this.distrusted = -1;
    this.quorumState = quorumState;
    this.leave(reason);
    this.role = role;
    this.announce();
  }

  /** Changes the quorum state within the same role; durable when this returns. */
  updateQuorumState(quorumState: VoteState): void {
    this.voteStore.write(quorumState);
    this.quorumState = quorumState;
  }

  /** This voter does not know the vote and the acknowledgements of an earlier run, so it is non-voting; see `raft-rejoining.ts`. */
  get isNonVoting(): boolean {
    return this.isVoter && this.quorumState.votesFrom === NO_VOTE;
  }

  /** Of two voters each is in every majority. */
  get isOneOfTwo(): boolean {
    return this.voters.length === 2;
  }

  /** Whether this voter may vote for another one in this epoch, with regard to its earlier runs. */
  get mayGrant(): boolean {
    return (this.isNonVoting && this.isOneOfTwo) || this.quorumState.epoch >= this.quorumState.votesFrom;
  }

  /** Whether this replica may count towards a majority in this epoch. */
  get counts(): boolean {
    if (!this.isVoter || this.isOneOfTwo) return true;
    return !this.isNonVoting && (this.voters.length <= 3 || this.quorumState.epoch >= this.quorumState.votesFrom);
  }

  private leave(reason: string): void {
    const { role } = this;
    this.timer?.cancel();
    this.timer = undefined;
    if (role.name === 'leader') {
      // Waiting requests find that this node leads no longer.
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

  // ── committing ────────────────────────────────────────────────────────────────────────────────────────────────────

  commitUpTo(offset: bigint): void {
    this.committedEnd = offset;
    while (this.delivered < this.committedEnd) {
      const batches = this.log.readBatches(this.delivered, this.committedEnd);
      const last = batches.at(-1);
      assert(last !== undefined, `the log has nothing at ${this.delivered}, yet ${this.committedEnd} is committed`);
      this.delivered = last.lastOffset + 1n;
      this.listener.onCommitted(batches);
    }
  }

  /** Prepares a snapshot that has not replaced the log yet, in steps; none where the listener prepares nothing. */
  *prepareSnapshot(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, void, undefined> {
    if (this.listener.prepareSnapshot !== undefined) yield* this.listener.prepareSnapshot(id, batches);
  }

  /** The log has been replaced by a snapshot, or begins with one. The snapshot is committed. */
  takeSnapshot(id: SnapshotId): void {
    this.delivered = id.endOffset;
    this.committedEnd = id.endOffset;
    this.listener.onSnapshot(id);
  }

  // ── messages and time ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Why a request is not addressed to this node; undefined: it is. `voterId` −1: not named. */
  refusal(clusterId: string | null, voterId: number): number | undefined {
    if (this.role.name === 'stopped') return ErrorCode.BROKER_NOT_AVAILABLE;
    if (clusterId !== null && clusterId !== this.clusterId) return ErrorCode.INCONSISTENT_CLUSTER_ID;
    if (voterId >= 0 && voterId !== this.nodeId) return ErrorCode.INVALID_VOTER_KEY;
    return undefined;
  }

  send<Q, S>(
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
        this.logger.debug('A voter did not answer', { voter: peer, api: api.name, error });
        if (this.role.name !== 'stopped') this.guarded(() => on.failed());
      },
    );
  }

  /** Timer of the current role, in running time: after a stall of this process, pending messages are read before peers time out. */
  setTimer(delayMs: number, callback: () => void): void {
    this.timer?.cancel();
    this.timer = setRunningTimer(this.clock, delayMs, () => this.guarded(callback));
  }

  /** The clock of all contact times of peers. */
  get runningMs(): number {
    return runningTime(this.clock);
  }

  jittered(ms: number): number {
    return ms * (1 + 0.3 * this.random.next());
  }

  electionDelay(): number {
    const { backoffMinMs, backoffMaxMs, backoffCapMs } = this.settings;
    const most = Math.max(backoffMaxMs, Math.min(backoffCapMs, backoffMaxMs * 2 ** Math.min(this.lostRounds, 10)));
    return backoffMinMs + this.random.next() * (most - backoffMinMs);
  }

  // ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** A voter that cannot store its quorum state must not answer. */
  fail(error: unknown): void {
    if (this.role.name === 'stopped') return;
    this.logger.error('Left the quorum after a failure', { error });
    this.stop();
    this.listener.onFailure(error);
  }

  /** Leaves at once, as in a crash; nothing is written or sent. */
  stop(): void {
    if (this.role.name === 'stopped') return;
    this.leave('the node stopped');
    this.role = { name: 'stopped' };
    this.announce();
  }
}
