/**
 * The proof that this broker lost no record in its previous run, and the proof of this run, in the order in which they are valid: the marker of
 * the last stop is read before the logs open, which removes it; the run is noted before its epoch is used; the epoch is written into the marker
 * after the logs have closed. What proves it is described in `previous-run.ts`.
 */
import { must } from '../lib/assert.ts';
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { KafkaError } from '../protocol/kafka-error.ts';
import { readCleanShutdownEpoch, readRunEpoch, removeRunNote, writeCleanShutdownEpoch, writeRunEpoch } from './previous-run.ts';

/** The part of `LogManager` that decides whether records were lost. */
interface ProvenLogs {
  readonly lostRecords: boolean;
  readonly failures: ReadonlyMap<string, Error>;
  readonly storageError: KafkaError | undefined;
  close(): void;
}

export class RunProof {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly logger: Logger;
  private readonly closedCleanly: bigint;
  private logs: ProvenLogs | undefined;
  private provenEpoch: bigint | undefined;

  constructor(disk: Disk, directory: string, logger: Logger) {
    this.disk = disk;
    this.directory = directory;
    this.logger = logger;
    this.closedCleanly = readCleanShutdownEpoch(disk, directory, logger);
  }

  /** Opens the logs and decides what they prove of the previous run. */
  open<Logs extends ProvenLogs>(openLogs: () => Logs): Logs {
    const logs = openLogs();
    this.logs = logs;
    const whole = !logs.lostRecords && logs.failures.size === 0;
    if (!whole) this.invalidate();
    this.provenEpoch = !whole ? -1n : this.closedCleanly >= 0n ? this.closedCleanly : readRunEpoch(this.disk, this.directory, this.logger);
    return logs;
  }

  /** The epoch under which the previous run ended without a loss of records; −1 where no proof exists. */
  get previousEpoch(): bigint {
    return must(this.provenEpoch, 'the previous run is known once the logs are open');
  }

  /** The broker has an epoch, which it has not used yet. */
  begin(brokerEpoch: bigint): void {
    writeRunEpoch(this.disk, this.directory, brokerEpoch);
  }

  /** Records were lost, or the page cache cannot be trusted: this run is no proof for the next. */
  invalidate(): void {
    removeRunNote(this.disk, this.directory);
  }

  /** Closes the logs; where their disk works, the next run has the proof of a clean stop. */
  close(brokerEpoch: bigint): void {
    const logs = must(this.logs, 'logs that were not opened cannot be closed');
    logs.close();
    if (logs.storageError === undefined) writeCleanShutdownEpoch(this.disk, this.directory, brokerEpoch);
  }
}
