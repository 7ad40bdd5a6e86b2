/**
 * Elections: this node's rounds, and its responses to those of others. A round of pre-votes, which are not binding (KIP-996), precedes the
 * round of votes, so that a node that returns cannot unseat a working leader.
 */
import type { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { RequestOf, ResponseIn, ResponseOf } from '../protocol/schema.ts';
import type { RaftCore, RoundRole, Transitions } from './raft-core.ts';
import { Tally } from './raft-election.ts';
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
        core.lostRounds = 0;
        core.setTimer(core.electionDelay(), () => this.transitions.lookForLeader());
      }
      if (granted && !asked.preVote) {
        // Durable before the response is sent: after a crash this voter must not vote again in the epoch.
        core.become({ name: 'unattached' }, { ...core.quorumState, votedId: asked.candidateId });
        core.setTimer(core.jittered(core.settings.electionTimeoutMs), () => this.transitions.lookForLeader());
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
        if (followsIt) core.become({ name: 'unattached' }, core.quorumState);
        core.distrusted = ended.leaderId;
        core.searchCause = `node ${ended.leaderId} resigned`;
        // The voter with the longest log stands at once, the others after a backoff by the leader's order.
        const place = Math.max(0, ended.preferred.indexOf(core.nodeId));
        const delay = place === 0 ? 0 : settings.backoffMinMs * 2 ** place + core.random.next() * settings.backoffMaxMs;
        core.setTimer(delay, () => this.transitions.lookForLeader());
      }
      return messages.epochResponse(ErrorCode.NONE, core.leader);
    });
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
    const role: RoundRole = { name, tally: new Tally(core.voters, core.nodeId) };
    const quorumState =
      name === 'candidate'
        ? { ...core.quorumState, epoch: core.quorumState.epoch + 1, leaderId: -1, votedId: core.nodeId }
        : core.quorumState;
    core.become(role, quorumState);
    core.setTimer(core.jittered(core.settings.electionTimeoutMs), () => this.loseRound());
    if (role.tally.won) {
      this.winRound(role);
      return;
    }
    const asked = {
      candidateId: core.nodeId,
      epoch: quorumState.epoch,
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
    core.become({ name: 'unattached' }, core.quorumState);
    core.setTimer(core.electionDelay(), () => this.transitions.lookForLeader());
    core.lostRounds++;
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
