import { DiskError, type Disk, type DiskFile, type DiskVolume } from './disk.ts';
import type { Random } from './random.ts';

export type DiskOperation = 'open' | 'read' | 'write' | 'truncate' | 'sync' | 'syncDirectory' | 'rename' | 'remove' | 'makeDirectory';

/** How an operation fails. */
export interface DiskFault {
  /** The operating system's code: ENOSPC, EIO … */
  code: string;
  /** For a write: bytes that reach the file before it fails (a torn write); 0 if absent. */
  writtenBytes?: number;
}

export interface MemoryDiskOptions {
  /** Writes that would take the sum of file sizes above it fail with ENOSPC, torn where the space ended. */
  capacityBytes?: number;
  /** Called before every operation; a result makes it fail. `bytes` is the size of a write, else 0. */
  fault?: (operation: DiskOperation, path: string, bytes: number) => DiskFault | undefined;
  /** Stands in for a slow disk; see `Disk.admit`. */
  admit?: (bytes: number) => Promise<void> | undefined;
}

/**
 * A disk in memory for tests and simulation that distinguishes durable from unsynced changes, as strictly as POSIX permits: the
 * bytes of a file need its `sync`, its name needs `syncDirectory` on its directory. `powerCut` drops the rest.
 */
export class MemoryDisk implements Disk {
  /** May be set and cleared while it runs. */
  options: MemoryDiskOptions;
  private readonly root = new Directory();
  /** Handles of an earlier power cycle are invalid. */
  private cycle = 0;

  constructor(options: MemoryDiskOptions = {}) {
    this.options = options;
  }

  get powerCycle(): string {
    return String(this.cycle);
  }

  /**
   * Loses everything that was not synced, and all open handles. With `random`, each file keeps a random share of its unsynced
   * appended bytes instead, as a kernel that had begun to write back would leave it.
   */
  powerCut(random?: Random): void {
    this.cycle++;
    this.root.revert(random);
  }

  /** Loses everything that is on it, and all open handles. */
  erase(): void {
    this.cycle++;
    this.root.erase();
  }

