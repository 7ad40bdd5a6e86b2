import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DiskError, type Disk, type DiskFile, type DiskVolume } from './disk.ts';

/** Some kernels take no more chunks than this in one writev (IOV_MAX). */
const MAX_CHUNKS = 1024;

/** The operating system's disk. Its `admit` never waits: that is for disks that are made slow. */
export const systemDisk: Disk = {
  open: (path, options) => attempt(path, 'open', () => openFile(path, options?.create === true)),
  exists: (path) => existsSync(path),
  list: (path) => attempt(path, 'list', () => readdirSync(path).sort()),
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  size: (path) => attempt(path, 'size of', () => statSync(path).size),
  makeDirectory: (path) => attempt(path, 'make directory', () => void mkdirSync(path, { recursive: true })),
  rename: (from, to) => attempt(from, 'rename', () => renameSync(from, to)),
  remove: (path) => attempt(path, 'remove', () => rmSync(path, { recursive: true, force: true })),
  readFile: (path) => attempt(path, 'read', () => readFileSync(path)),
  writeFileAtomic(path, bytes) {
    const aside = `${path}.tmp`;
    attempt(path, 'write', () => {
      const file = openFile(aside, true);
      try {
        file.truncate(0);
        file.write([bytes], 0);
        file.sync();
      } finally {
        file.close();
      }
      renameSync(aside, path);
      syncDirectory(dirname(path));
    });
  },
  syncDirectory: (path) => attempt(path, 'sync directory', () => syncDirectory(path)),
  admit: () => undefined,
  volume: volumeOf,
  powerCycle: bootId(),
};

/** Linux identifies each boot; elsewhere a start of the machine cannot be distinguished from a start of the process. */
function bootId(): string | undefined {
  const path = '/proc/sys/kernel/random/boot_id';
  return process.platform === 'linux' && existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

/** Undefined where the system does not report it, as some network drives. */
function volumeOf(path: string): DiskVolume | undefined {
  try {
    const { frsize, bsize, blocks, bavail } = statfsSync(path, { bigint: true });
    // Blocks are counted in fragments; releases of Node.js that do not report their size have `bsize` alone.
    const blockBytes = frsize > 0n ? frsize : bsize;
    return blocks > 0n ? { totalBytes: blocks * blockBytes, usableBytes: bavail * blockBytes } : undefined;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

function openFile(path: string, create: boolean): DiskFile {
  return new SystemFile(path, openExisting(path, create));
}

function openExisting(path: string, create: boolean): number {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    // 'wx+' alone would fail on an existing file and 'w+' would empty it, so a file is created only once it is known to be absent.
    if (create && codeOf(error) === 'ENOENT') return openSync(path, 'wx+');
    throw error;
  }
}

function syncDirectory(path: string): void {
  // Windows has no handle on a directory to sync; NTFS journals its entries.
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

class SystemFile implements DiskFile {
  readonly path: string;
  private readonly fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }
  size(): number {
    return attempt(this.path, 'size of', () => fstatSync(this.fd).size);
  }
  read(into: Uint8Array, position: number): number {
    return attempt(this.path, 'read', () => {
      let done = 0;
      while (done < into.length) {
        const count = readSync(this.fd, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }
  write(chunks: readonly Uint8Array[], position: number): void {
    attempt(this.path, 'write', () => {
      let at = position;
      for (let first = 0; first < chunks.length; first += MAX_CHUNKS) at += this.writeSome(chunks.slice(first, first + MAX_CHUNKS), at);
    });
  }
  private writeSome(chunks: readonly Uint8Array[], position: number): number {
    let rest = chunks;
    let written = 0;
    let total = 0;
    for (const chunk of chunks) total += chunk.length;
    while (written < total) {
      const count = writevSync(this.fd, rest, position + written);
      written += count;
      if (written < total) rest = dropBytes(rest, count);
    }
    return written;
  }
  truncate(size: number): void {
    attempt(this.path, 'truncate', () => ftruncateSync(this.fd, size));
  }
  sync(): void {
    attempt(this.path, 'sync', () => fdatasyncSync(this.fd));
  }
  close(): void {
    attempt(this.path, 'close', () => closeSync(this.fd));
  }
}

/** The chunks without their first `count` bytes. */
function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      left.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

function attempt<T>(path: string, operation: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof DiskError) throw cause;
    throw new DiskError(codeOf(cause) ?? 'EIO', path, operation, { cause });
  }
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
