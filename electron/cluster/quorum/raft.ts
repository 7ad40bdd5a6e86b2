/**
 * Raft as in KRaft (KIP-595): followers pull. The fetch offset of a voter acknowledges what it has flushed; the high watermark is the end that
 * a majority has flushed, and advances only past a record of the leader's own epoch. Elections begin with a round of pre-votes, which are not
 * binding (KIP-996), so a node that returns cannot unseat a working leader. A voter's epoch and vote are durable before any peer can see
 * them.
 *
 *   unattached ──backoff──▶ prospective ──majority would vote──▶ candidate ──majority voted──▶ leader
 *        ▲  ▲                 │                                  │                          │
 *        │  └──────lost───────┴──────────────────────────────────┘      no majority fetches │
 *        └──────────────────────────────────────────────────────────────────────────────────┘
 *   anything ──leader of this or a later epoch──▶ follower ──no contact for the fetch timeout──▶ prospective
 *
 * An observer, a node that is no voter, is only ever unattached or a follower, and never counts. A voter whose directory is new does not vote
 * before it is certain that this is safe: `raft-rejoining.ts`.
 *
 * Every method runs to its end without awaiting. Continuations compare the role object under which they began: when the role has changed they
 * do nothing.
 *
 * This file connects the parts: `raft-core` (shared state), `raft-voting` (elections), `raft-leading`, `raft-following`.
 */
