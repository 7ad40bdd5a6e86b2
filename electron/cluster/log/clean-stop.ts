import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { LogCheckpoints } from './log-checkpoints.ts';
import type { LogSummary } from './log-summary.ts';
import type { Log } from './log.ts';
import { partitionKey } from './offset-checkpoint.ts';
import { hadPowerSince, restoreRecords, StopRecordsWriter } from './stop-records.ts';

const MARKER = '.kafka_cleanshutdown';
const RECORDS = 'clean-stop-records';
/** Logs that a stop makes durable in their own files, half a dozen syncs each, before the records of the others go into one file. */
const SYNCED_LOGS = 100;

type Logs = Iterable<{ topic: string; partition: number; log: Log }>;

/** What the last stop left. */
export interface LastStop {
  /** Whether it was a clean one. */
  readonly clean: boolean;
  /** Whether a log of which it says nothing may be believed: after a stop of Apache Kafka's, which says nothing of any. */
  readonly othersBelieved: boolean;
  /** By the name of the log's directory. */
  readonly summaries: ReadonlyMap<string, LogSummary>;
}

/**
 * The clean stop and the start after it. The marker vouches for every record and for what follows from the records. Each log either has all
 * of it on the medium in its own files, or is left bare: then its records are, or they stand in the file of `stop-records.ts`, from which the next
 * start restores what a loss of power took. The marker is written when all of that is durable, and removed, durably, before anything
 * changes; the files that it vouches for go after it.
 */
export class CleanStop {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly checkpoints: LogCheckpoints;
  private readonly logger: Logger;
  private readonly marker: string;
  private readonly records: string;

  constructor(disk: Disk, directory: string, checkpoints: LogCheckpoints, logger: Logger) {
    this.disk = disk;
    this.directory = directory;
    this.checkpoints = checkpoints;
    this.logger = logger;
    this.marker = `${directory}/${MARKER}`;
    this.records = `${directory}/${RECORDS}`;
  }

  /** To be called before anything in the directory is looked at. Throws DiskError. */
  begin(): LastStop {
    const { disk, checkpoints } = this;
    const clean = disk.exists(this.marker);
    const summaries = clean ? checkpoints.readSummaries() : undefined;
    if (clean) {
      if (summaries !== undefined) this.restore(summaries);
      // From the first write on the marker would be a lie, and a power cut must not bring it back.
      disk.remove(this.marker);
      disk.syncDirectory(this.directory);
    }
    checkpoints.removeSummaries();
    disk.remove(this.records);
    // A summary file that cannot be read is one of ours: what it said of bare logs nobody knows.
    return { clean, othersBelieved: clean && summaries !== undefined, summaries: summaries ?? new Map<string, LogSummary>() };
  }

  private restore(summaries: Map<string, LogSummary>): void {
    const { disk, directory, records, logger, checkpoints } = this;
    // What another has written since is not to be taken for a loss: it syncs its logs, so the checkpoints say something else then.
    const bare = new Map([...summaries].filter(([name, summary]) => summary.bare !== undefined && checkpoints.bearOut(name, summary)));
    if (bare.size === 0 || hadPowerSince(disk, records)) return;
    for (const name of restoreRecords(disk, directory, records, bare)) logger.warn('a log is not as it was stopped', { directory: name });
  }

  /** Closes all logs; false when one could not be closed in order. Throws DiskError. */
  closeLogs(logs: Logs, syncedLogs = SYNCED_LOGS): boolean {
    const records = new StopRecordsWriter(this.disk, this.records);
    let inOrder = true;
    let synced = 0;
    for (const { topic, partition, log } of logs) {
      let kept: Buffer | undefined;
      try {
        if (staysBare(log, synced >= syncedLogs && records.hasRoom(log.sizeBytes))) kept = log.leaveBare();
        else {
          if (log.isUnfinished) synced++;
          log.close();
        }
      } catch (error) {
        inOrder = false;
        this.logger.error('log could not be closed cleanly', { directory: log.directory, error });
      }
      if (kept !== undefined) records.add(partitionKey(topic, partition), kept);
    }
    records.finish();
    return inOrder;
  }

  /** To be called when the checkpoints are written and nothing failed. Throws DiskError. */
  vouch(logs: Logs): void {
    this.checkpoints.writeSummaries(logs);
    this.disk.writeFileAtomic(this.marker, Buffer.from('{"version":0,"brokerEpoch":-1}'));
  }
}

/** One that is bare and durable costs nothing to leave so; another is, where there are too many to be synced. */
function staysBare(log: Log, tooMany: boolean): boolean {
  if (!log.isUnfinished) return false;
  return log.isBare && log.isDurable ? log.mayStayBare : tooMany && log.mayStayBare;
}
