/**
 * Elections: this node's rounds, and its responses to those of others. A round of pre-votes, which are not binding (KIP-996), precedes the
 * round of votes, so that a node that returns cannot unseat a working leader.
 */
import type { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { RequestOf, ResponseIn, ResponseOf } from '../protocol/schema.ts';
import type { RaftCore, RoleTimer, RoundRole, Transitions } from './raft-core.ts';
import * as messages from './raft-messages.ts';

export class Voting {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;

  constructor(core: RaftCore, transitions: Transitions) {
    this.core = core;
    this.transitions = transitions;
  }

  // ── responses ─────────────────────────────────────────────────────────────────────────────────────────────────────

  handleVote(body: RequestOf<typeof vote>): ResponseIn<typeof vote> {
    const { core } = this;
    const refused = core.refusal(body.clusterId, body.voterId);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const asked = messages.readVoteRequest(body);
    if (asked === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return core.guard(() => {
      if (!core.isVoter || !core.voters.includes(asked.candidateId)) {
        return messages.voteResponse(ErrorCode.INCONSISTENT_VOTER_SET, core.leader, false);
      }
      if (asked.epoch < core.quorumState.epoch) return messages.voteResponse(ErrorCode.FENCED_LEADER_EPOCH, core.leader, false);
      if (asked.epoch > core.quorumState.epoch) this.transitions.becomeUnattached(asked.epoch);
      const granted =
        this.isUpToDate(asked.lastEpoch, asked.lastOffset) && (asked.preVote ? this.wouldVote() : this.mayVoteFor(asked.candidateId));
      if (!granted && core.role.name === 'unattached' && core.lostRounds > 0) {
        // The candidate is in contact: no reason for a backoff any longer.
        core.forgetLostRounds();
        core.restartTimer(this.lookForLeaderIn(() => core.electionDelay()));
      }
      if (granted && !asked.preVote) {
        // Durable before the response is sent: after a crash this voter must not vote again in the epoch.
        core.voteFor(
          asked.candidateId,
          this.lookForLeaderIn(() => core.jittered(core.settings.electionTimeoutMs)),
        );
      }
      return messages.voteResponse(ErrorCode.NONE, core.leader, granted);
    });
  }

  handleEndQuorumEpoch(body: RequestOf<typeof endQuorumEpoch>): ResponseIn<typeof endQuorumEpoch> {
    const { core } = this;
    const refused = core.refusal(body.clusterId, -1);
    if (refused !== undefined) return { errorCode: refused, topics: [] };
    const ended = messages.readEndRequest(body);
    if (ended === undefined) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] };
    return core.guard(() => {
      if (!core.isVoter || !core.voters.includes(ended.leaderId)) {
        return messages.epochResponse(ErrorCode.INCONSISTENT_VOTER_SET, core.leader);
      }
      if (ended.epoch < core.quorumState.epoch) return messages.epochResponse(ErrorCode.FENCED_LEADER_EPOCH, core.leader);
      if (ended.epoch > core.quorumState.epoch) this.transitions.becomeUnattached(ended.epoch);
      const { role, settings } = core;
      const followsIt = role.name === 'follower' && role.leaderId === ended.leaderId;
      if (followsIt || role.name === 'unattached') {
        // The voter with the longest log stands at once, the others after a backoff by the leader's order.
        const place = Math.max(0, ended.preferred.indexOf(core.nodeId));
        const delayMs = (): number => (place === 0 ? 0 : settings.backoffMinMs * 2 ** place + core.random.next() * settings.backoffMaxMs);
        core.distrust(ended.leaderId, `node ${ended.leaderId} resigned`);
        if (followsIt) core.leaveRole(this.lookForLeaderIn(delayMs));
        else core.restartTimer(this.lookForLeaderIn(delayMs));
      }
      return messages.epochResponse(ErrorCode.NONE, core.leader);
    });
  }

  private lookForLeaderIn(delayMs: () => number): RoleTimer {
    return { delayMs, expired: () => this.transitions.lookForLeader() };
  }

  private isUpToDate(lastEpoch: number, lastOffset: bigint): boolean {
    const { log } = this.core;
    return lastEpoch > log.lastEpoch || (lastEpoch === log.lastEpoch && lastOffset >= log.endOffset);
  }

  private mayVoteFor(candidateId: number): boolean {
    const { role, quorumState } = this.core;
    if (!this.core.mayGrant) return false;
    if (quorumState.votedId >= 0) return quorumState.votedId === candidateId && role.name === 'unattached';
    return role.name === 'unattached' || role.name === 'prospective';
  }

  /** A pre-vote is not binding; a voter with a working leader refuses it. */
  private wouldVote(): boolean {
    const { role, runningMs, settings, isNonVoting, isOneOfTwo } = this.core;
    if (role.name === 'leader' || (isNonVoting && !isOneOfTwo)) return false;
    if (role.name !== 'follower') return true;
    return runningMs - role.lastContactAt >= settings.fetchTimeoutMs;
  }

  // ── this node's own rounds ────────────────────────────────────────────────────────────────────────────────────────

  startRound(name: 'prospective' | 'candidate'): void {
    const { core } = this;
    const delayMs = (): number => core.jittered(core.settings.electionTimeoutMs);
    const role = core.startRound(name, { delayMs, expired: () => this.loseRound() });
    if (role.tally.won) {
      this.winRound(role);
      return;
    }
    const asked = {
      candidateId: core.nodeId,
      epoch: core.quorumState.epoch,
      lastEpoch: core.log.lastEpoch,
      lastOffset: core.log.endOffset,
      preVote: name === 'prospective',
    };
    for (const peer of core.peers) {
      core.send(peer, vote, messages.voteRequest(core.clusterId, peer, asked), core.settings.electionTimeoutMs, {
        answered: (body) => this.onVote(role, peer, body),
        failed: () => this.refused(role, peer),
      });
    }
  }

  private onVote(role: RoundRole, peer: number, body: ResponseOf<typeof vote>): void {
    const { core } = this;
    const answer = messages.readVoteResponse(body);
    if (answer === undefined) {
      core.logger.warn('A voter refused a request for votes', { voter: peer, error: errorName(body.errorCode) });
      this.refused(role, peer);
      return;
    }
    this.transitions.observe(answer.leader, peer);
    if (core.role !== role) return;
    if (!answer.granted) {
      this.refused(role, peer);
      return;
    }
    role.tally.grant(peer);
    if (role.tally.won) this.winRound(role);
  }

  private refused(role: RoundRole, peer: number): void {
    if (this.core.role !== role) return;
    role.tally.refuse(peer);
    if (role.tally.lost) this.loseRound();
  }

  private loseRound(): void {
    const { core } = this;
    core.leaveRole(this.lookForLeaderIn(() => core.electionDelay()));
    core.countLostRound();
  }

  private winRound(role: RoundRole): void {
    const { quorumState } = this.core;
    // It would have to vote for itself: with the consent of the majority it skips an epoch in which it may not vote.
    if (role.name === 'prospective' && quorumState.epoch + 1 < quorumState.votesFrom)
      this.transitions.becomeUnattached(quorumState.epoch + 1);
    else if (role.name === 'prospective') this.startRound('candidate');
    else this.transitions.becomeLeader(role.tally.granting);
  }
}
