import type { Clock } from '../lib/clock.ts';
import { DiskError, isDescriptorShortage, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { CleanStop, type LastStop } from './clean-stop.ts';
import { FilePool } from './file-pool.ts';
import { LogCheckpoints, type CheckpointName, type KnownOffsets } from './log-checkpoints.ts';
import type { LogConfig } from './log-config.ts';
import { LogCleaner, type LogCleanerOptions } from './log-cleaner.ts';
import type { LogCorruption } from './corruption.ts';
import { hasExpectedSize } from './log-summary.ts';
import type { LogOptions } from './log-types.ts';
import { openLog, type Log } from './log.ts';
import { partitionKey } from './offset-checkpoint.ts';
import { DELETED_SUFFIX, parsePartitionDirectory, SET_ASIDE_SUFFIX, uniqueDirectoryName } from './partition-directory.ts';
import { ParentDirectory } from './parent-directory.ts';
import { RetentionRound } from './retention-round.ts';
import { TailCache } from './tail-cache.ts';
import { TimedWork } from './timed-work.ts';

/** Syncs that can wait are not made in the first seconds of a start. */
const FLUSH_LATER_MS = 10_000;
const CHECKPOINTS: readonly CheckpointName[] = ['recoveryPoint', 'logStartOffset', 'highWatermark'];

export interface LogManagerOptions {
  disk: Disk;
  /** The data directory; created if absent. */
  directory: string;
  clock: Clock;
  logger: Logger;
  random: Random;
  /** The configuration of a topic, with defaults. Read at every open and create. */
  configFor: (topic: string) => LogConfig;
  /** Files that are kept open together, at most; 2,000 if absent. */
  maxOpenFiles?: number | undefined;
  /** Memory for the tails of all logs; 8 MiB if absent. */
  tailCacheBytes?: number;
  /** log.retention.check.interval.ms; 5 minutes if absent. */
  retentionIntervalMs?: number;
  /** How often offsets are written to checkpoint files; 5 seconds if absent. */
  checkpointIntervalMs?: number;
  /** log.flush.scheduler.interval.ms: interval of the checks of flush.ms; 1 second if absent. */
  flushIntervalMs?: number;
  /** Number of logs, among those that the last stop left unflushed, that are flushed with each check of flush.ms; 20 if absent. */
  flushedLater?: number;
  /** Number of logs that `close` syncs one by one; see `CleanStop`. */
  syncedAtClose?: number | undefined;
  /** Compaction; off when `cleaner` is false. */
  cleaner?: Pick<LogCleanerOptions, 'backoffMs' | 'maxKeyBytes' | 'maxBytesPerSecond'> | false;
  /** file.delete.delay.ms: how long a deleted partition's files stay; 1 minute if absent. */
  deleteDelayMs?: number;
  /** Corruption was found in a log; called while the logs are being opened as well. */
  onCorruption?: (topic: string, partition: number, corruption: LogCorruption) => void;
  /** Called once, when the disk has failed: the directory takes no more writes until the node restarts. */
  storageFailed?: (error: KafkaError) => void;
}

export interface ManagedLog {
  topic: string;
  partition: number;
  log: Log;
}

/**
 * All logs of a data directory, one in `<topic>-<partition>` each, with the checkpoint files and the clean-shutdown marker
 * beside them, as in Apache Kafka. Owns the periodic work: retention, checkpoints, timed flushes, removal of deleted files.
 */
export class LogManager {
  /** Whether the last stop was clean, so that the files could be trusted. */
  readonly openedClean: boolean;
  /** Whether a log holds fewer records than the last stop, a clean one, had recorded. */
  private shortened = false;
  /** Partitions whose log could not be opened, with the reason. */
  private readonly unopened: Map<string, Error>;
  private readonly options: LogManagerOptions;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly tailCache: TailCache;
  private readonly files: FilePool;
  private readonly parent: ParentDirectory;
  private readonly byKey = new Map<string, ManagedLog>();
  private readonly byTopic = new Map<string, Set<ManagedLog>>();
  private readonly timed: TimedWork;
  private readonly retention: RetentionRound;
  private readonly checkpoints: LogCheckpoints;
  private readonly stop: CleanStop;
  /** Logs that the last stop left unflushed. */
  private readonly unflushed = new Set<Log>();
  /** Compacts, unless it is off. */
  readonly cleaner: LogCleaner;
  private readonly urgent = new Set<CheckpointName>();
  private failure: KafkaError | undefined;
  private closed = false;

  /**
   * Finds all logs and starts the periodic work. After a clean stop a log is opened with its first use. After any other stop each log is
   * opened and its end is checked. Throws KafkaError KAFKA_STORAGE_ERROR when the directory itself cannot be used.
   */
  static open(options: LogManagerOptions): LogManager {
    try {
      return new LogManager(options);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${options.directory} cannot be used: ${cause.message}`, { cause });
    }
  }

  private constructor(options: LogManagerOptions) {
    const { disk, directory } = options;
    this.options = options;
    this.disk = disk;
    this.directory = directory;
    this.tailCache = new TailCache(options.tailCacheBytes);
    this.files = new FilePool(disk, options.maxOpenFiles);
    this.timed = new TimedWork(options.clock, (work) => this.attempt(work));
    this.retention = new RetentionRound(options, this.timed);
    this.parent = new ParentDirectory(disk, directory);
    this.checkpoints = new LogCheckpoints(disk, directory, options.logger);
    disk.makeDirectory(directory);
    this.stop = new CleanStop(disk, directory, this.checkpoints, options.logger);
    const { last } = this.stop;
    this.openedClean = last.clean;
    this.unopened = this.openAll(last, last.clean ? new Map<string, string>() : this.checkpoints.readSingles());
    this.checkpoints.forget();
    const { cleaner = {}, clock } = options;
    const cleanerOptions = cleaner === false ? { isIdle: true } : cleaner;
    const cleanerLogger = options.logger.child({ part: 'log.cleaner' });
    this.cleaner = new LogCleaner({ disk, directory, clock, logger: cleanerLogger, logs: () => this.logs(), ...cleanerOptions });
    this.timed.every(options.retentionIntervalMs ?? 300_000, () => this.applyRetention());
    this.timed.every(options.checkpointIntervalMs ?? 5_000, () => this.checkpoint());
    const flushFrom = options.clock.monotonic() + FLUSH_LATER_MS;
    this.timed.every(options.flushIntervalMs ?? 1_000, () => {
      for (const { log } of this.byKey.values()) log.flushIfDue();
      if (options.clock.monotonic() >= flushFrom) this.flushSome(options.flushedLater ?? 20);
    });
  }

  private openAll({ summaries, othersBelieved }: LastStop, singles: ReadonlyMap<string, string>): Map<string, Error> {
    const failures = new Map<string, Error>();
    for (const name of this.disk.list(this.directory)) {
      const path = `${this.directory}/${name}`;
      if (name.endsWith(DELETED_SUFFIX)) {
        this.removeLater(path);
        continue;
      }
      const partition = parsePartitionDirectory(name);
      if (partition === undefined) continue;
      try {
        const summary = summaries.get(name);
        const known = this.checkpoints.known(name);
        if (summary !== undefined && this.checkpoints.confirms(name, summary) && hasExpectedSize(this.disk, path, summary)) {
          const log = this.take(partition, { ...known, cleanShutdown: true, later: { summary } });
          if (!log.isDurable) this.unflushed.add(log);
        } else if (singles.has(name) || this.disk.isDirectory(path)) {
          const cleanShutdown = othersBelieved && summary?.recordsChecksum === undefined;
          const log = this.take(partition, { ...known, cleanShutdown, singleOf: singles.get(name), lastSummary: summary });
          this.shortened ||= summary !== undefined && log.logEndOffset < summary.endOffset && this.checkpoints.confirms(name, summary);
        }
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error));
        failures.set(name, reason);
        this.options.logger.error('log cannot be opened', { directory: name, error: reason });
      }
    }
    for (const [name, summary] of summaries)
      this.shortened ||= !this.byKey.has(name) && !failures.has(name) && this.checkpoints.confirms(name, summary);
    return failures;
  }

  private flushSome(count: number): void {
    let left = count;
    for (const log of this.unflushed) {
      if (left-- <= 0) return;
      this.unflushed.delete(log);
      if (log.isUsable) log.flush();
    }
  }

  get failures(): ReadonlyMap<string, Error> {
    return this.unopened;
  }

  /** Whether a log holds less at the start than was written to it. */
  get lostRecords(): boolean {
    if (this.shortened) return true;
    for (const { log } of this.byKey.values()) if (log.lostAtOpen) return true;
    return false;
  }

  /** The corrupt segments of the partition have been replaced. */
  repaired(topic: string, partition: number): void {
    const log = this.get(topic, partition);
    if (log !== undefined) this.cleaner.reconsider(log);
  }

  /** Undefined when this node holds no such partition. */
  get(topic: string, partition: number): Log | undefined {
    return this.byKey.get(partitionKey(topic, partition))?.log;
  }

  /** In no particular order. */
  logs(): IterableIterator<ManagedLog> {
    return this.byKey.values();
  }

  /**
   * The partition's log, created if absent; its directory is created with the first record. Throws KAFKA_STORAGE_ERROR when the disk has
   * failed or the log could not be opened, INCONSISTENT_TOPIC_ID when it belongs to another topic of that name.
   */
  create(topic: string, partition: number, topicId: string): Log {
    let log = this.get(topic, partition);
    if (log === undefined) {
      const key = partitionKey(topic, partition);
      if (this.failure !== undefined) throw this.failure;
      const cause = this.failures.get(key);
      if (cause !== undefined)
        throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${key} could not be opened: ${cause.message}`, { cause });
      // A directory that was lost, or set aside, leaves its checkpoint.
      this.guard(() => this.cleaner.forget(topic, partition));
      log = this.take({ topic, partition }, { cleanShutdown: true, later: 'absent' });
    }
    log.assignTopicId(topicId);
    return log;
  }

  /**
   * Renames the directory of a log that could not be opened, so that `create` makes an empty one. Its files are kept under the new name.
   * Throws KAFKA_STORAGE_ERROR.
   */
  setAside(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    const cause = this.unopened.get(key);
    if (cause === undefined) return;
    const aside = uniqueDirectoryName(key, this.options.random, SET_ASIDE_SUFFIX);
    this.guard(() => {
      this.disk.rename(`${this.directory}/${key}`, `${this.directory}/${aside}`);
      this.disk.syncDirectory(this.directory);
    });
    this.unopened.delete(key);
    this.options.logger.error('directory of a log that cannot be opened was renamed', { directory: key, aside, error: cause });
    const reason = `${cause.message}; its files are kept in ${aside}`;
    this.options.onCorruption?.(topic, partition, { foundBy: 'recovery', offset: 0n, segment: key, position: 0, reason, bytes: 0 });
  }

  /** Removes the partition at once; its files are renamed now and deleted later. Does nothing when the partition is unknown. */
  delete(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    const managed = this.byKey.get(key);
    if (managed === undefined) return;
    this.byKey.delete(key);
    const siblings = this.byTopic.get(topic);
    siblings?.delete(managed);
    if (siblings?.size === 0) this.byTopic.delete(topic);
    managed.log.closeWithoutFlush();
    this.guard(() => this.cleaner.forget(topic, partition));
    if (!managed.log.exists) return;
    const aside = `${this.directory}/${uniqueDirectoryName(key, this.options.random, DELETED_SUFFIX)}`;
    this.guard(() => {
      this.disk.rename(managed.log.directory, aside);
      this.disk.syncDirectory(this.directory);
    });
    this.removeLater(aside);
    // A later partition of the same name must not use these offsets.
    for (const which of CHECKPOINTS) this.checkpointSoon(which);
  }

  /** Reloads the configuration of a topic and applies it to its logs. */
  updateConfig(topic: string): void {
    const logs = this.byTopic.get(topic);
    if (logs === undefined || logs.size === 0) return;
    const config = this.options.configFor(topic);
    for (const { log } of logs) log.updateConfig(config);
  }

  /** Why the directory takes no writes; undefined while its disk works. */
  get storageError(): KafkaError | undefined {
    return this.failure;
  }

  /** Writes those of the three checkpoint files that have changed. */
  checkpoint(): void {
    if (this.failure !== undefined) return;
    this.guard(() => {
      for (const which of CHECKPOINTS) this.checkpoints.write(which, this.byKey.values());
      this.checkpoints.writeSingles(this.byKey.values());
      this.urgent.clear();
    });
  }

  /** Applies retention to every log, in slices. Does nothing during a running round. */
  applyRetention(): void {
    this.retention.start([...this.byKey.values()]);
  }

  /** Flushes and closes every log, then writes the clean-shutdown marker, unless the disk failed. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.halt();
    this.stop.finish([...this.byKey.values()], {
      syncedLogs: this.options.syncedAtClose,
      attempt: (work) => this.attempt(work),
      writeCheckpoints: () => {
        this.attempt(() => this.checkpoint());
        return this.failure === undefined && this.failures.size === 0;
      },
    });
  }

  /** Stops the periodic work only, as a crash of the node does. */
  halt(): void {
    this.closed = true;
    this.timed.stop();
    this.cleaner.stop();
  }

  private take(
    { topic, partition }: { topic: string; partition: number },
    found: Partial<KnownOffsets> & Pick<LogOptions, 'later' | 'singleOf' | 'lastSummary' | 'cleanShutdown'>,
  ): Log {
    const { disk, clock, logger } = this.options;
    const key = partitionKey(topic, partition);
    let topicLogs = this.byTopic.get(topic);
    if (topicLogs === undefined) this.byTopic.set(topic, (topicLogs = new Set()));
    const [sibling] = topicLogs;
    const log = openLog({
      disk,
      directory: `${this.directory}/${key}`,
      clock,
      // Seldom used, and there are thousands.
      get logger() {
        return logger.child({ topic, partition });
      },
      config: sibling?.log.config ?? this.options.configFor(topic),
      identified: true,
      ...found,
      tailCache: this.tailCache,
      files: this.files,
      parent: this.parent,
      checkpointNeeded: this.onCheckpointNeeded,
      // While the logs are being opened there is no cleaner yet: it compares its checkpoint with their ends.
      rewriting: (offset) => (this.cleaner as LogCleaner | undefined)?.rewriting(topic, partition, offset),
      onCorruption: (corruption) => this.options.onCorruption?.(topic, partition, corruption),
      storageFailed: this.onStorageFailed,
    });
    const managed = { topic, partition, log };
    this.byKey.set(key, managed);
    topicLogs.add(managed);
    return log;
  }

  private readonly onCheckpointNeeded = (which: CheckpointName): void => this.checkpointSoon(which);
  private readonly onStorageFailed = (error: KafkaError): void => this.fail(error);

  /** Many partitions change in one turn, so the file is written once, at its end. */
  private checkpointSoon(which: CheckpointName): void {
    if (this.urgent.size === 0) {
      queueMicrotask(() => {
        if (this.failure !== undefined || this.closed) return;
        for (const due of this.urgent) this.attempt(() => this.checkpoints.write(due, this.byKey.values()));
        // No hint may remain of a deleted partition.
        if (this.urgent.size === CHECKPOINTS.length) this.attempt(() => this.checkpoints.writeSingles(this.byKey.values()));
        this.urgent.clear();
      });
    }
    this.urgent.add(which);
  }

  private removeLater(path: string): void {
    this.timed.after(this.options.deleteDelayMs ?? 60_000, () => this.disk.remove(path));
  }

  /** For background work: a failure of the disk is reported to the owner through `storageFailed`. */
  private attempt<T>(work: () => T): T | undefined {
    try {
      return this.guard(work);
    } catch (error) {
      this.options.logger.error('work on the logs failed', { directory: this.directory, error });
      return undefined;
    }
  }

  private guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      const error = new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${this.directory}: ${cause.message}`, { cause });
      if (!isDescriptorShortage(cause)) this.fail(error);
      throw error;
    }
  }

  private fail(error: KafkaError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.options.storageFailed?.(error);
  }
}
