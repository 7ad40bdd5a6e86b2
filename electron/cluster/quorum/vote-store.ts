import { type Disk } from '../lib/disk.ts';

/** What a voter must never forget: losing it could let it vote twice in one epoch. */
export interface VoteState {
  readonly epoch: number;
  /** Leader of `epoch`; −1 while unknown. */
  readonly leaderId: number;
  /** Whom this voter gave its vote in `epoch`; −1 nobody. */
  readonly votedId: number;
}

export const INITIAL_VOTE: VoteState = { epoch: 0, leaderId: -1, votedId: -1 };

export interface VoteStore {
  read(): VoteState;
  /** Returns once the state is durable; throws `DiskError` when it could not be made so. */
  write(state: VoteState): void;
}

/** Kafka's `quorum-state` file, in its version 0 form (a static set of voters). */
export class QuorumStateFile implements VoteStore {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly voters: readonly number[];

  constructor(disk: Disk, path: string, voters: readonly number[]) {
    this.disk = disk;
    this.path = path;
    this.voters = voters;
  }

  read(): VoteState {
    if (!this.disk.exists(this.path)) return INITIAL_VOTE;
    const text = this.disk.readFile(this.path).toString('utf8');
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (cause) {
      // Guessing here could mean a second vote in an epoch, so the node must not start.
      throw new Error(`${this.path} is damaged, and this node cannot know whom it has voted for; restore it or remove the node's data`, {
        cause,
      });
    }
    const { leaderEpoch, leaderId, votedId } = parsed as Record<string, unknown>;
    if (!isInteger(leaderEpoch) || !isInteger(leaderId) || !isInteger(votedId)) {
      throw new Error(`${this.path} lacks leaderEpoch, leaderId or votedId; restore it or remove the node's data`);
    }
    return { epoch: leaderEpoch, leaderId, votedId };
  }

  write(state: VoteState): void {
    const content = {
      clusterId: '',
      leaderId: state.leaderId,
      leaderEpoch: state.epoch,
      votedId: state.votedId,
      appliedOffset: 0,
      currentVoters: this.voters.map((voterId) => ({ voterId })),
      data_version: 0,
    };
    this.disk.writeFileAtomic(this.path, Buffer.from(JSON.stringify(content)));
  }
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
