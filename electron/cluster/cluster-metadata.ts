/**
 * Checks before the nodes of a cluster start that enough voters still have the metadata that they acknowledged. A minority fetches it from the
 * others (`quorum/metadata-recovery.ts`); without a majority, a start could elect a leader that lacks committed metadata.
 */
import { ClusterError } from './cluster-errors.ts';
import { DiskError, type Disk } from './lib/disk.ts';
import { findDamagedMetadata } from './quorum/metadata-directory.ts';
import { inspectMetadata, readQuorumState } from './quorum/metadata-inspection.ts';
import { NO_VOTE, type VoteState } from './quorum/vote-store.ts';

/** Of two voters each is in every majority, so a single intact voter has all committed metadata. */
function leastWhole(voters: number): number {
  return voters === 2 ? 1 : Math.floor(voters / 2) + 1;
}

/**
 * Returns the voters without a vote, each with the reason. Throws `ClusterError` DIRECTORY_UNUSABLE, with nothing changed, where there are too
 * many to elect a leader. `directoryOf`: a node's data directory.
 */
export function requireMetadata(disk: Disk, voters: readonly number[], directoryOf: (id: number) => string): Map<number, string> {
  const found = voters.map((id) => ({ id, directory: directoryOf(id), ...inspectNode(disk, directoryOf(id)) }));
  // Where no voter has reached an epoch, the first start was interrupted and may have left an empty directory.
  const isUsed = found.some(({ damage, state }) => damage !== undefined || (state !== undefined && state.epoch > 0));
  const voteless = new Map<number, string>();
  for (const { id, directory, damage, state } of found) {
    if (damage !== undefined) voteless.set(id, `node ${id}: ${damage}`);
    else if (isUsed && state === undefined) voteless.set(id, `node ${id}: ${directory} has no metadata`);
    else if (isUsed && state?.votesFrom === NO_VOTE) voteless.set(id, `node ${id}: ${describeReplacement(disk, directory)}`);
  }
  const needed = leastWhole(voters.length);
  if (voters.length - voteless.size >= needed) return voteless;
  const what = voters.length === 1 ? 'the only voter' : `${voteless.size} of ${voters.length} voters`;
  throw new ClusterError(
    'DIRECTORY_UNUSABLE',
    `the metadata of ${what} lacks what was committed: ${[...voteless.values()].join('; ')}. The cluster needs ${needed} ` +
      `${needed === 1 ? 'voter' : 'voters'} whose metadata is whole. Nothing was changed. Restore these files, or the directories of these nodes as ` +
      'they were at the last stop (an older copy is not noticed), and start again.',
  );
}

/** For a node whose metadata was moved aside and that has not regained its vote, or whose directory was new when the others had a leader. */
function describeReplacement(disk: Disk, directory: string): string {
  const aside = findDamagedMetadata(disk, directory);
  if (aside === undefined) return `${directory} has not fetched the metadata from a leader yet`;
  return `its metadata was damaged and moved to ${aside}, and has not been fetched from a leader yet`;
}

/** `damage`: the file and its defect; undefined: none. `state`: of its `quorum-state`, undefined without the file. */
function inspectNode(disk: Disk, directory: string): { damage: string | undefined; state: VoteState | undefined } {
  try {
    const damage = inspectMetadata(disk, directory);
    return { damage: damage && `${damage.file} ${damage.reason}`, state: readQuorumState(disk, directory) };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return { damage: `${error.path} cannot be read (${error.code})`, state: undefined };
  }
}
