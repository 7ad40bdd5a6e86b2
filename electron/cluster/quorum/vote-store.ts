import type { Disk } from '../lib/disk.ts';
import { crc32c } from '../protocol/crc32c.ts';

/** The durable state of a voter: losing it could let it vote twice in one epoch. */
export interface VoteState {
  readonly epoch: number;
  /** Leader of `epoch`; −1: unknown. */
  readonly leaderId: number;
  /** The candidate that this voter voted for in `epoch`; −1: none. */
  readonly votedId: number;
  /** The first epoch that this voter may vote in: 0, or later when an earlier run may have voted (`raft-rejoining.ts`). */
  readonly votesFrom: number;
}

/** `votesFrom` of a voter that does not know the votes of an earlier run. */
export const NO_VOTE = 2 ** 31 - 1;

/** Of an empty directory, new or wiped: earlier votes are unknown. */
export const INITIAL_VOTE: VoteState = { epoch: 0, leaderId: -1, votedId: -1, votesFrom: NO_VOTE };

export interface VoteStore {
  read(): VoteState;
  /** Returns once the state is durable; throws `DiskError` when that failed. */
  write(state: VoteState): void;
}

export const QUORUM_STATE_FILE = 'quorum-state';

/**
 * Kafka's `quorum-state` file in version 0 (a static set of voters), with two fields that Apache Kafka's readers skip: `votesFrom` where it is
 * not 0, and the CRC-32C of the others. Files of Apache Kafka and of earlier versions have no checksum.
 */
export class QuorumStateFile implements VoteStore {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly voters: readonly number[];

  constructor(disk: Disk, path: string, voters: readonly number[]) {
    this.disk = disk;
    this.path = path;
    this.voters = voters;
  }

  /** Creates the file of a voter that has never run, without a vote, where it is missing. */
  begin(): void {
    if (!this.disk.exists(this.path)) this.write({ ...INITIAL_VOTE, votesFrom: 0 });
  }

  /** Throws an Error that names the file when it is corrupt: a guess could mean a second vote in an epoch. */
  read(): VoteState {
    if (!this.disk.exists(this.path)) return INITIAL_VOTE;
    const state = parseQuorumState(this.disk.readFile(this.path));
    if (typeof state === 'string') throw new Error(`${this.path} cannot be read: ${state}. Nothing was changed.`);
    return state;
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
      ...(state.votesFrom === 0 ? {} : { votesFrom: state.votesFrom }),
    };
    this.disk.writeFileAtomic(this.path, Buffer.from(JSON.stringify({ ...content, checksum: checksumOf(content) })));
  }
}

/** The state, or the defect of the file, as a clause. */
export function parseQuorumState(bytes: Buffer): VoteState | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return bytes.length === 0 ? 'it is empty' : 'it is no JSON';
  }
  if (typeof parsed !== 'object' || parsed === null) return 'it is no JSON object';
  const { checksum, ...content } = parsed as Record<string, unknown>;
  if (checksum !== undefined && checksum !== checksumOf(content)) return 'its checksum is wrong';
  const { leaderEpoch, leaderId, votedId, votesFrom = 0 } = content;
  if (!isInteger(leaderEpoch) || !isInteger(leaderId) || !isInteger(votedId) || !isInteger(votesFrom)) {
    return 'leaderEpoch, leaderId or votedId is missing';
  }
  return { epoch: leaderEpoch, leaderId, votedId, votesFrom };
}

/** The fields in the order of the file. */
function checksumOf(content: Record<string, unknown>): number {
  return crc32c(Buffer.from(JSON.stringify(content)));
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
