import type { Disk, DiskFile } from '../lib/disk.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { LOG_SUFFIX, offsetFile, PARTITION_METADATA_FILE } from './log-files.ts';
import { writePartitionMetadata } from './partition-metadata.ts';
import type { LogSummary } from './log-summary.ts';

/**
 * The records of the logs that a clean stop did not sync one by one, all in one file that is: with thousands of logs their own syncs would take
 * half a minute. What was written is with the system as long as the machine has power, so the next start needs the file only where that
 * was lost in between, or where nobody can say: then each log whose own file is not what it was is made anew from here.
 *
 * A line that names the power cycle, then for each log its directory's name and its one segment, each with its length before it. What is
 * right is said by the summaries: an entry that has another checksum is of another stop.
 */
const VERSION = 0;
const MAX_HEADER_BYTES = 1024;
const CHUNK_BYTES = 1024 * 1024;

export class StopRecordsWriter {
  /** So many bytes of records, at most: beyond that, syncs are the faster way. */
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

  /** Makes it durable, its name aside: the marker that comes next takes that along, as it is in the same directory. */
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

/** Whether the logs' own files are as the stop left them because the machine has had power ever since. */
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
 * Puts back what a loss of power took of the logs' own files, durably. Those that are as they were are left alone. `bare`: what the stop said of
 * the logs that it left bare, by their directories' names. Returns the names of those that could not be put back. May be cut short and
 * done again.
 */
export function restoreRecords(disk: Disk, directory: string, path: string, bare: ReadonlyMap<string, LogSummary>): Set<string> {
  const damaged = new Set([...bare].flatMap(([name, summary]) => (isWhole(disk, `${directory}/${name}`, summary) ? [] : name)));
  if (damaged.size === 0 || !disk.exists(path)) return damaged;
  for (const { name, records } of entries(disk.readFile(path))) {
    const { bare: checksum, topicId } = bare.get(name) ?? {};
    if (!damaged.has(name) || topicId === undefined || crc32c(records) !== checksum) continue;
    remake(disk, `${directory}/${name}`, topicId, records);
    damaged.delete(name);
  }
  disk.syncDirectory(directory);
  return damaged;
}

function isWhole(disk: Disk, directory: string, { bare, topicId }: LogSummary): boolean {
  const log = offsetFile(directory, 0n, LOG_SUFFIX);
  const metadata = `${directory}/${PARTITION_METADATA_FILE}`;
  if (!disk.exists(log) || !disk.exists(metadata)) return false;
  return crc32c(disk.readFile(log)) === bare && disk.readFile(metadata).includes(topicId ?? '\0');
}

/** Nothing else counts of a log that was left bare, and what came back of it from before could mislead. */
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
