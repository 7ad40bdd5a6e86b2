import type { Disk } from '../lib/disk.ts';

/** The parent directory of the log directories. One sync makes the names of all logs durable that were created since the last one. */
export class ParentDirectory {
  private readonly disk: Disk;
  private readonly path: string;
  private dirty = false;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  /** A name in it was created, or may have been and was never synced. */
  changed(): void {
    this.dirty = true;
  }

  sync(): void {
    if (!this.dirty || this.path === '') return;
    this.disk.syncDirectory(this.path);
    this.dirty = false;
  }
}

export function parentOf(directory: string): string {
  return directory.slice(0, Math.max(0, directory.lastIndexOf('/')));
}
