import type { Disk, DiskFile } from '../lib/disk.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { LOG_SUFFIX, offsetFile, PARTITION_METADATA_FILE } from './log-files.ts';
import { writePartitionMetadata } from './partition-metadata.ts';
import type { LogSummary } from './log-summary.ts';

/**
 * The records of the logs that a clean stop did not sync one by one, all in one file that is: with thousands of logs their own syncs would take
 * half a minute. The operating system holds what was written as long as the machine has power, so the next start needs the file only where
 * power was lost in between, or where that is unknown: then each log whose own file has changed is restored from here.
 *
 * Format: a line that names the power cycle, then for each log the name of its directory and its one segment, each preceded by its length.
 * The summaries decide validity: an entry with another checksum belongs to another stop.
 */
const VERSION = 0;
const MAX_HEADER_BYTES = 1024;
const CHUNK_BYTES = 1024 * 1024;

export class StopRecordsWriter {
  /** Maximum bytes of records: beyond that, syncs are faster. */
  static readonly maxBytes = 64 * 1024 * 1024;
  private readonly disk: Disk;
  private readonly path: string;
  private file: DiskFile | undefined;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private written = 0;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  hasRoom(bytes: number): boolean {
    return this.written + this.waitingBytes + bytes <= StopRecordsWriter.maxBytes;
  }

  add(directoryName: string, records: Buffer): void {
    if (this.file === undefined) {
      this.file = this.disk.open(this.path, { create: true });
      this.file.truncate(0);
      this.put(Buffer.from(`${JSON.stringify({ version: VERSION, powerCycle: this.disk.powerCycle })}\n`));
    }
    const name = Buffer.from(directoryName);
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(name.length, 0);
    lengths.writeUInt32BE(records.length, 4);
    this.put(lengths, name, records);
    if (this.waitingBytes >= CHUNK_BYTES) this.write();
  }

  /** Makes the file durable, except its name: the marker that is written next is in the same directory and makes it durable. */
  finish(): void {
    const { file } = this;
    if (file === undefined) return;
    this.write();
    file.sync();
    file.close();
    this.file = undefined;
  }

  private put(...chunks: Buffer[]): void {
    for (const chunk of chunks) {
      this.waiting.push(chunk);
      this.waitingBytes += chunk.length;
    }
  }

  private write(): void {
    this.file?.write(this.waiting, this.written);
    this.written += this.waitingBytes;
    this.waiting = [];
    this.waitingBytes = 0;
  }
}

/** Whether the machine has had power since the stop, so that the logs' own files are as the stop left them. */
export function hadPowerSince(disk: Disk, path: string): boolean {
  if (disk.powerCycle === undefined || !disk.exists(path)) return false;
  const file = disk.open(path);
  try {
    const start = Buffer.alloc(MAX_HEADER_BYTES);
    return powerCycleOf(start.subarray(0, file.read(start, 0))) === disk.powerCycle;
  } finally {
    file.close();
  }
}

/**
 * Restores records that a loss of power took from the logs' own files, durably; unchanged logs are not touched. `unindexed`: summaries of the
 * logs that the stop closed without indexes, by the names of their directories. Returns the names of those that could not be restored. May be
 * interrupted and repeated.
 */
export function restoreRecords(disk: Disk, directory: string, path: string, unindexed: ReadonlyMap<string, LogSummary>): Set<string> {
  const lost = new Set([...unindexed].flatMap(([name, summary]) => (isWhole(disk, `${directory}/${name}`, summary) ? [] : name)));
  if (lost.size === 0 || !disk.exists(path)) return lost;
  for (const { name, records } of entries(disk.readFile(path))) {
    const { recordsChecksum, topicId } = unindexed.get(name) ?? {};
    if (!lost.has(name) || topicId === undefined || crc32c(records) !== recordsChecksum) continue;
    remake(disk, `${directory}/${name}`, topicId, records);
    lost.delete(name);
  }
  disk.syncDirectory(directory);
  return lost;
}

function isWhole(disk: Disk, directory: string, { recordsChecksum, topicId }: LogSummary): boolean {
  const log = offsetFile(directory, 0n, LOG_SUFFIX);
  const metadata = `${directory}/${PARTITION_METADATA_FILE}`;
  if (!disk.exists(log) || !disk.exists(metadata)) return false;
  return crc32c(disk.readFile(log)) === recordsChecksum && disk.readFile(metadata).includes(topicId ?? '\0');
}

/** Of a log that was closed without indexes only the records count; older files in its directory could mislead. */
function remake(disk: Disk, directory: string, topicId: string, records: Buffer): void {
  disk.makeDirectory(directory);
  for (const name of disk.list(directory)) disk.remove(`${directory}/${name}`);
  writePartitionMetadata(disk, directory, topicId);
  disk.writeFileAtomic(offsetFile(directory, 0n, LOG_SUFFIX), records);
}

function powerCycleOf(start: Buffer): unknown {
  const end = start.indexOf('\n');
  if (end < 0) return undefined;
  try {
    const header: unknown = JSON.parse(start.toString('utf8', 0, end));
    if (typeof header !== 'object' || header === null || !('version' in header) || header.version !== VERSION) return undefined;
    return 'powerCycle' in header ? header.powerCycle : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Those that are whole in length. */
function* entries(bytes: Buffer): Generator<{ name: string; records: Buffer }, void, undefined> {
  for (let at = bytes.indexOf('\n') + 1; at > 0 && at + 8 <= bytes.length;) {
    const nameEnd = at + 8 + bytes.readUInt32BE(at);
    const end = nameEnd + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) return;
    yield { name: bytes.toString('utf8', at + 8, nameEnd), records: bytes.subarray(nameEnd, end) };
    at = end;
  }
}
