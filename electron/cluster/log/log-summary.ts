import { sizeIfExists, type Disk } from '../lib/disk.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import type { EpochStart } from './leader-epochs.ts';
import { LOG_SUFFIX, offsetFile } from './log-files.ts';

/**
 * What a clean stop records of a log, so that the next start need not read its directory: with thousands of partitions that takes most of
 * the time of a start. A log that is opened from its summary opens its files with the first read or write.
 *
 * Not a file of Apache Kafka, which ignores it. It is trusted only together with the clean-shutdown marker, and where the checkpoints
 * still agree with it, so that a stop of Kafka in between is noticed.
 */
export interface LogSummary {
  topicId: string | undefined;
  startOffset: bigint;
  endOffset: bigint;
  sizeBytes: number;
  /** Base offset of the active segment, and its bytes. */
  activeBase: bigint;
  activeBytes: number;
  /** Largest timestamp of the oldest segment; −1 when its records have none. Retention by age begins with it. */
  oldestTimestamp: bigint;
  /** Whether there are producer snapshots beside the segments. */
  snapshots: boolean;
  /** Everything below is durable in the log's own files: the log end, except where the rest is in the file of `stop-records.ts`. */
  flushedTo: bigint;
  /** CRC-32C of the only segment of a log that was closed without indexes: of its files only the records count. Undefined for other logs. */
  recordsChecksum: number | undefined;
  epochs: readonly EpochStart[];
}

const FIELDS = 12;

/** Summaries by the name of the log's directory; empty when there are none. Throws when the file is incomplete. */
export function readSummaries(disk: Disk, path: string): Map<string, LogSummary> {
  const summaries = new Map<string, LogSummary>();
  for (const line of readCheckpoint(disk, path) ?? []) {
    const words = line.split(' ');
    if (words.length !== FIELDS) throw new Error(`${path}: not an entry: ${line}`);
    const [name, topicId, start, end, size, activeBase, activeBytes, oldest, snapshots, flushed, recordsChecksum, epochs] = words as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    summaries.set(name, {
      topicId: topicId === '-' ? undefined : topicId,
      startOffset: BigInt(start),
      endOffset: BigInt(end),
      sizeBytes: Number(size),
      activeBase: BigInt(activeBase),
      activeBytes: Number(activeBytes),
      oldestTimestamp: BigInt(oldest),
      snapshots: snapshots === '1',
      flushedTo: BigInt(flushed),
      recordsChecksum: recordsChecksum === '-' ? undefined : Number(recordsChecksum),
      epochs: parseEpochs(epochs),
    });
  }
  return summaries;
}

/** Durable on return. */
export function writeSummaries(disk: Disk, path: string, summaries: ReadonlyMap<string, LogSummary>): void {
  const lines: string[] = [];
  for (const [name, one] of summaries) {
    const epochs = one.epochs.map(({ epoch, startOffset }) => `${epoch}:${startOffset}`).join(',');
    lines.push(
      `${name} ${one.topicId ?? '-'} ${one.startOffset} ${one.endOffset} ${one.sizeBytes} ${one.activeBase} ${one.activeBytes} ${one.oldestTimestamp} ${one.snapshots ? 1 : 0} ${one.flushedTo} ${one.recordsChecksum ?? '-'} ${epochs || '-'}`,
    );
  }
  writeCheckpoint(disk, path, lines);
}

function parseEpochs(text: string): EpochStart[] {
  if (text === '-') return [];
  return text.split(',').map((pair) => {
    const [epoch, startOffset] = pair.split(':');
    return { epoch: Number(epoch), startOffset: BigInt(startOffset ?? '') };
  });
}

/** Whether the files have the sizes that the stop recorded: the disk may have lost some since. One check, where there is one segment. */
export function hasExpectedSize(disk: Disk, directory: string, { activeBase, activeBytes, sizeBytes }: LogSummary): boolean {
  if (sizeIfExists(disk, offsetFile(directory, activeBase, LOG_SUFFIX)) !== activeBytes) return false;
  if (sizeBytes === activeBytes) return true;
  const sizes = disk.list(directory).map((name) => (name.endsWith(LOG_SUFFIX) ? disk.size(`${directory}/${name}`) : 0));
  return sizes.reduce((sum, size) => sum + size, 0) === sizeBytes;
}
