/**
 * The state of one log: its offsets, epochs, producers and files, and the changes of several of them at once. Only the modules of this
 * directory write it: appends (`log-append.ts`), removals (`log-shrink.ts`), opening (`log-opening.ts`), compaction and repair. They decide,
 * `LogStorage` does the input and output, and `Log` (`log.ts`) is what the rest of the broker sees.
 */
import type { Clock } from '../lib/clock.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { LogStorage } from './log-storage.ts';
import type { LogOptions } from './log-types.ts';
import { clamp, max, min } from './offsets.ts';
import { ProducerState } from './producer-state.ts';
import { ReportedCorruption } from './reported-corruption.ts';
import { Tail, TailCache } from './tail-cache.ts';
import { UndecidedTransactions } from './undecided-transactions.ts';

export abstract class LogState {
  readonly directory: string;
  readonly options: LogOptions;
  readonly storage: LogStorage;
  readonly clock: Clock;
  readonly epochs: LeaderEpochs;
  readonly tail: Tail;
  readonly undecided: UndecidedTransactions;
  readonly corruption: ReportedCorruption;
  config: LogConfig;
  /** The topic id that the directory holds. */
  topicId: string | undefined;
  logStartOffset: bigint;
  /** Offset of the next record. */
  logEndOffset: bigint;
  highWatermark: bigint;
  changedSinceOpen: boolean;
  /** Bytes that recovery cut off at the open because they were no whole batch. */
  truncatedAtOpen = 0;
  /** Whether the log ends below its end in the previous run: acknowledged records may be missing at its end. */
  lostAtOpen = false;
  private readonly producerState = new ProducerState();
  private opened = false;
  /** The previous stop closed it without indexes: only its records are valid, and indexes, epochs and producer state are rebuilt from them. */
  isWithoutIndexes = false;
  /** CRC-32C of its records, after a clean stop closed it without indexes. */
  recordsChecksum: number | undefined;
  /** Grows when segments are replaced by those of another replica: a reader of the whole log has read two versions of it. */
  replacements = 0;
  private unflushedRecords = 0;
  private unflushedSince: number | undefined;
  readonly knownSince: number;

  constructor(options: LogOptions) {
    const { clock, later, logStartOffset } = options;
    this.options = options;
    this.directory = options.directory;
    this.clock = clock;
    this.knownSince = clock.now();
    this.config = options.config;
    this.storage = new LogStorage(
      options,
      () => this.config,
      () => this.open(),
    );
    this.undecided = new UndecidedTransactions(this.storage, options.directory);
    this.corruption = new ReportedCorruption(options, this.storage);
    this.epochs = new LeaderEpochs(options.disk, options.directory);
    this.tail = new Tail(options.tailCache ?? new TailCache(4 * 1024 * 1024));
    this.changedSinceOpen = !options.cleanShutdown;
    this.logStartOffset = logStartOffset ?? 0n;
    this.logEndOffset = this.logStartOffset;
    this.highWatermark = this.logStartOffset;
    if (later !== undefined && later !== 'absent') {
      const { summary } = later;
      this.topicId = summary.topicId;
      this.logStartOffset = summary.startOffset;
      this.logEndOffset = summary.endOffset;
      this.storage.flushedTo = summary.flushedTo;
      this.recordsChecksum = summary.recordsChecksum;
      this.isWithoutIndexes = summary.recordsChecksum !== undefined;
      // The names of unflushed files may be lost as well.
      if (this.isWithoutIndexes && summary.flushedTo < summary.endOffset) {
        this.storage.unsyncedTopicId = summary.topicId;
        this.storage.nameUnsynced();
      }
      this.epochs.restore(summary.epochs);
      this.highWatermark = clamp(options.highWatermark ?? this.logStartOffset, this.logStartOffset, this.logEndOffset);
    }
  }

  // Opening

  /** Whether the files have been read. Until then the log has no open transaction. */
  get isOpen(): boolean {
    return this.opened;
  }
  /** Whether the log has a directory, which some logs get with their first record only. */
  get exists(): boolean {
    return this.opened || this.options.later !== 'absent';
  }
  get producers(): ProducerState {
    this.open();
    return this.producerState;
  }
  get sizeBytes(): number {
    const { later } = this.options;
    if (this.opened) return this.storage.segments.sizeBytes;
    return later === undefined || later === 'absent' ? 0 : later.summary.sizeBytes;
  }

  /** Reads the files, or makes them, and sets the state that they hold: `openFiles`. Throws DiskError. */
  protected abstract readFiles(): void;

  /** Opens the files of a log that is not described by a summary. Throws DiskError. */
  protected openNow(): void {
    this.opened = true;
    this.readFiles();
  }

