/**
 * A disk that survives a process without free descriptors (EMFILE, ENFILE), which is not a failure of the disk. Some descriptors are held in
 * reserve for calls that need one briefly. When they are used up, the owners of open files are asked to close some
 * (`onDescriptorShortage`), and the call is repeated for a second at most.
 */
import { DiskError, isDescriptorShortage, type Disk, type DiskFile, type DiskVolume } from './disk.ts';

const SPARES = 4;
const PAUSES_MS = [0, 10, 20, 50, 100, 200, 300, 300];

export interface DescriptorReserveOptions {
  /** Opens something that takes one descriptor. */
  openSpare: () => { close(): void };
  /** Blocks the thread: calls of a disk are synchronous. */
  pause: (ms: number) => void;
}

export class DescriptorReserve implements Disk {
  readonly powerCycle: string | undefined;
  private readonly inner: Disk;
  private readonly options: DescriptorReserveOptions;
  private readonly spares: { close(): void }[] = [];
  private readonly relievers: (() => void)[] = [];

  constructor(inner: Disk, options: DescriptorReserveOptions) {
    this.inner = inner;
    this.options = options;
    this.powerCycle = inner.powerCycle;
    this.refill();
  }

  open(path: string, options?: { create?: boolean }): DiskFile {
    return this.retry(() => this.inner.open(path, options));
  }
  exists(path: string): boolean {
    return this.inner.exists(path);
  }
  list(path: string): string[] {
    return this.retry(() => this.inner.list(path));
  }
  isDirectory(path: string): boolean {
    return this.inner.isDirectory(path);
  }
  size(path: string): number {
    return this.inner.size(path);
  }
  makeDirectory(path: string): void {
    this.inner.makeDirectory(path);
  }
  rename(from: string, to: string): void {
    this.inner.rename(from, to);
  }
  remove(path: string): void {
    this.retry(() => this.inner.remove(path));
  }
  readFile(path: string): Buffer {
    return this.retry(() => this.inner.readFile(path));
  }
  writeFileAtomic(path: string, bytes: Uint8Array): void {
    this.retry(() => this.inner.writeFileAtomic(path, bytes));
  }
  syncDirectory(path: string): void {
    this.retry(() => this.inner.syncDirectory(path));
  }
  volume(path: string): DiskVolume | undefined {
    return this.inner.volume?.(path);
  }
  admit(bytes: number): Promise<void> | undefined {
    return this.inner.admit(bytes);
  }
  onDescriptorShortage(relieve: () => void): void {
    this.relievers.push(relieve);
  }

  private retry<T>(action: () => T): T {
    let shortage: DiskError | undefined;
    for (const pauseMs of PAUSES_MS) {
      try {
        const result = action();
        if (this.spares.length < SPARES && shortage === undefined) this.refill();
        return result;
      } catch (error) {
        if (!(error instanceof DiskError) || !isDescriptorShortage(error)) throw error;
        shortage = error;
      }
      const spare = this.spares.pop();
      if (spare !== undefined) {
        spare.close();
        continue;
      }
      for (const relieve of this.relievers) relieve();
      if (pauseMs > 0) this.options.pause(pauseMs);
    }
    throw shortage ?? new Error('a disk call was not tried');
  }

  private refill(): void {
    try {
      while (this.spares.length < SPARES) this.spares.push(this.options.openSpare());
    } catch (error) {
      // None is free; the next call that succeeds tries again.
      if (!(error instanceof DiskError) || !isDescriptorShortage(error)) throw error;
    }
  }
}