import { assert } from '../lib/assert.ts';
import type { addRaftVoter } from '../protocol/apis/add-raft-voter.ts';
import type { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import type { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import type { fetch } from '../protocol/apis/fetch.ts';
import type { fetchSnapshot } from '../protocol/apis/fetch-snapshot.ts';
import type { vote } from '../protocol/apis/vote.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import { RaftCore, type Transitions } from './raft-core.ts';
import { Following } from './raft-following.ts';
import { LeadershipConfirmation } from './leadership-confirmation.ts';
import { Leading } from './raft-leading.ts';
import type { LeaderAndEpoch } from './raft-messages.ts';
import { Rejoining } from './raft-rejoining.ts';
import type { QuorumReplicaState, RaftOptions, RaftStatus } from './raft-types.ts';
import { Voting } from './raft-voting.ts';

export type { QuorumReplicaState, RaftListener, RaftOptions, RaftRole, RaftStatus, RaftTransport } from './raft-types.ts';

export class RaftNode {
  readonly nodeId: number;
  private readonly core: RaftCore;
  private readonly voting: Voting;
  private readonly leading: Leading;
  private readonly confirmation: LeadershipConfirmation;
  private readonly following: Following;
  private readonly rejoining: Rejoining;

  constructor(options: RaftOptions) {
    this.nodeId = options.nodeId;
    this.core = new RaftCore(options);
    const transitions: Transitions = {
      lookForLeader: () => this.lookForLeader(),
      becomeUnattached: (epoch) => this.becomeUnattached(epoch),
      becomeFollower: (leader, inContact) => this.following.become(leader, inContact),
      becomeLeader: (grantingVoters) => {
        this.confirmation.onElected();
        this.leading.become(grantingVoters);
      },
      renewLeadership: () => this.voting.startRound('candidate'),
      observe: (said, from) => this.observe(said, from),
    };
    this.rejoining = new Rejoining(this.core, transitions);
    this.voting = new Voting(this.core, transitions);
    this.leading = new Leading(this.core, transitions);
    this.confirmation = new LeadershipConfirmation(this.core, transitions);
    this.following = new Following(this.core, transitions, this.rejoining);
  }

  /** Reads the stored quorum state and joins. A node that led when it stopped does not resume as leader: its tail may be lost. */
  start(): void {
    const { core } = this;
    core.start({ delayMs: () => (core.peers.length === 0 ? 0 : core.electionDelay()), expired: () => this.lookForLeader() });
  }

  /** Leaves at once, as in a crash; nothing is written or sent. */
  stop(): void {
    this.following.stop();
    this.core.stop();
  }

  /** A leader resigns with EndQuorumEpoch. Resolves when the voters have answered or cannot be reached. */
  resign(reason: string): Promise<void> {
    return this.leading.resign(reason);
  }

  get status(): RaftStatus {
    return this.core.status;
  }

  /** Offset after the last committed record; −1 while unknown. */
  get highWatermark(): bigint {
    return this.core.committedEnd;
  }

  /**
   * The high watermark for DescribeQuorum: −1 on a leader until it has committed a record of its own epoch, as in Apache Kafka. Before, it knows
   * only the committed end of its time as a follower.
   */
  get describedHighWatermark(): bigint {
    const { highWatermark, epochStartOffset } = this;
    return epochStartOffset !== undefined && highWatermark <= epochStartOffset ? -1n : highWatermark;
  }

  get logEndOffset(): bigint {
    return this.core.log.endOffset;
  }

  /** Why this node last began to search for a leader, as in "because …": the cause of an election that it won. */
  get searchCause(): string {
    return this.core.searchCause;
  }

  /** Offset of the LeaderChange that opened this node's leadership; undefined when it does not lead. */
  get epochStartOffset(): bigint | undefined {
    return this.leading.epochStartOffset;
  }

  /**
   * Appends one atomic batch. `committed` resolves once a majority has flushed it and listeners have applied it, and rejects with
   * NOT_CONTROLLER when leadership is lost before: its fate is then unknown. Throws NOT_CONTROLLER when this node does not lead,
   * THROTTLING_QUOTA_EXCEEDED when too many appends wait.
   */
  append(values: readonly Uint8Array[]): { offset: bigint; lastOffset: bigint; committed: Promise<unknown> } {
    return this.leading.append(values);
  }

  /** Whether a majority follows this leader after this call; see `LeadershipConfirmation`. */
  confirmLeadership(): Promise<boolean> {
    return this.confirmation.confirm();
  }

  /** The same after a stall of this process; undefined where none put its leadership in doubt. */
  confirmAfterStall(): Promise<boolean> | undefined {
    return this.confirmation.confirmAfterStall();
  }

  /** Voters and observers for DescribeQuorum; undefined unless this node leads. */
  describeReplicas(): { voters: QuorumReplicaState[]; observers: QuorumReplicaState[] } | undefined {
    return this.leading.describe();
  }

  /** A node that has left the cluster is removed from the observers. */
  forgetObserver(id: number): void {
    const { role } = this.core;
    if (role.name === 'leader') role.state.forgetObserver(id);
  }

  // ── requests of other nodes ───────────────────────────────────────────────────────────────────────────────────────

  handleVote(body: RequestOf<typeof vote>): ResponseIn<typeof vote> {
    return this.voting.handleVote(body);
  }

  handleBeginQuorumEpoch(body: RequestOf<typeof beginQuorumEpoch>): ResponseIn<typeof beginQuorumEpoch> {
    return this.following.handleBeginQuorumEpoch(body);
  }

  handleEndQuorumEpoch(body: RequestOf<typeof endQuorumEpoch>): ResponseIn<typeof endQuorumEpoch> {
    return this.voting.handleEndQuorumEpoch(body);
  }

  /** Answers at once, or holds the request up to its `maxWaitMs` while there is nothing new. */
  handleFetch(body: RequestOf<typeof fetch>): Promise<ResponseIn<typeof fetch>> {
    return this.leading.handleFetch(body);
  }

  /** A voter whose directory is new asks for its vote; see `raft-rejoining.ts`. Answers when this node was re-elected. */
  handleAddRaftVoter(body: RequestOf<typeof addRaftVoter>): Promise<ResponseIn<typeof addRaftVoter>> {
    return this.leading.handleAddRaftVoter(body);
  }

  handleFetchSnapshot(body: RequestOf<typeof fetchSnapshot>): ResponseIn<typeof fetchSnapshot> {
    return this.leading.handleFetchSnapshot(body);
  }

  // ── from role to role ─────────────────────────────────────────────────────────────────────────────────────────────

  private lookForLeader(): void {
    if (this.core.isNonVoting) this.rejoining.introduce();
    else if (this.core.isVoter) this.voting.startRound('prospective');
    else this.following.search();
  }

  private becomeUnattached(epoch: number): void {
    const { core } = this;
    // A pre-vote has no effect on others, so there is no need to wait long for the new epoch's leader.
    core.enterEpoch(epoch, { delayMs: () => core.electionDelay(), expired: () => this.lookForLeader() });
  }

  /** Leader and epoch that a peer reported. */
  private observe(said: LeaderAndEpoch, from: number): void {
    const { core } = this;
    const namesOther = said.leaderId >= 0 && said.leaderId !== core.nodeId && core.voters.includes(said.leaderId);
    if (said.epoch < core.quorumState.epoch) return;
    if (said.epoch > core.quorumState.epoch) {
      if (namesOther) this.following.become(said, from === said.leaderId);
      else this.becomeUnattached(said.epoch);
      return;
    }
    if (!namesOther) return;
    const { role } = core;
    if (role.name === 'leader')
      throw new Error(`node ${from} says that node ${said.leaderId} leads epoch ${said.epoch}, which this node leads`);
    if (role.name === 'stopped') return;
    if (role.name === 'follower') {
      assert(role.leaderId === said.leaderId, `two leaders in epoch ${said.epoch}: ${role.leaderId} and ${said.leaderId}`);
      if (from === said.leaderId) this.following.recordContact(role);
      return;
    }
    if (said.leaderId === core.distrusted && from !== said.leaderId) return;
    this.following.become(said, from === said.leaderId);
  }
}