  open(path: string, options?: { create?: boolean }): DiskFile {
    this.check('open', path);
    const { parent, name } = this.locate(path, 'open');
    let node = parent.entries.get(name);
    if (node === undefined) {
      if (options?.create !== true) throw new DiskError('ENOENT', path, 'open');
      node = new Inode();
      parent.entries.set(name, node);
    }
    if (node instanceof Directory) throw new DiskError('EISDIR', path, 'open');
    return this.handle(path, node);
  }
  exists(path: string): boolean {
    return this.find(path) !== undefined;
  }
  list(path: string): string[] {
    const node = this.existing(path, 'list');
    if (!(node instanceof Directory)) throw new DiskError('ENOTDIR', path, 'list');
    return [...node.entries.keys()].sort();
  }
  isDirectory(path: string): boolean {
    return this.find(path) instanceof Directory;
  }
  size(path: string): number {
    return this.inode(path, 'size of').size;
  }
  makeDirectory(path: string): void {
    this.check('makeDirectory', path);
    let directory = this.root;
    for (const part of parts(path)) {
      let next = directory.entries.get(part);
      if (next === undefined) {
        next = new Directory();
        directory.entries.set(part, next);
      }
      if (!(next instanceof Directory)) throw new DiskError('ENOTDIR', path, 'make directory');
      directory = next;
    }
  }
  rename(from: string, to: string): void {
    this.check('rename', from);
    const source = this.locate(from, 'rename');
    const target = this.locate(to, 'rename');
    const node = source.parent.entries.get(source.name);
    if (node === undefined) throw new DiskError('ENOENT', from, 'rename');
    if (target.parent.entries.get(target.name) instanceof Directory) throw new DiskError('ENOTEMPTY', to, 'rename');
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, node);
  }
  remove(path: string): void {
    this.check('remove', path);
    if (this.find(path) === undefined) return;
    const { parent, name } = this.locate(path, 'remove');
    parent.entries.delete(name);
  }
  readFile(path: string): Buffer {
    this.check('read', path);
    const node = this.inode(path, 'read');
    return Buffer.from(node.data.subarray(0, node.size));
  }
  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const aside = `${path}.tmp`;
    const file = this.open(aside, { create: true });
    file.truncate(0);
    file.write([bytes], 0);
    file.sync();
    this.rename(aside, path);
    this.syncDirectory(path.slice(0, path.lastIndexOf('/')));
  }
  syncDirectory(path: string): void {
    this.check('syncDirectory', path);
    const node = this.existing(path, 'sync directory');
    if (!(node instanceof Directory)) throw new DiskError('ENOTDIR', path, 'sync directory');
    node.durable = new Map(node.entries);
  }
  volume(): DiskVolume | undefined {
    const { capacityBytes } = this.options;
    if (capacityBytes === undefined) return undefined;
    return { totalBytes: BigInt(capacityBytes), usableBytes: BigInt(Math.max(0, capacityBytes - this.root.bytes())) };
  }
  admit(bytes: number): Promise<void> | undefined {
    return this.options.admit?.(bytes);
  }

  private handle(path: string, inode: Inode): DiskFile {
    const cycle = this.cycle;
    let open = true;
    const alive = (operation: string): void => {
      if (!open || cycle !== this.cycle) throw new DiskError('EBADF', path, operation);
    };
    return {
      path,
      size: () => {
        alive('size of');
        return inode.size;
      },
      read: (into, position) => {
        alive('read');
        this.check('read', path);
        const from = inode.data.subarray(Math.min(position, inode.size), Math.min(position + into.length, inode.size));
        into.set(from);
        return from.length;
      },
      write: (chunks, position) => {
        alive('write');
        this.write(path, inode, chunks, position);
      },
      truncate: (size) => {
        alive('truncate');
        this.check('truncate', path);
        inode.truncate(size);
      },
      sync: () => {
        alive('sync');
        this.check('sync', path);
        inode.undo.length = 0;
      },
      close: () => {
        open = false;
      },
    };
  }

  private write(path: string, inode: Inode, chunks: readonly Uint8Array[], position: number): void {
    const bytes = chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
    const growth = Math.max(0, position + bytes.length - inode.size);
    let fault = this.options.fault?.('write', path, bytes.length);
    const capacity = this.options.capacityBytes;
    if (fault === undefined && capacity !== undefined) {
      const excess = this.root.bytes() + growth - capacity;
      if (excess > 0) fault = { code: 'ENOSPC', writtenBytes: Math.max(0, bytes.length - excess) };
    }
    const written = fault === undefined ? bytes : bytes.subarray(0, fault.writtenBytes ?? 0);
    if (written.length > 0) inode.write(written, position);
    if (fault !== undefined) throw new DiskError(fault.code, path, 'write');
  }

  private check(operation: DiskOperation, path: string): void {
    const fault = this.options.fault?.(operation, path, 0);
    if (fault !== undefined) throw new DiskError(fault.code, path, operation);
  }
  private find(path: string): Directory | Inode | undefined {
    let node: Directory | Inode | undefined = this.root;
    for (const part of parts(path)) {
      if (!(node instanceof Directory)) return undefined;
      node = node.entries.get(part);
    }
    return node;
  }
  private existing(path: string, operation: string): Directory | Inode {
    const node = this.find(path);
    if (node === undefined) throw new DiskError('ENOENT', path, operation);
    return node;
  }
  private inode(path: string, operation: string): Inode {
    const node = this.existing(path, operation);
    if (node instanceof Directory) throw new DiskError('EISDIR', path, operation);
    return node;
  }
  private locate(path: string, operation: string): { parent: Directory; name: string } {
    const names = parts(path);
    const name = names.pop();
    if (name === undefined) throw new DiskError('EINVAL', path, operation);
    const parent = this.find(names.join('/'));
    if (!(parent instanceof Directory)) throw new DiskError('ENOENT', path, operation);
    return { parent, name };
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

class Directory {
  entries = new Map<string, Directory | Inode>();
  durable = new Map<string, Directory | Inode>();

  revert(random: Random | undefined): void {
    this.entries = new Map(this.durable);
    for (const node of this.entries.values()) node.revert(random);
  }
  erase(): void {
    this.entries.clear();
    this.durable.clear();
  }
  bytes(): number {
    let sum = 0;
    for (const node of this.entries.values()) sum += node instanceof Directory ? node.bytes() : node.size;
    return sum;
  }
}

/** How to undo one unsynced change: put `bytes` back at `position`, then cut or extend to `size`. */
interface Undo {
  position: number;
  bytes: Buffer;
  size: number;
}

class Inode {
  data: Buffer = Buffer.alloc(0);
  size = 0;
  /** Newest last; empty when all is synced. */
  readonly undo: Undo[] = [];

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    this.remember(position, end);
    this.reserve(end);
    this.data.set(bytes, position);
    this.size = Math.max(this.size, end);
  }
  truncate(size: number): void {
    this.remember(size, this.size);
    this.reserve(size);
    if (size < this.size) this.data.fill(0, size, this.size);
    this.size = size;
  }
  revert(random: Random | undefined): void {
    for (let i = this.undo.length - 1; i >= 0; i--) {
      const { position, bytes, size } = this.undo[i] as Undo;
      if (random !== undefined && bytes.length === 0 && size < this.size) {
        const kept = size + random.int(this.size - size + 1);
        this.truncateHard(kept);
        // Older changes are in front of the bytes that survived; a kernel could have written them as well.
        break;
      }
      this.truncateHard(size);
      this.data.set(bytes, position);
    }
    this.undo.length = 0;
  }
  private remember(position: number, end: number): void {
    const last = this.undo.at(-1);
    const bytes = Buffer.from(this.data.subarray(Math.min(position, this.size), Math.min(end, this.size)));
    // A run of appends is undone by one cut.
    if (bytes.length === 0 && last !== undefined && last.bytes.length === 0 && last.size <= this.size) return;
    this.undo.push({ position, bytes, size: this.size });
  }
  private truncateHard(size: number): void {
    this.reserve(size);
    if (size < this.size) this.data.fill(0, size, this.size);
    this.size = size;
  }
  private reserve(size: number): void {
    if (size <= this.data.length) return;
    const grown = Buffer.alloc(Math.max(size, this.data.length * 2, 1024));
    grown.set(this.data.subarray(0, this.size));
    this.data = grown;
  }
}
