import type { Disk } from '../lib/disk.ts';
import { crc32c } from '../protocol/crc32c.ts';

/**
 * An append-only file of fixed-size entries. New entries stay in memory until `save`: an index can be rebuilt from its log, so a crash
 * costs time and no data. Older entries are read when a look-up first needs them.
 */
export class IndexFile {
  readonly path: string;
  readonly entryBytes: number;
  private readonly disk: Disk;
  /** Number of entries in the file; undefined until it is first needed. */
  private saved: number | undefined;
  /** Entries from `memoryFrom` on. */
  private memory: Buffer = Buffer.alloc(0);
  private memoryFrom = 0;
  private memoryCount = 0;
  private cut = false;
  /** Whether the file is durable in its present state; files found at a start are assumed to be. */
  private durable = true;

  /** `fresh`: the file is new or to be rebuilt; its content is ignored. */
  constructor(disk: Disk, path: string, entryBytes: number, fresh: boolean) {
    this.disk = disk;
    this.path = path;
    this.entryBytes = entryBytes;
    if (fresh) {
      this.saved = 0;
      this.cut = true;
    }
  }

  get count(): number {
    this.measure();
    return this.memoryFrom + this.memoryCount;
  }

  /** The entry's place in the returned buffer is `at`. */
  entry(index: number): { bytes: Buffer; at: number } {
    this.measure();
    if (index < this.memoryFrom) this.load();
    return { bytes: this.memory, at: (index - this.memoryFrom) * this.entryBytes };
  }

  /** The last entry, read alone where the others are not in memory; undefined when there is none. */
  lastEntry(): Buffer | undefined {
    const count = this.count;
    if (count === 0) return undefined;
    if (this.memoryCount > 0) {
      const at = (this.memoryCount - 1) * this.entryBytes;
      return this.memory.subarray(at, at + this.entryBytes);
    }
    const entry = Buffer.alloc(this.entryBytes);
    this.readFrom(entry, (count - 1) * this.entryBytes);
    return entry;
  }

  /** Reserves space for one entry and returns its position. */
  append(): { bytes: Buffer; at: number } {
    this.measure();
    const at = this.memoryCount * this.entryBytes;
    if (at + this.entryBytes > this.memory.length) {
      const grown = Buffer.alloc(Math.max(this.entryBytes * 8, this.memory.length * 2));
      this.memory.copy(grown, 0, 0, at);
      this.memory = grown;
    }
    this.memoryCount++;
    return { bytes: this.memory, at };
  }

  truncate(count: number): void {
    if (count >= this.count) return;
    if (count < this.memoryFrom) this.load();
    this.memoryCount = count - this.memoryFrom;
    if (count < (this.saved ?? 0)) {
      this.saved = count;
      this.cut = true;
    }
  }

  /** Writes new entries to the file; with `durable`, also syncs it. */
  save(durable: boolean): void {
    const count = this.count;
    const saved = this.saved ?? 0;
    const changed = count !== saved || this.cut;
    if (!changed && (!durable || this.durable)) return;
    const file = this.disk.open(this.path, { create: true });
    try {
      this.durable = false;
      if (this.cut) file.truncate(saved * this.entryBytes);
      if (count > saved) {
        const from = (saved - this.memoryFrom) * this.entryBytes;
        file.write([this.memory.subarray(from, this.memoryCount * this.entryBytes)], saved * this.entryBytes);
      }
      if (durable) {
        // An empty file has only a name, which belongs to its directory.
        if (count > 0 || saved > 0) file.sync();
        this.durable = true;
      }
    } finally {
      file.close();
    }
    this.saved = count;
    this.cut = false;
  }

  /** CRC-32C of all entries; 0 of none. */
  checksum(): number {
    if (this.count === 0) return 0;
    if (this.memoryFrom > 0) this.load();
    return crc32c(this.memory.subarray(0, this.memoryCount * this.entryBytes));
  }

  /** Drops all entries; the file follows with the next `save`. */
  reset(): void {
    this.saved = 0;
    this.cut = true;
    this.memory = Buffer.alloc(0);
    this.memoryFrom = 0;
    this.memoryCount = 0;
  }

  /** Releases memory that the file can restore. */
  unload(): void {
    if (this.saved === undefined || this.saved !== this.count || this.cut) return;
    this.memory = Buffer.alloc(0);
    this.memoryFrom = this.saved;
    this.memoryCount = 0;
  }

  private measure(): void {
    if (this.saved !== undefined) return;
    const size = this.disk.exists(this.path) ? this.disk.size(this.path) : 0;
    this.saved = Math.floor(size / this.entryBytes);
    this.cut = size % this.entryBytes !== 0;
    this.memoryFrom = this.saved;
  }

  private load(): void {
    const older = Buffer.alloc(this.memoryFrom * this.entryBytes);
    this.readFrom(older, 0);
    this.memory = Buffer.concat([older, this.memory.subarray(0, this.memoryCount * this.entryBytes)]);
    this.memoryCount += this.memoryFrom;
    this.memoryFrom = 0;
  }

  private readFrom(into: Buffer, position: number): void {
    const file = this.disk.open(this.path);
    try {
      const count = file.read(into, position);
      if (count !== into.length) throw new Error(`${this.path}: ${count} of ${into.length} bytes at ${position}`);
    } finally {
      file.close();
    }
  }
}