  /** Opens the files before their first use. Throws KAFKA_STORAGE_ERROR; the log is offline then. */
  open(): void {
    if (this.opened) return;
    this.storage.assertWritable();
    this.opened = true;
    try {
      this.storage.guard(() => this.readFiles());
    } catch (cause) {
      this.opened = false;
      if (cause instanceof KafkaError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw this.storage.fail(new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${this.directory}: ${reason}`, { cause }));
    }
  }

  /** Whether there may be a closed segment that reaches beyond `offset`, as far as it is known without opening the files. */
  mayHaveSealedBeyond(offset: bigint): boolean {
    const { later } = this.options;
    if (this.opened) return true;
    return later !== undefined && later !== 'absent' && later.summary.activeBase > offset;
  }

  /** Whether the whole log is one segment that begins at offset 0, without a producer snapshot beside it: see `LogOptions.singleOf`. */
  get isSingleSegment(): boolean {
    const { later } = this.options;
    if (!this.opened) return later !== undefined && later !== 'absent' && later.summary.activeBase === 0n && !later.summary.snapshots;
    const { segments } = this.storage;
    return !this.storage.hasSnapshots && segments.all.length === 1 && segments.first.baseOffset === 0n;
  }

  // Rolling

  /** Closes the active segment and starts the next; does nothing while the active one is empty. */
  roll(): void {
    this.storage.assertWritable();
    if (!this.exists) return;
    const { active } = this.storage.segments;
    if (active.size > 0 || active.baseOffset !== this.logEndOffset) this.startSegmentAt(this.logEndOffset);
  }

  startSegmentAt(baseOffset: bigint): void {
    this.storage.guard(() => this.storage.startSegment(baseOffset, this.producers));
  }

  // Flushing and closing

  /** Moves the log end behind records that were written, and flushes when flush.messages is reached. */
  advance(lastOffset: bigint, recordCount: number): void {
    this.logEndOffset = lastOffset + 1n;
    this.changedSinceOpen = true;
    this.unflushedRecords += recordCount;
    this.noteUnflushed();
    if (this.unflushedRecords >= this.config.flushMessages) this.flush();
  }

  /** There are records that are not durable: flush.ms begins to count. */
  noteUnflushed(): void {
    this.unflushedSince ??= this.clock.monotonic();
  }

  /** Makes all appended records durable. */
  flush(): void {
    this.storage.assertWritable();
    if (!this.opened && !this.changedSinceOpen) {
      if (this.isWithoutIndexes && !this.isDurable) this.storage.guard(() => this.storage.flushUnopened(this.logEndOffset));
      return;
    }
    this.storage.guard(() => this.storage.flush(this.logEndOffset, this.epochs));
    this.unflushedRecords = 0;
    this.unflushedSince = undefined;
  }

  /** Flushes when flush.ms has passed. */
  flushIfDue(): void {
    if (this.storage.failure !== undefined || this.storage.closed || this.unflushedSince === undefined) return;
    if (this.clock.monotonic() - this.unflushedSince >= this.config.flushMs) this.flush();
  }

  /** Whether the records, and the names of their files, survive a power cut. */
  get isDurable(): boolean {
    const { flushedTo, directoryDirty, unsyncedTopicId } = this.storage;
    return flushedTo >= this.logEndOffset && !directoryDirty && unsyncedTopicId === undefined;
  }

  /** Whether `close` has something to write. */
  get isUnfinished(): boolean {
    return this.storage.failure === undefined && (this.changedSinceOpen || this.storage.directoryDirty || this.isWithoutIndexes);
  }

  /** Flushes everything, so that the next open can trust the files. After a disk failure it only closes them. Idempotent. */
  close(): void {
    if (this.storage.closed) return;
    if (this.isUnfinished) {
      this.open();
      this.storage.guard(() => this.storage.finish(this.logEndOffset, this.epochs, this.producers));
      this.isWithoutIndexes = false;
      this.recordsChecksum = undefined;
    }
    this.closeWithoutFlush();
  }

  /** Closes without a flush, for a directory that is about to be renamed or removed, or whose disk has failed. */
  closeWithoutFlush(): void {
    if (this.storage.closed) return;
    this.tail.clear();
    this.storage.release();
  }

  // Removing records

  /** Removes all records; the next record gets `offset`. */
  startOver(offset: bigint): void {
    this.storage.guard(() => {
      this.storage.replaceAll(offset);
      this.producers.clear();
      this.logStartOffset = offset;
      this.epochs.clear();
      this.shrunk(offset);
      this.highWatermark = offset;
      this.storage.flushedTo = offset;
      this.options.checkpointNeeded?.('logStartOffset');
    });
  }

  /** Updates the state after the log end was lowered to `end`. */
  shrunk(end: bigint): void {
    this.logEndOffset = end;
    this.logStartOffset = min(this.logStartOffset, end);
    this.highWatermark = min(this.highWatermark, end);
    this.tail.clear();
    this.corruption.forget();
    this.storage.segments.dropPositions();
    this.epochs.truncateFromEnd(end);
    this.changedSinceOpen = true;
    // After a crash, recovery must not trust bytes that are about to be rewritten.
    if (this.storage.flushedTo > end) {
      this.storage.flushedTo = end;
      this.options.checkpointNeeded?.('recoveryPoint');
    }
  }

  /** Raises the log start, up to the log end; never lowers it. */
  raiseStart(offset: bigint): void {
    const start = min(offset, this.logEndOffset);
    if (start <= this.logStartOffset) return;
    this.logStartOffset = start;
    this.highWatermark = max(this.highWatermark, start);
    this.epochs.truncateFromStart(start);
    this.changedSinceOpen = true;
    this.options.checkpointNeeded?.('logStartOffset');
  }

  // Corruption

  /** Closed segments that lack records, or have batches that were refused: to be repaired from another replica. Oldest first. */
  get corruptSegments(): { baseOffset: bigint; endOffset: bigint }[] {
    if (!this.opened || this.storage.closed || this.storage.failure !== undefined) return [];
    const { all } = this.storage.segments;
    return all.flatMap((segment, index) =>
      segment.lack === undefined && !segment.refused
        ? []
        : [{ baseOffset: segment.baseOffset, endOffset: all[index + 1]?.baseOffset ?? this.logEndOffset }],
    );
  }
}
