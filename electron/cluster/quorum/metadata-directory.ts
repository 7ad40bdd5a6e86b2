/**
 * The directory of a node's metadata: created durably at a start, and replaced as a whole once its content is corrupt. The replacement holds
 * only a `quorum-state` without a vote, of an epoch above 0, so `raft-rejoining.ts` applies: the node fetches snapshot and log from a leader
 * that was elected without it. The corrupt directory stays beside it until the node regains its vote.
 */
import type { Disk } from '../lib/disk.ts';
import { INITIAL_VOTE, QUORUM_STATE_FILE, QuorumStateFile } from './vote-store.ts';

export const METADATA_DIRECTORY = '__cluster_metadata-0';
/** As of partitions that are moved aside; `log-manager.ts` opens no directory of this topic. */
const DAMAGED_SUFFIX = '-damaged';
/** Of a directory that was found corrupt before the node had regained the vote that it lost with the first one. */
const NEWER_SUFFIX = '-damaged-newer';
const REPLACEMENT_SUFFIX = '-replacement';

/** Creates the directory where it is missing, and completes or drops a replacement that a crash left unfinished. Throws DiskError. */
export function prepareMetadataDirectory(disk: Disk, dataDirectory: string): void {
  const directory = `${dataDirectory}/${METADATA_DIRECTORY}`;
  const replacement = `${directory}${REPLACEMENT_SUFFIX}`;
  // The replacement is complete before the corrupt directory is moved.
  if (disk.exists(replacement)) {
    if (disk.exists(directory) || !disk.exists(`${replacement}/${QUORUM_STATE_FILE}`)) disk.remove(replacement);
    else disk.rename(replacement, directory);
  }
  disk.makeDirectory(directory);
  // A vote in a file is lost when a power cut can remove the directory of the file.
  disk.syncDirectory(dataDirectory);
  const slash = dataDirectory.lastIndexOf('/');
  if (slash >= 0) disk.syncDirectory(dataDirectory.slice(0, slash) || '/');
}

/**
 * `epoch`: the least that the node may have reached, above 0. A directory that was moved aside before is kept: only it may hold committed
 * records. Returns the path of the corrupt directory. Throws DiskError.
 */
export function replaceMetadataDirectory(disk: Disk, dataDirectory: string, voters: readonly number[], epoch: number): string {
  const directory = `${dataDirectory}/${METADATA_DIRECTORY}`;
  const older = `${directory}${DAMAGED_SUFFIX}`;
  const damaged = disk.exists(older) ? `${directory}${NEWER_SUFFIX}` : older;
  const replacement = `${directory}${REPLACEMENT_SUFFIX}`;
  disk.remove(replacement);
  disk.makeDirectory(replacement);
  new QuorumStateFile(disk, `${replacement}/${QUORUM_STATE_FILE}`, voters).write({ ...INITIAL_VOTE, epoch });
  disk.remove(damaged);
  disk.syncDirectory(dataDirectory);
  if (disk.exists(directory)) disk.rename(directory, damaged);
  disk.syncDirectory(dataDirectory);
  disk.rename(replacement, directory);
  disk.syncDirectory(dataDirectory);
  return damaged;
}

/** The first directory that was moved aside since the node had its vote; undefined: none. Throws DiskError. */
export function findDamagedMetadata(disk: Disk, dataDirectory: string): string | undefined {
  const path = `${dataDirectory}/${METADATA_DIRECTORY}${DAMAGED_SUFFIX}`;
  return disk.exists(path) ? path : undefined;
}

/** The node has its vote: recovery of the cluster no longer needs the directories that were moved aside. Throws DiskError. */
export function removeDamagedMetadata(disk: Disk, dataDirectory: string): void {
  for (const suffix of [DAMAGED_SUFFIX, NEWER_SUFFIX]) disk.remove(`${dataDirectory}/${METADATA_DIRECTORY}${suffix}`);
}
