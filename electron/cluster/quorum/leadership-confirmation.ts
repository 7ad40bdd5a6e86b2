/**
 * Confirms that this node still leads the quorum at a time after the call: a read index (Raft dissertation, §6.4). A leader that was suspended
 * or partitioned may have been replaced without noticing; its high watermark and its decisions without a change are then stale. A new leader
 * needs the votes of a majority, so responses of a majority in this epoch, to requests sent after the call, prove that there was none at the
 * time of the call.
 */
import { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { LeaderRole, RaftCore, Transitions } from './raft-core.ts';
import * as messages from './raft-messages.ts';

export class LeadershipConfirmation {
  private readonly core: RaftCore;
  private readonly transitions: Transitions;
  private isRunning = false;
  /** Callers of the next round: a call during a round waits for that one. */
  private next: PromiseWithResolvers<boolean> | undefined;
  /** Milliseconds of stalls up to the last time that leadership was certain. */
  private certainAtStallMs = 0;

  constructor(core: RaftCore, transitions: Transitions) {
    this.core = core;
    this.transitions = transitions;
  }

  /** This node was just elected. */
  onElected(): void {
    this.certainAtStallMs = this.stallMs;
  }

  /** Resolves within half a fetch timeout to whether a majority follows this leader; false on a node that does not lead. */
  confirm(): Promise<boolean> {
    if (this.core.role.name !== 'leader') return Promise.resolve(false);
    this.next ??= Promise.withResolvers();
    const { promise } = this.next;
    this.begin();
    return promise;
  }

  /**
   * The same after this process was suspended for half a fetch timeout or more since leadership was last certain; undefined without such a
   * stall, where the others had no reason to elect.
   */
  confirmAfterStall(): Promise<boolean> | undefined {
    const stallMs = this.stallMs;
    if (stallMs - this.certainAtStallMs < this.core.settings.confirmationMs) return undefined;
    return this.confirm().then((confirmed) => {
      if (confirmed) this.certainAtStallMs = Math.max(this.certainAtStallMs, stallMs);
      return confirmed;
    });
  }

  private get stallMs(): number {
    return this.core.clock.monotonic() - this.core.runningMs;
  }

  private begin(): void {
    const { role } = this.core;
    if (this.isRunning || this.next === undefined) return;
    const { resolve } = this.next;
    this.next = undefined;
    if (role.name !== 'leader') {
      resolve(false);
      return;
    }
    this.isRunning = true;
    void this.askVoters(role).then((confirmed) => {
      this.isRunning = false;
      resolve(confirmed && this.core.role === role);
      this.begin();
    });
  }

  private askVoters(role: LeaderRole): Promise<boolean> {
    const { core } = this;
    const { peers, settings, clusterId, nodeId } = core;
    const leader = { leaderId: nodeId, epoch: role.state.epoch };
    return new Promise((settle) => {
      let [following, answered] = [1, 0];
      const resolve = (confirmed: boolean): void => {
        timer.cancel();
        settle(confirmed);
      };
      // A stopping node receives no responses.
      const timer = core.clock.setTimer(settings.fetchTimeoutMs, () => resolve(false));
      const count = (follows: boolean): void => {
        answered++;
        if (follows) following++;
        if (following * 2 > peers.length + 1) resolve(true);
        else if (answered === peers.length) resolve(false);
      };
      if (peers.length === 0) resolve(true);
      for (const peer of peers) {
        core.send(peer, beginQuorumEpoch, messages.beginRequest(clusterId, peer, leader), settings.confirmationMs, {
          answered: (response) => {
            const answer = messages.readEpochResponse(response);
            count(answer?.errorCode === ErrorCode.NONE && answer.epoch === leader.epoch && answer.leaderId === nodeId);
            if (answer !== undefined) this.transitions.observe(answer, peer);
          },
          failed: () => count(false),
        });
      }
    });
  }
}
