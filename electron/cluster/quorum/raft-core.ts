/**
 * The one owner of the state of a Raft node: role, quorum state, the one timer of the role, committed end, and failure. It decides nothing;
 * voting, leading and following do. They read the state and change it by a transition. Each transition makes the quorum state durable
 * (`raft-quorum-state.ts`) before it changes the role, so before any peer can learn of it, and takes the timer of the new role, so that no
 * role waits forever.
 */
import { assert } from '../lib/assert.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { Api } from '../protocol/schema.ts';
import { Tally } from './raft-election.ts';
import type { LeaderState } from './raft-leader.ts';
import type { RaftLog, SnapshotId } from './raft-log.ts';
import type { LeaderAndEpoch } from './raft-messages.ts';
import { QuorumState } from './raft-quorum-state.ts';
import type { RaftSettings } from './raft-settings.ts';
import type { RaftListener, RaftOptions, RaftStatus, RaftTransport } from './raft-types.ts';
import type { VoteState } from './vote-store.ts';

export interface FollowerRole {
  readonly name: 'follower';
  readonly leaderId: number;
  /** Running time of the last request or response of the leader itself; −Infinity while only other nodes have named it. */
  readonly lastContactAt: number;
}

/** Read once the role is entered. */
export interface RoleTimer {
  readonly delayMs: () => number;
  readonly expired: () => void;
}

export type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'prospective'; readonly tally: Tally }
  | { readonly name: 'candidate'; readonly tally: Tally }
  | FollowerRole
  | { readonly name: 'leader'; readonly state: LeaderState }
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

