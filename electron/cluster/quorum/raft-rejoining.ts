/**
 * A voter whose directory is new. It may be a fresh cluster's, or that of a voter that has lost its disk, and with it what it has promised:
 * a vote in some epoch, and records that count as committed because it said it has them. Voting as if nothing had been, it could help to
 * elect two leaders in one epoch, or one that lacks what is committed. So it is mute: it follows, and what it has written counts, but it
 * grants nothing, not even a pre-vote, and does not stand for election. It has its say again by one of two ways.
 *
 * 1. Every other voter has told it, in answer to a question of this life, that it is in epoch 0. Then nobody was ever voted for.
 * 2. The leader has been elected anew without it, upon its request of this life, in an epoch E, and its log reaches into E or a later
 *    epoch. It then votes from epoch E + 2 on. KIP-853 names a voter by its directory and has an operator replace it; here the voters are
 *    fixed, so the node asks by itself, with that KIP's request (AddRaftVoter).
 *
 * Why that is enough. Call Q the majority that elected the leader of E; this voter is not in it, and Q voted after its new life began. A
 * record that is committed thanks to its earlier life was on a majority that shares another voter with Q: that voter had it before it voted
 * in E (later ones are refused, epochs do not go back), so the leader of E has it, and so has this voter. A candidate that still has a vote
 * of the earlier life, for epoch B, had before that a majority (pre-vote) that had promised at least B - 1; that majority shares another
 * voter with Q, which voted in E later. So E >= B - 1, and from E + 2 on no vote of the earlier life is about. Of two voters each is in every
 * majority, so there is nothing to guard.
 */
import { addRaftVoter } from '../protocol/apis/add-raft-voter.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { FollowerRole, RaftCore, Transitions } from './raft-core.ts';
import * as messages from './raft-messages.ts';

export class Rejoining {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;
  /** Voters that have said in this life that they are in epoch 0. */
  private readonly unused = new Set<number>();
  private asking = false;
  /** Running time of the last request for a vote. */
  private askedAt = -Infinity;
  /** Fetches that have ended since the leader said that it was elected anew; undefined while it has not. */
  private fetchesSince: number | undefined;

  constructor(core: RaftCore, transitions: Transitions) {
    this.core = core;
    this.transitions = transitions;
  }

  /** Asks all voters where they are, by a pre-vote, which changes nothing. */
  introduce(): void {
    const { core } = this;
    core.become({ name: 'unattached' }, core.promised);
    const { epoch } = core.promised;
    const delay = core.electionDelay();
    core.lostRounds++;
    core.setTimer(delay, () => this.transitions.lookForLeader());
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
        // It is asked again with the next round.
        failed: () => undefined,
      });
    }
  }

  /** The first way: nobody has ever voted. */
  private begin(): void {
    const { core } = this;
    if (!core.isMute || core.role.name !== 'unattached' || core.promised.epoch !== 0) return;
    if (!core.peers.every((peer) => this.unused.has(peer))) return;
    core.lostRounds = 0;
    core.promise({ ...core.promised, votesFrom: 0 });
    core.setTimer(core.electionDelay(), () => this.transitions.lookForLeader());
  }

  /** The second way. To be called when a mute voter has written and flushed what a fetch brought. */
  onFetched(role: FollowerRole, leaderHighWatermark: bigint): void {
    const { core } = this;
    const { log, promised } = core;
    if (this.fetchesSince !== undefined) {
      // The first fetch may have been answered before that election. The next one is of its epoch or a later one: an older one is refused.
      if (++this.fetchesSince < 2 || log.lastEpoch < promised.epoch) return;
      core.promise({ ...promised, votesFrom: promised.epoch + 2 });
      core.logger.info('has caught up and may vote again', { votesFrom: core.promised.votesFrom });
      return;
    }
    const caughtUp = log.endOffset >= leaderHighWatermark && leaderHighWatermark > 0n && log.lastEpoch === promised.epoch;
    const now = core.runningMs;
    if (!caughtUp || this.asking || now - this.askedAt < core.settings.fetchTimeoutMs) return;
    this.ask(role.leaderId, now);
  }

  private ask(leader: number, now: number): void {
    const { core } = this;
    this.asking = true;
    this.askedAt = now;
    const timeoutMs = core.settings.electionTimeoutMs * 2;
    const body = { clusterId: core.clusterId, timeoutMs, voterId: core.nodeId, voterDirectoryId: core.directoryId, listeners: [] };
    core.send(leader, addRaftVoter, body, timeoutMs * 2, {
      answered: ({ errorCode, errorMessage }) => {
        this.asking = false;
        if (errorCode === ErrorCode.NONE) this.fetchesSince = 0;
        else core.logger.debug('may not vote yet', { leader, error: errorName(errorCode), reason: errorMessage });
      },
      failed: () => {
        this.asking = false;
      },
    });
  }
}
