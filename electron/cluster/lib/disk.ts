/**
 * The disk for everything under `electron/cluster`. Calls are synchronous on purpose: an append to the
 * page cache takes microseconds, far less than a trip through a thread pool (measured: 3.7 against 0.43 GB/s), and
 * a state machine that never awaits midway cannot be observed in a partial state. A *slow* disk is modelled by
 * `admit`, which callers on a request path await before they write.
 */
export interface Disk {
  /** Opens for reading and writing. Creates the file if `create` is set, else throws `DiskError` ENOENT. */
  open(path: string, options?: { create?: boolean }): DiskFile;
  exists(path: string): boolean;
  /** Names in a directory, sorted; an absent directory is an error. */
  list(path: string): string[];
  isDirectory(path: string): boolean;
  /** Size in bytes of a file that exists. */
  size(path: string): number;
  /** Creates the directory and its parents; existing ones are accepted. */
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file or a whole tree; an absent path is accepted. */
  remove(path: string): void;
  readFile(path: string): Buffer;
  /** Replaces a file so that a crash leaves either the old or the new bytes: write aside, sync, rename, sync the directory. */
  writeFileAtomic(path: string, bytes: Uint8Array): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void;
  /**
   * Undefined when a write of that size may proceed at once (the usual case), else a promise that resolves when a slow
   * disk has caught up. Callers on a request path await it before they append.
   */
  admit(bytes: number): Promise<void> | undefined;
  /**
   * Identifies the time since the machine (or what stands for it) last lost power. While it is unchanged, everything that was written
   * exists, synced or not: a killed process has lost nothing. Absent or undefined where that is unknown. A disk with simulated
   * power cuts must return another value after one, never that of the disk below.
   */
  readonly powerCycle?: string | undefined;
  /** The volume that holds the path; undefined, or absent, where its size is not known. */
  volume?(path: string): DiskVolume | undefined;
  /** `relieve` closes files that can be opened again; called when the process has no free descriptor. Absent: there is always one. */
  onDescriptorShortage?(relieve: () => void): void;
}

/** Bytes of a volume: all of it, and what this process may still use, which leaves out what the system reserves. */
export interface DiskVolume {
  readonly totalBytes: bigint;
  readonly usableBytes: bigint;
}

export interface DiskFile {
  readonly path: string;
  /** Size in bytes. */
  size(): number;
  /** Reads up to `into.length` bytes from `position`; returns how many were read (fewer only at the end of the file). */
  read(into: Uint8Array, position: number): number;
  /** Writes all chunks one after another from `position`, or throws; on a throw the tail may be torn. */
  write(chunks: readonly Uint8Array[], position: number): void;
  truncate(size: number): void;
  /** Makes all that was written durable (fdatasync). */
  sync(): void;
  close(): void;
}

/** Failure of a disk operation; `code` is the operating system's (ENOSPC, EIO, ENOENT …). */
export class DiskError extends Error {
  readonly code: string;
  readonly path: string;
  constructor(code: string, path: string, operation: string, options?: { cause?: unknown }) {
    super(`${operation} ${path}: ${code}`, options);
    this.name = 'DiskError';
    this.code = code;
    this.path = path;
  }
}

/** The process, or the system, has no free descriptor: nothing was done, and nothing is wrong with the disk. */
export function isDescriptorShortage({ code }: DiskError): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}

/** The size of a file that may be absent, with one look; undefined when it is. */
export function sizeIfExists(disk: Pick<Disk, 'size'>, path: string): number | undefined {
  try {
    return disk.size(path);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    return undefined;
  }
}