const STOPPED: Role = { name: 'stopped' };

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
  private readonly quorum: QuorumState;
  private readonly listener: RaftListener;

  private currentRole: Role = STOPPED;
  private distrustedLeader: LeaderAndEpoch = { leaderId: -1, epoch: -1 };
  private roundsLost = 0;
  private cause = 'the node started';
  private committed = -1n;
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
    this.quorum = new QuorumState({ store: options.voteStore, nodeId: options.nodeId, voters: options.voters });
    this.transport = options.transport;
    this.listener = options.listener;
    this.logger = options.logger;
    this.settings = options.settings;
  }

  // ── the state, to be read ─────────────────────────────────────────────────────────────────────────────────────────

  get role(): Role {
    return this.currentRole;
  }

  get quorumState(): VoteState {
    return this.quorum.current;
  }

  get isNonVoting(): boolean {
    return this.quorum.isNonVoting;
  }
  get isOneOfTwo(): boolean {
    return this.quorum.isOneOfTwo;
  }
  get mayGrant(): boolean {
    return this.quorum.mayGrant;
  }
  get counts(): boolean {
    return this.quorum.counts;
  }

  /** A leader of this epoch that timed out or resigned: only its own request makes this node follow it again. −1 none. */
  get distrusted(): number {
    const { leaderId, epoch } = this.distrustedLeader;
    return epoch === this.quorumState.epoch ? leaderId : -1;
  }

  /** Rounds of votes, or searches, without a leader since the last one. */
  get lostRounds(): number {
    return this.roundsLost;
  }

  /** Why this node last began to search for a leader, as in "because …". */
  get searchCause(): string {
    return this.cause;
  }

  /** Offset after the last committed record; −1 while unknown. */
  get committedEnd(): bigint {
    return this.committed;
  }

  get status(): RaftStatus {
    return this.announced;
  }

  get leader(): LeaderAndEpoch {
    const { role } = this;
    const leaderId = role.name === 'leader' ? this.nodeId : role.name === 'follower' ? role.leaderId : -1;
    return { leaderId, epoch: this.quorumState.epoch };
  }

  // ── transitions ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads the stored quorum state and joins. */
  start(timer: RoleTimer): void {
    assert(this.currentRole === STOPPED, 'raft is running');
    this.quorum.load(this.log.lastEpoch);
    const { latestSnapshot, startOffset } = this.log;
    if (latestSnapshot === undefined) this.delivered = startOffset;
    else this.takeSnapshot(latestSnapshot);
    this.leaveRole(timer);
  }

  /** Becomes unattached in the same epoch; returns the role. */
  leaveRole(timer: RoleTimer): Role {
    return this.enter({ name: 'unattached' }, '', timer);
  }

  /** A later epoch has begun and its leader is unknown. */
  enterEpoch(epoch: number, timer: RoleTimer): void {
    this.quorum.enterEpoch(epoch);
    this.enter({ name: 'unattached' }, `epoch ${epoch} has begun`, timer);
  }

  /** Votes for another candidate of this epoch. */
  voteFor(candidateId: number, timer: RoleTimer): void {
    this.quorum.voteFor(candidateId);
    this.enter({ name: 'unattached' }, '', timer);
  }

  /** Stands for election: in this epoch without effect on others (KIP-996), or in the next one, with this node's own vote. */
  startRound(name: RoundRole['name'], timer: RoleTimer): RoundRole {
    if (name === 'candidate') this.quorum.standForElection();
    return this.enter<RoundRole>({ name, tally: new Tally(this.voters, this.nodeId) }, '', timer);
  }

  /** Follows the leader of this or a later epoch; all of this node's log is flushed. */
  follow(leader: LeaderAndEpoch, inContact: boolean, timer: (role: FollowerRole) => RoleTimer): FollowerRole {
    const { epoch, leaderId } = leader;
    const role: FollowerRole = { name: 'follower', leaderId, lastContactAt: inContact ? this.runningMs : -Infinity };
    this.roundsLost = 0;
    this.quorum.acceptLeader(leader);
    this.enter(role, `node ${leaderId} leads epoch ${epoch}`);
    // Records that this node appended as a leader count as flushed from the first fetch on.
    if (this.log.flushedOffset < this.log.endOffset) this.log.flush();
    this.restartTimer(timer(role));
    return role;
  }

  /** The leader that this node follows sent a request or a response. */
  recordContact(role: FollowerRole, timer: RoleTimer): void {
    (role as { lastContactAt: number }).lastContactAt = this.runningMs;
    this.restartTimer(timer);
  }

  /** Leads this epoch, which this node's votes have won; the log holds the LeaderChange. */
  lead(state: LeaderState, timer: (role: LeaderRole) => RoleTimer): LeaderRole {
    const role: LeaderRole = { name: 'leader', state };
    this.roundsLost = 0;
    this.quorum.acceptLeader({ leaderId: this.nodeId, epoch: this.quorumState.epoch });
    return this.enter(role, '', timer(role));
  }

  /** A leader gives up its epoch: others may stand for election. */
  resign(reason: string, timer: RoleTimer): void {
    this.quorum.forgetLeader();
    this.enter({ name: 'unattached' }, reason, timer);
  }

  /** This voter may vote from that epoch on. */
  regainVote(votesFrom: number): void {
    this.quorum.regainVote(votesFrom);
  }

  /** The leader does not respond, or resigned; `cause` as in "because …". */
  distrust(leaderId: number, cause: string): void {
    this.distrustedLeader = { leaderId, epoch: this.quorumState.epoch };
    this.cause = cause;
  }

  explainSearch(cause: string): void {
    this.cause = cause;
  }

  countLostRound(): void {
    this.roundsLost++;
  }

  forgetLostRounds(): void {
    this.roundsLost = 0;
  }

  /** Replaces the timer of the current role. */
  restartTimer({ delayMs, expired }: RoleTimer): void {
    if (this.currentRole === STOPPED) return;
    this.timer?.cancel();
    // In running time: after a stall of this process, pending messages are read before peers time out.
    this.timer = setRunningTimer(this.clock, delayMs(), () => this.guarded(expired));
  }

  /** Without `timer`, the caller starts one before it returns. */
  private enter<R extends Role>(role: R, reason: string, timer?: RoleTimer): R {
    this.leave(reason);
    this.currentRole = role;
    this.announce();
    if (timer !== undefined) this.restartTimer(timer);
    return role;
  }

  private leave(reason: string): void {
    const { role } = this;
    this.timer?.cancel();
    this.timer = undefined;
    if (role.name === 'leader') {
      // Waiting requests find that this node leads no longer.
      this.currentRole = { name: 'unattached' };
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
    this.committed = offset;
    while (this.delivered < this.committed) {
      const batches = this.log.readBatches(this.delivered, this.committed);
      const last = batches.at(-1);
      assert(last !== undefined, `the log has nothing at ${this.delivered}, yet ${this.committed} is committed`);
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
    this.committed = id.endOffset;
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
    this.currentRole = STOPPED;
    this.announce();
  }
}
