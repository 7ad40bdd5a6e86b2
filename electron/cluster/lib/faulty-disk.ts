/**
 * A disk that can be made slow and full. Slow: `admit` makes callers on a request path wait before they write (calls of a disk are
 * synchronous, see `disk.ts`, so the delay comes before them). Full: operations that need space (a write, a new file
 * or directory) fail with ENOSPC; operations that free space succeed.
 */
import type { Clock, Timer } from './clock.ts';
import { DiskError, type Disk, type DiskFile, type DiskVolume } from './disk.ts';
import type { DiskSlowness } from './node-faults.ts';

export class FaultyDisk implements Disk {
  readonly powerCycle: string | undefined;
  private readonly inner: Disk;
  private readonly clock: Clock;
  private latencyMs = 0;
  private bytesPerSecond = 0;
  private full = false;
  /** Monotonic ms until which admitted writes fill a disk of limited bandwidth. */
  private busyUntil = 0;
  /** First in, first out. */
  private readonly waiting: { dueAt: number; go: () => void }[] = [];
  private timer: Timer | undefined;
  private readonly operated: () => void;

  /** `operated` is called after every read or change. */
  constructor(inner: Disk, clock: Clock, operated: () => void = () => undefined) {
    this.inner = inner;
    this.operated = operated;
    this.clock = clock;
    this.powerCycle = inner.powerCycle;
  }

  /** Replaces all faults: latencies add up, the least bandwidth counts. Writes that have already waited longer continue. */
  set(faults: { slow: readonly DiskSlowness[]; full: boolean }): void {
    this.full = faults.full;
    this.latencyMs = faults.slow.reduce((sum, { latencyMs }) => sum + latencyMs, 0);
    const limits = faults.slow.map(({ bytesPerSecond }) => bytesPerSecond).filter((limit) => limit > 0);
    this.bytesPerSecond = limits.length === 0 ? 0 : limits.reduce((least, limit) => Math.min(least, limit));
    if (this.bytesPerSecond === 0) this.busyUntil = 0;
    const latest = Math.max(this.busyUntil, this.clock.monotonic()) + this.latencyMs;
    for (const one of this.waiting) one.dueAt = Math.min(one.dueAt, latest);
    this.pump();
  }

  onDescriptorShortage(relieve: () => void): void {
    this.inner.onDescriptorShortage?.(relieve);
  }
  volume(path: string): DiskVolume | undefined {
    const volume = this.inner.volume?.(path);
    return volume === undefined || !this.full ? volume : { ...volume, usableBytes: 0n };
  }
  admit(bytes: number): Promise<void> | undefined {
    const inner = this.inner.admit(bytes);
    const own = this.wait(bytes);
    return inner === undefined || own === undefined ? (inner ?? own) : Promise.all([inner, own]).then(() => undefined);
  }

  open(path: string, options?: { create?: boolean }): DiskFile {
    if (this.full && options?.create === true && !this.inner.exists(path)) this.needRoom(path, 'open');
    return new FaultyFile(this.inner.open(path, options), (operation) => this.needRoom(path, operation), this.operated);
  }
  exists(path: string): boolean {
    return this.inner.exists(path);
  }
  list(path: string): string[] {
    this.operated();
    return this.inner.list(path);
  }
  isDirectory(path: string): boolean {
    return this.inner.isDirectory(path);
  }
  size(path: string): number {
    return this.inner.size(path);
  }
  makeDirectory(path: string): void {
    if (!this.inner.isDirectory(path)) this.needRoom(path, 'make directory');
    this.inner.makeDirectory(path);
  }
  rename(from: string, to: string): void {
    this.inner.rename(from, to);
    this.operated();
  }
  remove(path: string): void {
    this.inner.remove(path);
    this.operated();
  }
  readFile(path: string): Buffer {
    return this.inner.readFile(path);
  }
  writeFileAtomic(path: string, bytes: Uint8Array): void {
    this.needRoom(path, 'write');
    this.inner.writeFileAtomic(path, bytes);
    this.operated();
  }
  syncDirectory(path: string): void {
    this.inner.syncDirectory(path);
    this.operated();
  }

  private needRoom(path: string, operation: string): void {
    if (this.full) throw new DiskError('ENOSPC', path, operation);
  }

  private wait(bytes: number): Promise<void> | undefined {
    if (this.latencyMs === 0 && this.bytesPerSecond === 0 && this.waiting.length === 0) return undefined;
    const now = this.clock.monotonic();
    if (this.bytesPerSecond > 0) this.busyUntil = Math.max(this.busyUntil, now) + (bytes * 1000) / this.bytesPerSecond;
    const dueAt = Math.max(this.busyUntil, now) + this.latencyMs;
    return new Promise((go) => {
      this.waiting.push({ dueAt, go });
      this.pump();
    });
  }

  /** Releases the writes whose wait is over. */
  private pump(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const now = this.clock.monotonic();
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      if (next.dueAt > now) {
        this.timer = this.clock.setTimer(next.dueAt - now, () => this.pump());
        return;
      }
      this.waiting.shift();
      next.go();
    }
  }
}

class FaultyFile implements DiskFile {
  readonly path: string;
  private readonly inner: DiskFile;
  private readonly needRoom: (operation: string) => void;
  private readonly operated: () => void;

  constructor(inner: DiskFile, needRoom: (operation: string) => void, operated: () => void) {
    this.operated = operated;
    this.path = inner.path;
    this.inner = inner;
    this.needRoom = needRoom;
  }
  size(): number {
    return this.inner.size();
  }
  read(into: Uint8Array, position: number): number {
    const count = this.inner.read(into, position);
    this.operated();
    return count;
  }
  write(chunks: readonly Uint8Array[], position: number): void {
    this.needRoom('write');
    this.inner.write(chunks, position);
    this.operated();
  }
  truncate(size: number): void {
    this.inner.truncate(size);
    this.operated();
  }
  sync(): void {
    this.inner.sync();
    this.operated();
  }
  close(): void {
    this.inner.close();
  }
}
