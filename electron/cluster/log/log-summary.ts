import type { Disk } from '../lib/disk.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import type { EpochStart } from './leader-epochs.ts';

/**
 * What a clean stop leaves of a log, so that the next start need not look into its directory: with thousands of partitions that
 * is what a start takes its time for. A log that is taken up from its summary opens its files when something is first read or written.
 *
 * Of our own making: Apache Kafka neither writes nor minds it. It is believed only together with the marker of a clean shutdown, and where
 * the checkpoints still say the same, so that a stop of Kafka's in between is noticed.
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
  /** Everything below is on the medium in the log's own files; the end, except where the rest is in `stop-records.ts`'s file. */
  flushedTo: bigint;
  /** CRC-32C of the one segment of a log that was left bare: of its files only the records count. Undefined of others. */
  bare: number | undefined;
  epochs: readonly EpochStart[];
}

const FIELDS = 12;

/** Summaries by the name of the log's directory; empty when there are none. Throws when the file is not whole. */
export function readSummaries(disk: Disk, path: string): Map<string, LogSummary> {
  const summaries = new Map<string, LogSummary>();
  for (const line of readCheckpoint(disk, path) ?? []) {
    const words = line.split(' ');
    if (words.length !== FIELDS) throw new Error(`${path}: not an entry: ${line}`);
    const [name, topicId, start, end, size, activeBase, activeBytes, oldest, snapshots, flushed, bare, epochs] = words as [
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
      bare: bare === '-' ? undefined : Number(bare),
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
      `${name} ${one.topicId ?? '-'} ${one.startOffset} ${one.endOffset} ${one.sizeBytes} ${one.activeBase} ${one.activeBytes} ${one.oldestTimestamp} ${one.snapshots ? 1 : 0} ${one.flushedTo} ${one.bare ?? '-'} ${epochs || '-'}`,
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
