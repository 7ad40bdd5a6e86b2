/**
 * The closed segments of one log: where each ends, its size, its largest timestamp and the checksums of its indexes. An open compares the
 * files with it, so that a missing or truncated segment is noticed instead of skipped; compaction leaves gaps that look the same.
 *
 * Invariant: an entry exists only while the segment is closed and a later one exists. So the entry is removed, durably, before its files
 * change or are deleted, and is written after the file of the next segment was created. Apache Kafka has no such file, and ignores it.
 */
import { DiskError, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { crc32c } from '../protocol/crc32c.ts';
import type { TimestampOffset } from './time-index.ts';

export const SEGMENT_MANIFEST_FILE = 'closed-segments';
const VERSION = 'closed-segments 0';

/** CRC-32C of each index file's entries; of no entries it is 0. */
export interface IndexChecksums {
  readonly offset: number;
  readonly time: number;
  readonly transaction: number;
}

/** For a segment that lacked records before its size was recorded. */
export const UNKNOWN_SIZE = Number.MAX_SAFE_INTEGER;

export interface ClosedSegment {
  readonly baseOffset: bigint;
  /** Where the next segment starts. */
  readonly endOffset: bigint;
  /** Of the .log file. */
  readonly sizeBytes: number;
  readonly largest: TimestampOffset;
  readonly checksums: IndexChecksums;
}

/** The size of a segment that is being replaced: see `markReplacing`. */
const REPLACING_SIZE = UNKNOWN_SIZE - 1;

/** An entry by which an open finds that nothing in the segment counts, whatever its file holds. */
export function markReplacing({ baseOffset, endOffset }: ClosedSegment): ClosedSegment {
  const checksums = { offset: 0, time: 0, transaction: 0 };
  return { baseOffset, endOffset, sizeBytes: REPLACING_SIZE, largest: { timestamp: -1n, offset: -1n }, checksums };
}

export function isReplacing({ sizeBytes }: ClosedSegment): boolean {
  return sizeBytes === REPLACING_SIZE;
}

export class SegmentManifest {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly byBase = new Map<bigint, ClosedSegment>();
  private changed = false;
  /** Whether a power cut may remove the file, or restore its former content. */
  private unsynced = false;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.path = `${directory}/${SEGMENT_MANIFEST_FILE}`;
  }

  /** In order of offsets. */
  get entries(): ClosedSegment[] {
    return [...this.byBase.values()].sort((a, b) => (a.baseOffset < b.baseOffset ? -1 : 1));
  }
  get(baseOffset: bigint): ClosedSegment | undefined {
    return this.byBase.get(baseOffset);
  }

  /** Returns whether the file exists and can be read; an unreadable one counts as absent. Throws DiskError. */
  load(logger: Logger): boolean {
    this.byBase.clear();
    if (!this.disk.exists(this.path)) return false;
    try {
      for (const entry of parse(this.path, this.disk.readFile(this.path).toString('utf8'))) this.byBase.set(entry.baseOffset, entry);
      return true;
    } catch (error) {
      if (error instanceof DiskError) throw error;
      logger.warn('manifest of closed segments cannot be read and is rebuilt', { path: this.path, error });
      this.byBase.clear();
      this.changed = true;
      return false;
    }
  }

  put(entry: ClosedSegment): void {
    this.byBase.set(entry.baseOffset, entry);
    this.changed = true;
  }

  /**
   * Replaces entries with those given, durably. Throws DiskError, with the former entries restored: a log that is only short of descriptors
   * stays in use and saves them later. The file may hold either.
   */
  replace(entries: readonly ClosedSegment[]): void {
    const former = [...this.byBase];
    for (const entry of entries) this.put(entry);
    try {
      this.save(true);
    } catch (error) {
      this.byBase.clear();
      for (const [baseOffset, entry] of former) this.byBase.set(baseOffset, entry);
      throw error;
    }
  }

  drop(which: (entry: ClosedSegment) => boolean): void {
    for (const entry of this.byBase.values()) if (which(entry)) this.changed = this.byBase.delete(entry.baseOffset) || this.changed;
  }

  /** Writes the entries to the file where they have changed. Throws DiskError. */
  save(durable: boolean): void {
    if (!this.changed && !(durable && this.unsynced)) return;
    if (this.byBase.size === 0) this.disk.remove(this.path);
    else this.write(durable);
    this.changed = false;
    this.unsynced = !durable && this.byBase.size > 0;
  }

  private write(durable: boolean): void {
    const bytes = format(this.entries);
    if (durable) {
      this.disk.writeFileAtomic(this.path, bytes);
      return;
    }
    const aside = `${this.path}.tmp`;
    const file = this.disk.open(aside, { create: true });
    try {
      file.truncate(0);
      file.write([bytes], 0);
    } finally {
      file.close();
    }
    this.disk.rename(aside, this.path);
  }
}

function format(entries: readonly ClosedSegment[]): Buffer {
  const lines = entries.map(
    ({ baseOffset, endOffset, sizeBytes, largest, checksums: { offset, time, transaction } }) =>
      `${baseOffset} ${endOffset} ${sizeBytes} ${largest.timestamp} ${largest.offset} ${offset} ${time} ${transaction}`,
  );
  const body = [VERSION, ...lines, ''].join('\n');
  return Buffer.from(`${body}crc32c ${crc32c(Buffer.from(body))}\n`);
}

function parse(path: string, text: string): ClosedSegment[] {
  const end = text.lastIndexOf('crc32c ');
  const body = text.slice(0, Math.max(0, end));
  if (text.slice(end) !== `crc32c ${crc32c(Buffer.from(body))}\n`) throw new Error(`${path}: its checksum is wrong`);
  const [version, ...lines] = body.split('\n').slice(0, -1);
  if (version !== VERSION) throw new Error(`${path}: "${version ?? ''}" is not a version that is known here`);
  return lines.map((line) => {
    if (!/^\d+ \d+ \d+ -?\d+ -?\d+ \d+ \d+ \d+$/.test(line)) throw new Error(`${path}: not an entry: ${line}`);
    const fields = line.split(' ').map(BigInt) as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
    const [baseOffset, endOffset, size, timestamp, offset, offsets, times, transactions] = fields;
    return {
      baseOffset,
      endOffset,
      sizeBytes: Number(size),
      largest: { timestamp, offset },
      checksums: { offset: Number(offsets), time: Number(times), transaction: Number(transactions) },
    };
  });
}
