import { DiskError, isDescriptorShortage, type Disk, type DiskFile } from '../lib/disk.ts';

/** Default limit on the open files of all logs of a node. */
export const DEFAULT_MAX_OPEN_FILES = 2_000;

/**
 * Keeps files open up to a limit: the least recently used one is closed first. With thousands of partitions only those that are read or
 * written hold a descriptor. A close loses no data: the operating system holds what was written, and a later `sync` of the file, through
 * any descriptor, covers it.
 */
export class FilePool {
  private readonly disk: Disk;
  private readonly maxOpen: number;
  /** Oldest use first. */
  private readonly files = new Map<PooledFile, DiskFile>();
  private newest: PooledFile | undefined;

  constructor(disk: Disk, maxOpen = DEFAULT_MAX_OPEN_FILES) {
    this.disk = disk;
    this.maxOpen = Math.max(1, maxOpen);
    disk.onDescriptorShortage?.(() => this.shrinkTo(this.files.size >> 1));
  }

  get openCount(): number {
    return this.files.size;
  }

  /** The open file of `owner`; opens or creates it where needed. Throws DiskError. */
  use(owner: PooledFile): DiskFile {
    const open = this.files.get(owner);
    if (open !== undefined) {
      if (this.newest === owner) return open;
      this.files.delete(owner);
      this.files.set(owner, open);
      this.newest = owner;
      return open;
    }
    this.shrinkTo(this.maxOpen - 1);
    const file = this.open(owner);
    owner.exists = true;
    this.files.set(owner, file);
    this.newest = owner;
    return file;
  }

  close(owner: PooledFile): void {
    const file = this.files.get(owner);
    if (file === undefined) return;
    this.files.delete(owner);
    if (this.newest === owner) this.newest = undefined;
    file.close();
  }

  private open({ path, exists }: PooledFile): DiskFile {
    for (;;) {
      try {
        return this.disk.open(path, { create: !exists });
      } catch (error) {
        // The process may have fewer descriptors than the share of the node: sockets and other nodes use the same ones.
        if (!(error instanceof DiskError) || !isDescriptorShortage(error) || this.files.size === 0) throw error;
        this.shrinkTo(this.files.size >> 1);
      }
    }
  }

  private shrinkTo(count: number): void {
    for (const owner of this.files.keys()) {
      if (this.files.size <= count) return;
      this.close(owner);
    }
  }
}

/** A file that is opened when it is needed, and created when it is absent. Every call throws DiskError as `DiskFile` does. */
export class PooledFile {
  readonly path: string;
  /** Whether the file is known to exist, so that no check on disk is needed. */
  exists: boolean;
  private readonly pool: FilePool;

  constructor(pool: FilePool, path: string, exists = false) {
    this.pool = pool;
    this.path = path;
    this.exists = exists;
  }

  /** Creates the file if it is absent. */
  touch(): void {
    this.pool.use(this);
  }
  read(into: Uint8Array, position: number): number {
    return this.pool.use(this).read(into, position);
  }
  write(chunks: readonly Uint8Array[], position: number): void {
    this.pool.use(this).write(chunks, position);
  }
  truncate(size: number): void {
    this.pool.use(this).truncate(size);
  }
  sync(): void {
    this.pool.use(this).sync();
  }
  /** Releases the descriptor; the next use opens the file again. */
  close(): void {
    this.pool.close(this);
  }
}
