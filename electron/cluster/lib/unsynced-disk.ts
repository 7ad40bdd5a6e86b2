/**
 * A disk that makes nothing durable, for data that is deleted with the process: bytes written survive the node that
 * wrote them (the operating system has them), not the machine, and need no wait for the disk.
 */
import type { Disk, DiskFile } from './disk.ts';

export function withoutSync(disk: Disk): Disk {
  return {
    open: (path, options) => new UnsyncedFile(disk.open(path, options)),
    exists: (path) => disk.exists(path),
    list: (path) => disk.list(path),
    isDirectory: (path) => disk.isDirectory(path),
    size: (path) => disk.size(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    readFile: (path) => disk.readFile(path),
    writeFileAtomic(path, bytes) {
      const aside = `${path}.tmp`;
      const file = disk.open(aside, { create: true });
      try {
        file.truncate(0);
        file.write([bytes], 0);
      } finally {
        file.close();
      }
      disk.rename(aside, path);
    },
    syncDirectory: () => undefined,
    admit: (bytes) => disk.admit(bytes),
    volume: (path) => disk.volume?.(path),
    onDescriptorShortage: (relieve) => disk.onDescriptorShortage?.(relieve),
    powerCycle: disk.powerCycle,
  };
}

class UnsyncedFile implements DiskFile {
  readonly path: string;
  private readonly file: DiskFile;

  constructor(file: DiskFile) {
    this.path = file.path;
    this.file = file;
  }
  size(): number {
    return this.file.size();
  }
  read(into: Uint8Array, position: number): number {
    return this.file.read(into, position);
  }
  write(chunks: readonly Uint8Array[], position: number): void {
    this.file.write(chunks, position);
  }
  truncate(size: number): void {
    this.file.truncate(size);
  }
  sync(): void {
    // This disk never syncs.
  }
  close(): void {
    this.file.close();
  }
}
