import { DiskError, isDescriptorShortage, type Disk, type DiskFile } from '../lib/disk.ts';

/** Files that all logs of a node keep open together, if nothing else is said. */
export const DEFAULT_MAX_OPEN_FILES = 2_000;

/**
 * Keeps files open for those who use them, up to a bound: the one that was used longest ago is closed first. With thousands of
 * partitions only those that are read or written hold a descriptor. Closing loses nothing: what was written is the system's to keep, and
 * a later `sync` of the file, by whatever descriptor, covers it.
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

  /** The open file of `owner`, opened, or made, if it is not. Throws DiskError. */
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
        // The process may have fewer descriptors than the node's share: sockets and other nodes take from the same ones.
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

/** A file that is opened when it is needed; made when it is absent. Every call throws DiskError as `DiskFile` does. */
export class PooledFile {
  readonly path: string;
  /** Whether it is known to be there: then nobody has to look. */
  exists: boolean;
  private readonly pool: FilePool;

  constructor(pool: FilePool, path: string, exists = false) {
    this.pool = pool;
    this.path = path;
    this.exists = exists;
  }

  /** Makes the file if there is none. */
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
  /** Gives the descriptor back; the next use opens the file again. */
  close(): void {
    this.pool.close(this);
  }
}
