/**
 * The supervisor's only recursive removal of directories. A name proves nothing, since a user can choose the same one, so a directory is removed
 * only if a file in it, which the app writes for this purpose, proves that the app created it.
 */
import type { Disk } from './lib/disk.ts';

export interface Proof {
  /** Name of a file in the directory. */
  file: string;
  /** Whether the file was written by the app, for this directory. */
  accepts: (content: string) => boolean;
}

/** Removes the directory if it is proved to be the app's; false, and nothing changed, if it is not. Throws `DiskError`. */
export function removeOwnDirectory(disk: Disk, path: string, proof: Proof): boolean {
  if (!isOwnDirectory(disk, path, proof)) return false;
  disk.remove(path);
  return true;
}

export function isOwnDirectory(disk: Disk, path: string, { file, accepts }: Proof): boolean {
  const evidence = `${path}/${file}`;
  return (
    disk.isDirectory(path) && disk.exists(evidence) && !disk.isDirectory(evidence) && accepts(disk.readFile(evidence).toString('utf8'))
  );
}
