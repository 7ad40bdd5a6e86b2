/**
 * A voter's epoch, vote and leader (Apache Kafka's `quorum-state`), which no other part can change. Every change is on disk when its method
 * returns, but for the loss of a leader, which a restart implies: a voter must not vote twice in an epoch, or for a leader of an earlier one.
 */
import { assert } from '../lib/assert.ts';
import type { LeaderAndEpoch } from './raft-messages.ts';
import { INITIAL_VOTE, NO_VOTE, type VoteState, type VoteStore } from './vote-store.ts';

export class QuorumState {
  private state: VoteState = INITIAL_VOTE;
  private readonly store: VoteStore;
  private readonly nodeId: number;
  private readonly voters: readonly number[];

  constructor(options: { store: VoteStore; nodeId: number; voters: readonly number[] }) {
    this.store = options.store;
    this.nodeId = options.nodeId;
    this.voters = options.voters;
  }

  get current(): VoteState {
    return this.state;
  }

  /** Reads the stored state; `lastEpoch`: of the log. */
  load(lastEpoch: number): void {
    this.state = this.store.read();
    // Without other voters an earlier run could not have voted for another candidate.
    if (this.state.votesFrom === NO_VOTE && this.voters.length === 1) this.state = { ...this.state, votesFrom: 0 };
    assert(lastEpoch <= this.state.epoch, `the log holds epoch ${lastEpoch}, the vote file only ${this.state.epoch}`);
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A later epoch, whose leader is unknown. */
  enterEpoch(epoch: number): void {
    assert(epoch > this.state.epoch, `epoch ${epoch} begins after epoch ${this.state.epoch}`);
    this.change({ ...this.state, epoch, leaderId: -1, votedId: -1 });
  }

  /** The next epoch, with a vote for this node itself. */
  standForElection(): void {
    this.change({ ...this.state, epoch: this.state.epoch + 1, leaderId: -1, votedId: this.nodeId });
  }

  voteFor(candidateId: number): void {
    this.change({ ...this.state, votedId: candidateId });
  }

  /** The leader of this or a later epoch is known. */
  acceptLeader({ leaderId, epoch }: LeaderAndEpoch): void {
    this.change({ ...this.state, epoch, leaderId, votedId: epoch === this.state.epoch ? this.state.votedId : -1 });
  }

  /** The leader of this epoch resigned. Not on disk: after a restart no leader is assumed either. */
  forgetLeader(): void {
    this.state = { ...this.state, leaderId: -1 };
  }

  /** This voter may vote from that epoch on. */
  regainVote(votesFrom: number): void {
    this.change({ ...this.state, votesFrom });
  }

  private change(next: VoteState): void {
    const { epoch, votedId, leaderId, votesFrom } = this.state;
    assert(next.epoch >= epoch, `epoch ${epoch} would go back to ${next.epoch}`);
    assert(next.epoch > epoch || votedId < 0 || votedId === next.votedId, `voted for node ${votedId} in epoch ${epoch} already`);
    const isSame = next.epoch === epoch && next.votedId === votedId && next.leaderId === leaderId && next.votesFrom === votesFrom;
    if (!isSame) this.store.write(next);
    this.state = next;
  }

  // ── what this voter may do, with regard to its earlier runs (`raft-rejoining.ts`) ─────────────────────────────────

  get isVoter(): boolean {
    return this.voters.includes(this.nodeId);
  }

  /** This voter does not know the vote and the acknowledgements of an earlier run. */
  get isNonVoting(): boolean {
    return this.isVoter && this.state.votesFrom === NO_VOTE;
  }

  /** Of two voters each is in every majority. */
  get isOneOfTwo(): boolean {
    return this.voters.length === 2;
  }

  /** Whether this voter may vote for another one in this epoch. */
  get mayGrant(): boolean {
    return (this.isNonVoting && this.isOneOfTwo) || this.state.epoch >= this.state.votesFrom;
  }

  /** Whether this replica may count towards a majority in this epoch. */
  get counts(): boolean {
    if (!this.isVoter || this.isOneOfTwo) return true;
    return !this.isNonVoting && (this.voters.length <= 3 || this.state.epoch >= this.state.votesFrom);
  }
}
