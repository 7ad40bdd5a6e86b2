/**
 * A voter that does not know the vote and the acknowledgements of an earlier run: its directory is new, or its metadata was found corrupt
 * (`metadata-inspection.ts`) and moved aside. It may have lost a vote in some epoch, and records that are committed because it acknowledged
 * them. If it voted at once, it could help to elect two leaders in one epoch, or one that lacks a committed record; if it counted towards a
 * majority at once, a leader that another one has replaced with its lost vote could commit. So it is non-voting (`votesFrom` is `NO_VOTE`):
 * it follows, but grants no vote or pre-vote, does not stand for election, and marks its fetches so that the leader does not count them. It
 * regains its vote in one of two ways.
 *
 * 1. Every other voter has answered this run that it is in epoch 0: no vote was ever granted. (Not after corruption: its epoch is above 0.)
 * 2. The leader has been re-elected without it, at the request of this run, in an epoch E, and its log reaches into E or a later epoch. KIP-853
 *    names a voter by its directory and an operator replaces it; here the voters are fixed, so the node itself sends the request of that KIP
 *    (AddRaftVoter). It identifies itself by an id of this run: a leader never takes the election for an earlier run, before a second loss,
 *    for this one.
 *
 * Safety. X is this voter, Q the majority that elected the leader L of E: X is not in it, and Q voted after this run of X began.
 * - Committed records. A record that is committed by an earlier run of X, in an epoch before E, was on a majority that shares another
 *   voter with Q. That voter had it before it voted in E (it refuses older epochs afterwards), so L has it, and so has X once its log
 *   reaches into E. In E and later no acknowledgement of an earlier run is in flight: L refuses a fetch of another epoch.
 * - Votes. A candidate C that still has a vote of an earlier run of X, for epoch B, had a majority of pre-votes before (or, elected again,
 *   of votes in B - 1). That majority had reached at least B - 1 and shares another voter with Q, which voted in E later. So B <= E + 1. With
 *   three voters B < E: Q is then both of the others, C among them, and C voted for itself in B before X did, and in E later. So X votes from
 *   E + 2 on, or from E + 1 on with three.
 * - Counting. A record of epoch e >= E may be committed by a majority M with X in it. Let C be elected in B by the lost vote: if B > e, C might
 *   lack the record. That needs B = E + 1, so X counts from E + 2 on; with three voters B < E <= e, so X counts from E on.
 *
 * Of two voters each is in every majority. The other one holds every committed record and its own vote decides each epoch, so X grants and
 * counts meanwhile: a candidate is never non-voting. X itself does not stand for election before the second way is complete. If both lost
 * data, no election takes place.
 */
import { addRaftVoter } from '../protocol/apis/add-raft-voter.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { randomUuid } from '../protocol/uuid.ts';
import type { FollowerRole, RaftCore, Transitions } from './raft-core.ts';
import * as messages from './raft-messages.ts';

export class Rejoining {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;
  /** Identifies this run of the node to a leader. */
  private readonly runId: string;
  /** Voters that have answered this run that they are in epoch 0. */
  private readonly unused = new Set<number>();
  private asking = false;
  /** Running time of the last request for a vote. */
  private askedAt = -Infinity;
  /** Fetches that have ended since the leader confirmed its re-election; undefined before. */
  private fetchesSince: number | undefined;

  constructor(core: RaftCore, transitions: Transitions) {
    this.core = core;
    this.transitions = transitions;
    this.runId = randomUuid(core.random);
  }

  /** Asks all voters for their epoch, by a pre-vote, which changes nothing. */
  introduce(): void {
    const { core } = this;
    const searchAgain = { delayMs: () => core.electionDelay(), expired: () => this.transitions.lookForLeader() };
    core.leaveRole(searchAgain);
    core.countLostRound();
    const { epoch } = core.quorumState;
    const { lastEpoch, endOffset: lastOffset } = core.log;
    const asked = { candidateId: core.nodeId, epoch, lastEpoch, lastOffset, preVote: true };
    for (const peer of core.peers) {
      core.send(peer, vote, messages.voteRequest(core.clusterId, peer, asked), core.settings.electionTimeoutMs, {
        answered: (body) => {
          const answer = messages.readVoteResponse(body);
          if (answer === undefined) return;
          if (answer.leader.epoch === 0) this.unused.add(peer);
          this.transitions.observe(answer.leader, peer);
          this.begin();
        },
        // The next round asks it again.
        failed: () => undefined,
      });
    }
  }

  /** The first way: no vote was ever granted. */
  private begin(): void {
    const { core } = this;
    if (!core.isNonVoting || core.role.name !== 'unattached' || core.quorumState.epoch !== 0) return;
    if (!core.peers.every((peer) => this.unused.has(peer))) return;
    core.forgetLostRounds();
    core.regainVote(0);
    core.restartTimer({ delayMs: () => core.electionDelay(), expired: () => this.transitions.lookForLeader() });
  }

  /** The second way. To be called when a non-voting voter has written and flushed the records of a fetch. */
  onFetched(role: FollowerRole, leaderHighWatermark: bigint): void {
    const { core } = this;
    const { log, quorumState } = core;
    if (this.fetchesSince !== undefined) {
      // The first fetch may have been answered before that election. The next one is of its epoch or a later one: an older one is refused.
      if (++this.fetchesSince < 2 || log.lastEpoch < quorumState.epoch) return;
      core.regainVote(quorumState.epoch + (core.voters.length <= 3 ? 1 : 2));
      this.fetchesSince = undefined;
      core.logger.info('Regained its vote in the metadata quorum', { votesFrom: core.quorumState.votesFrom });
      return;
    }
    const caughtUp = log.endOffset >= leaderHighWatermark && leaderHighWatermark > 0n && log.lastEpoch === quorumState.epoch;
    const now = core.runningMs;
    if (!caughtUp || this.asking || now - this.askedAt < core.settings.fetchTimeoutMs) return;
    this.ask(role.leaderId, now);
  }

  private ask(leader: number, now: number): void {
    const { core } = this;
    this.asking = true;
    this.askedAt = now;
    const timeoutMs = core.settings.renewalMs;
    const body = { clusterId: core.clusterId, timeoutMs, voterId: core.nodeId, voterDirectoryId: this.runId, listeners: [] };
    core.send(leader, addRaftVoter, body, timeoutMs * 2, {
      answered: ({ errorCode, errorMessage }) => {
        this.asking = false;
        if (errorCode === ErrorCode.NONE) this.fetchesSince = 0;
        else core.logger.debug('Has no vote yet', { leader, error: errorName(errorCode), reason: errorMessage });
      },
      failed: () => {
        this.asking = false;
      },
    });
  }
}
