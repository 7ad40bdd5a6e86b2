/**
 * Before the nodes of a cluster start: whether enough voters still have the metadata that they acknowledged. A minority fetches it from the
 * others (`quorum/metadata-recovery.ts`); where no majority is left, a start could elect a leader without committed metadata.
 */
import { ClusterError } from './cluster-errors.ts';
import { DiskError, type Disk } from './lib/disk.ts';
import { inspectMetadata, readQuorumEpoch } from './quorum/metadata-inspection.ts';

/** Of two voters each is in every majority, so one whole voter has all that is committed. */
function leastWhole(voters: number): number {
  return voters === 2 ? 1 : Math.floor(voters / 2) + 1;
}

/** Throws `ClusterError` DIRECTORY_UNUSABLE, with nothing changed. `directoryOf`: a node's data directory. */
export function requireMetadata(disk: Disk, voters: readonly number[], directoryOf: (id: number) => string): void {
  const found = voters.map((id) => ({ id, ...inspectNode(disk, directoryOf(id)) }));
  // Where no voter has reached an epoch, the first start was cut short, and an empty directory is what it left.
  const isUsed = found.some(({ damage, epoch }) => damage !== undefined || epoch > 0);
  const damaged = found.flatMap(({ id, damage, epoch }) => {
    if (damage !== undefined) return [`node ${id}: ${damage}`];
    return isUsed && epoch < 0 ? [`node ${id}: ${directoryOf(id)} has no metadata`] : [];
  });
  const needed = leastWhole(voters.length);
  if (voters.length - damaged.length >= needed) return;
  const what = voters.length === 1 ? 'the only voter' : `${damaged.length} of ${voters.length} voters`;
  throw new ClusterError(
    'DIRECTORY_UNUSABLE',
    `the metadata of ${what} lacks what was committed: ${damaged.join('; ')}. The cluster needs ${needed} ${needed === 1 ? 'voter' : 'voters'} whose ` +
      'metadata is whole. Nothing was changed. Restore these files, or the directories of these nodes, and start again.',
  );
}

/** `damage`: the file and what is wrong with it; undefined: nothing. `epoch`: of its `quorum-state`, −1 where there is none. */
function inspectNode(disk: Disk, directory: string): { damage: string | undefined; epoch: number } {
  try {
    const damage = inspectMetadata(disk, directory);
    return { damage: damage && `${damage.file} ${damage.reason}`, epoch: readQuorumEpoch(disk, directory) };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return { damage: `${error.path} cannot be read (${error.code})`, epoch: -1 };
  }
}
