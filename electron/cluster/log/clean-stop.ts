import { DiskError, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { LogCheckpoints } from './log-checkpoints.ts';
import type { LogSummary } from './log-summary.ts';
import type { Log } from './log.ts';
import { partitionKey } from './offset-checkpoint.ts';
import { hadPowerSince, restoreRecords, StopRecordsWriter } from './stop-records.ts';

const MARKER = '.kafka_cleanshutdown';
const RECORDS = 'clean-stop-records';
/** Logs that a clean stop syncs in their own files, about six syncs each, before it writes the records of the others into one file. */
const SYNCED_LOGS = 100;

type Logs = readonly { topic: string; partition: number; log: Log }[];

export interface FinishOptions {
  /** Number of logs that are synced in their own files. */
  syncedLogs?: number | undefined;
  /** Runs a part of the stop; undefined where it failed, which is reported. */
  attempt: <T>(work: () => T) => T | undefined;
  /** False where the marker must not be written. */
  writeCheckpoints: () => boolean;
}

/** State that the previous stop left. */
export interface LastStop {
  /** Whether it was a clean stop. */
  readonly clean: boolean;
  /** Whether logs without a summary are trusted: true after a clean stop of Apache Kafka, which writes no summaries. */
  readonly othersBelieved: boolean;
  /** By the name of the log's directory. */
  readonly summaries: ReadonlyMap<string, LogSummary>;
}

/**
 * The clean stop and the start after it. The marker proves that every record is durable, and everything derived from the records. Each log
 * either has all of this durable in its own files, or is closed without indexes: then its records are durable in its own file or in the
 * file of `stop-records.ts`, from which the next start restores records that a loss of power took. The marker is written when all of this
 * is durable, and is removed, durably, before anything changes; the files that it covers are removed after it.
 */
export class CleanStop {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly checkpoints: LogCheckpoints;
  private readonly logger: Logger;
  private readonly marker: string;
  private readonly records: string;

  /** The state that the last stop left. The instance of this start is made together with it: nothing can change before the marker is removed. */
  readonly last: LastStop;

  /** Reads what the last stop left and removes its marker, durably. Throws DiskError. */
  constructor(disk: Disk, directory: string, checkpoints: LogCheckpoints, logger: Logger) {
    this.disk = disk;
    this.directory = directory;
    this.checkpoints = checkpoints;
    this.logger = logger;
    this.marker = `${directory}/${MARKER}`;
    this.records = `${directory}/${RECORDS}`;
    this.last = this.begin();
  }

  private begin(): LastStop {
    const { disk, checkpoints } = this;
    const clean = disk.exists(this.marker);
    const summaries = clean ? checkpoints.readSummaries() : undefined;
    if (clean) {
      if (summaries !== undefined) this.restore(summaries);
      // The marker is wrong from the first write on, and a power cut must not restore it.
      disk.remove(this.marker);
      disk.syncDirectory(this.directory);
    }
    checkpoints.removeSummaries();
    disk.remove(this.records);
    // An unreadable summary file was written by this program, so which logs were closed without indexes is unknown.
    return { clean, othersBelieved: clean && summaries !== undefined, summaries: summaries ?? new Map<string, LogSummary>() };
  }

  private restore(summaries: Map<string, LogSummary>): void {
    const { disk, directory, records, logger, checkpoints } = this;
    // Another program may have written since: it syncs its logs, so the checkpoints differ from the summary.
    const unindexed = new Map(
      [...summaries].filter(([name, summary]) => summary.recordsChecksum !== undefined && checkpoints.confirms(name, summary)),
    );
    if (unindexed.size === 0 || hadPowerSince(disk, records)) return;
    for (const name of restoreRecords(disk, directory, records, unindexed)) {
      logger.warn('log differs from its state at the last clean stop', { directory: name });
    }
  }

  /** Closes all logs, has the checkpoints written, and writes the marker where neither failed; otherwise the next start checks all logs. */
  finish(logs: Logs, { syncedLogs = SYNCED_LOGS, attempt, writeCheckpoints }: FinishOptions): void {
    const inOrder = attempt(() => this.closeLogs(logs, syncedLogs));
    if (!writeCheckpoints() || inOrder !== true) return;
    attempt(() => {
      this.checkpoints.writeSummaries(logs);
      this.disk.writeFileAtomic(this.marker, Buffer.from('{"version":0,"brokerEpoch":-1}'));
    });
  }

  /** Returns false when a log was not closed cleanly. Throws DiskError. */
  private closeLogs(logs: Logs, syncedLogs: number): boolean {
    const records = new StopRecordsWriter(this.disk, this.records);
    let inOrder = true;
    let synced = 0;
    for (const { topic, partition, log } of logs) {
      try {
        if (closesWithoutIndexes(log, synced >= syncedLogs && records.hasRoom(log.sizeBytes))) {
          log.closeWithoutIndexes((bytes) => records.add(partitionKey(topic, partition), bytes));
        } else {
          if (log.isUnfinished) synced++;
          log.close();
        }
      } catch (error) {
        // The disk failed, also under the file of all records: the whole log directory has.
        if (error instanceof DiskError) throw error;
        inOrder = false;
        this.logger.error('log could not be closed cleanly', { directory: log.directory, error });
      }
    }
    records.finish();
    return inOrder;
  }
}

/** A durable log without indexes stays so at no cost; another log is closed without indexes when there are too many to sync. */
function closesWithoutIndexes(log: Log, tooMany: boolean): boolean {
  if (!log.isUnfinished) return false;
  return log.isWithoutIndexes && log.isDurable ? log.mayCloseWithoutIndexes : tooMany && log.mayCloseWithoutIndexes;
}
