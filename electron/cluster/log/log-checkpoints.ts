import type { Disk } from '../lib/disk.ts';
import { DiskError } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import type { Log } from './log.ts';
import { readSummaries, writeSummaries, type LogSummary } from './log-summary.ts';
import { OffsetCheckpoint, partitionKey } from './offset-checkpoint.ts';

export type CheckpointName = 'recoveryPoint' | 'logStartOffset' | 'highWatermark';

/** State of a log that the checkpoint files hold. */
export interface KnownOffsets {
  recoveryPoint: bigint | undefined;
  logStartOffset: bigint | undefined;
  highWatermark: bigint | undefined;
}

type Logs = Iterable<{ topic: string; partition: number; log: Log }>;

/** The checkpoint files of a data directory: one offset per log in each, as in Apache Kafka, and the summaries of a clean stop. */
export class LogCheckpoints {
  private readonly disk: Disk;
  private readonly logger: Logger;
  private readonly files: Readonly<Record<CheckpointName, OffsetCheckpoint>>;
  private readonly summaryPath: string;
  private readonly singlesPath: string;
  private writtenSingles: string | undefined;
  private found: Readonly<Record<CheckpointName, Map<string, bigint>>> | undefined;

  constructor(disk: Disk, directory: string, logger: Logger) {
    this.disk = disk;
    this.logger = logger;
    this.files = {
      recoveryPoint: new OffsetCheckpoint(disk, `${directory}/recovery-point-offset-checkpoint`),
      logStartOffset: new OffsetCheckpoint(disk, `${directory}/log-start-offset-checkpoint`),
      highWatermark: new OffsetCheckpoint(disk, `${directory}/replication-offset-checkpoint`),
    };
    this.summaryPath = `${directory}/log-summary-checkpoint`;
    this.singlesPath = `${directory}/single-segment-checkpoint`;
  }

  /** The checkpointed state of the log in the directory of that name. Throws DiskError. */
  known(name: string): KnownOffsets {
    this.found ??= {
      recoveryPoint: this.readable(() => this.files.recoveryPoint.read()) ?? new Map<string, bigint>(),
      logStartOffset: this.readable(() => this.files.logStartOffset.read()) ?? new Map<string, bigint>(),
      highWatermark: this.readable(() => this.files.highWatermark.read()) ?? new Map<string, bigint>(),
    };
    const { recoveryPoint, logStartOffset, highWatermark } = this.found;
    return { recoveryPoint: recoveryPoint.get(name), logStartOffset: logStartOffset.get(name), highWatermark: highWatermark.get(name) };
  }

  /** Releases the checkpoints that were read. */
  forget(): void {
    this.found = undefined;
  }

  write(which: CheckpointName, logs: Logs): void {
    const entries: { topic: string; partition: number; offset: bigint }[] = [];
    for (const { topic, partition, log } of logs) {
      if (!log.exists) continue;
      const offset = which === 'highWatermark' ? log.highWatermark : which === 'recoveryPoint' ? log.recoveryPoint : log.logStartOffset;
      entries.push({ topic, partition, offset });
    }
    this.files[which].write(entries);
  }

  /** Summaries of the last clean stop; empty where there is no file, undefined when it cannot be read. Throws DiskError. */
  readSummaries(): Map<string, LogSummary> | undefined {
    return this.readable(() => readSummaries(this.disk, this.summaryPath));
  }

  /** Whether the checkpoints agree with the summary of the log in the directory of that name: another program may have written since. */
  confirms(name: string, { flushedTo, startOffset }: LogSummary): boolean {
    const { recoveryPoint, logStartOffset } = this.known(name);
    return recoveryPoint === flushedTo && logStartOffset === startOffset;
  }

  removeSummaries(): void {
    this.disk.remove(this.summaryPath);
  }

  writeSummaries(logs: Logs): void {
    const summaries = new Map<string, LogSummary>();
    for (const { topic, partition, log } of logs) {
      const summary = log.summary();
      if (summary !== undefined) summaries.set(partitionKey(topic, partition), summary);
    }
    writeSummaries(this.disk, this.summaryPath, summaries);
  }

  /**
   * Topic ids, by directory, of the logs that were one segment from offset 0 when this file was last written, so that a start after a crash
   * need not list their directories. It is a hint that recovery checks. The id is valid because the file is rewritten before the name of a
   * deleted partition can be used again.
   *
   * Valid only while the machine has had power: recovery checks that no segment begins where this one ends, and a power cut may take the end
   * of the one and leave the next, which would later be read behind newer records.
   */
  readSingles(): Map<string, string> {
    const read = (): Map<string, string> => {
      const singles = new Map<string, string>();
      const [first, ...lines] = readCheckpoint(this.disk, this.singlesPath) ?? [];
      if (this.powerCycleLine === undefined || first !== this.powerCycleLine) return singles;
      for (const line of lines) {
        const match = /^(\S+) ([\w-]{22})$/.exec(line);
        if (match === null) throw new Error(`${this.singlesPath}: not an entry: ${line}`);
        singles.set(match[1] as string, match[2] as string);
      }
      return singles;
    };
    return this.readable(read) ?? new Map<string, string>();
  }

  writeSingles(logs: Logs): void {
    const { powerCycleLine } = this;
    if (powerCycleLine === undefined) return;
    const lines = [powerCycleLine];
    for (const { topic, partition, log } of logs) {
      if (log.exists && log.topicId !== undefined && log.isSingleSegment) lines.push(`${partitionKey(topic, partition)} ${log.topicId}`);
    }
    const text = lines.join('\n');
    if (text === this.writtenSingles) return;
    writeCheckpoint(this.disk, this.singlesPath, lines);
    this.writtenSingles = text;
  }

  private get powerCycleLine(): string | undefined {
    const { powerCycle } = this.disk;
    return powerCycle === undefined ? undefined : `power-cycle ${powerCycle}`;
  }

  /** An unreadable file makes the start longer and loses no data. */
  private readable<T>(read: () => Map<string, T>): Map<string, T> | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof DiskError) throw error;
      this.logger.warn('checkpoint is corrupt and is ignored', { error });
      return undefined;
    }
  }
}
