import { type Disk } from '../lib/disk.ts';

/** What a voter must never forget: losing it could let it vote twice in one epoch. */
export interface VoteState {
  readonly epoch: number;
  /** Leader of `epoch`; −1 while unknown. */
  readonly leaderId: number;
  /** Whom this voter gave its vote in `epoch`; −1 nobody. */
  readonly votedId: number;
  /** The first epoch that this voter may vote in: 0, or later when an earlier life of it may have voted (`raft-rejoining.ts`). */
  readonly votesFrom: number;
}

/** `votesFrom` of a voter that does not know what an earlier life of it may have promised. */
export const NO_VOTE = 2 ** 31 - 1;

/** Of a directory that holds nothing, new or wiped: nobody knows. */
export const INITIAL_VOTE: VoteState = { epoch: 0, leaderId: -1, votedId: -1, votesFrom: NO_VOTE };

export interface VoteStore {
  read(): VoteState;
  /** Returns once the state is durable; throws `DiskError` when it could not be made so. */
  write(state: VoteState): void;
}

/** Kafka's `quorum-state` file, in its version 0 form (a static set of voters), and our `votesFrom` where it is not 0. */
export class QuorumStateFile implements VoteStore {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly voters: readonly number[];

  constructor(disk: Disk, path: string, voters: readonly number[]) {
    this.disk = disk;
    this.path = path;
    this.voters = voters;
  }

  /** Writes down that nothing has been promised yet, where nothing is written. Of a voter that has never run before. */
  begin(): void {
    if (!this.disk.exists(this.path)) this.write({ ...INITIAL_VOTE, votesFrom: 0 });
  }

  read(): VoteState {
    if (!this.disk.exists(this.path)) return INITIAL_VOTE;
    const text = this.disk.readFile(this.path).toString('utf8');
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (cause) {
      // Guessing here could mean a second vote in an epoch, so the node must not start.
      throw this.damaged('it is no JSON', cause);
    }
    if (typeof parsed !== 'object' || parsed === null) throw this.damaged('it is no JSON object');
    const { leaderEpoch, leaderId, votedId, votesFrom = 0 } = parsed as Record<string, unknown>;
    if (!isInteger(leaderEpoch) || !isInteger(leaderId) || !isInteger(votedId) || !isInteger(votesFrom)) {
      throw this.damaged('leaderEpoch, leaderId or votedId is missing');
    }
    return { epoch: leaderEpoch, leaderId, votedId, votesFrom };
  }

  private damaged(why: string, cause?: unknown): Error {
    const text =
      `${this.path} is damaged (${why}), so this node cannot know whether it has voted. Nothing was changed. Restore the file, or move the ` +
      `node's directory away while the other nodes run: then this node fetches everything from them, and votes again once that is safe`;
    return new Error(text, { cause });
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
      // Ours; Apache Kafka's readers pass over it.
      ...(state.votesFrom === 0 ? {} : { votesFrom: state.votesFrom }),
    };
    this.disk.writeFileAtomic(this.path, Buffer.from(JSON.stringify(content)));
  }
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
