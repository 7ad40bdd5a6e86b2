import type { Disk } from '../lib/disk.ts';

/** The directory that the logs' own lie in. Its names are made durable once for all of the logs that were made since the last time. */
export class ParentDirectory {
  private readonly disk: Disk;
  private readonly path: string;
  private dirty = false;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  /** A name in it was made, or may have been and never synced. */
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
