import type { Clock } from '../lib/clock.ts';
import { DiskError } from '../lib/disk.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { CorruptBatchError, LogCorruption, UnreadableRecords } from './corruption.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { LEADER_EPOCH_FILE, LOG_SUFFIX, PARTITION_METADATA_FILE, SEGMENT_SUFFIXES, SNAPSHOT_SUFFIX } from './log-files.ts';
import { LogStorage } from './log-storage.ts';
import type { LogOptions } from './log-types.ts';
import { clamp, max, min } from './offsets.ts';
import { SEGMENT_MANIFEST_FILE } from './segment-manifest.ts';
import type { LogSummary } from './log-summary.ts';
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts';
import { ProducerState } from './producer-state.ts';
import { openWithoutIndexes, openSegments, recoverSingle, type RecoveredSegments, type RecoveryContext } from './recovery.ts';
import type { Segment } from './segment.ts';
import { Tail, TailCache } from './tail-cache.ts';
import { UndecidedTransactions } from './undecided-transactions.ts';

/** Number of corrupt positions that one log reports at most. */
const MAX_REPORTED = 1_000;
const MAX_OFFSET = 2n ** 63n - 1n;

/**
 * The state of one log: its offsets, epochs, producers and files, and the operations that all others are built of. `Log` is the
 * public interface; appends (`log-append.ts`) and everything that removes records (`log-shrink.ts`) work on this.
 */
export class LogCore {
  readonly directory: string;
  readonly options: LogOptions;
  readonly storage: LogStorage;
  readonly clock: Clock;
  readonly epochs: LeaderEpochs;
  readonly tail: Tail;
  readonly undecided: UndecidedTransactions;
  config: LogConfig;
  topicId: string | undefined;
  startOffset: bigint;
  /** Offset of the next record. */
  endOffset: bigint;
  highWatermark: bigint;
  changedSinceOpen: boolean;
  /** Bytes that recovery cut off at the open because they were no whole batch. */
  truncatedAtOpen = 0;
  /** Whether the log ends below its end in the previous run: acknowledged records may be missing at its end. */
  lostAtOpen = false;
  private readonly producerState = new ProducerState();
  /** Positions at which reads were refused; each is reported once. */
  private refusedAt: Set<string> | undefined;
  private opened = false;
  /** Only the records in the directory are valid; indexes, epochs and producer state are rebuilt from them. */
  withoutIndexes = false;
  /** CRC-32C of its records, after a clean stop closed it without indexes. */
  recordsChecksum: number | undefined;
  /** Number of replacements of closed segments by those of another replica. */
  replacements = 0;
  private unflushedRecords = 0;
  private unflushedSince: number | undefined;
  readonly knownSince: number;

  constructor(options: LogOptions) {
    const { clock, later, recoveryPoint, logStartOffset } = options;
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
    this.epochs = new LeaderEpochs(options.disk, options.directory);
    this.tail = new Tail(options.tailCache ?? new TailCache(4 * 1024 * 1024));
    this.changedSinceOpen = !options.cleanShutdown;
    this.startOffset = logStartOffset ?? 0n;
    this.endOffset = this.startOffset;
    this.highWatermark = this.startOffset;
    if (later === undefined) {
      this.opened = true;
      this.recoverFiles(recoveryPoint ?? 0n);
      for (const segment of this.storage.segments.all) segment.release();
    } else if (later !== 'absent') {
      const { summary } = later;
      this.topicId = summary.topicId;
      this.startOffset = summary.startOffset;
      this.endOffset = summary.endOffset;
      this.storage.flushedTo = summary.flushedTo;
      this.recordsChecksum = summary.recordsChecksum;
      this.withoutIndexes = summary.recordsChecksum !== undefined;
      // The names of unflushed files may be lost as well.
      if (this.withoutIndexes && summary.flushedTo < summary.endOffset) {
        this.storage.unsyncedTopicId = summary.topicId;
        this.storage.nameUnsynced();
      }
      this.epochs.restore(summary.epochs);
      this.highWatermark = clamp(options.highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    }
  }

  // Opening

  /** Whether the files have been read. Until then the log has no open transaction. */
  get isOpen(): boolean {
    return this.opened;
  }
  /** Whether the log has a directory. */
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

  /** Called before the first use of the files. Throws KAFKA_STORAGE_ERROR; the log is offline then. */
  open(): void {
    if (this.opened) return;
    this.storage.assertWritable();
    this.opened = true;
    const { later } = this.options;
    try {
      this.storage.guard(() => {
        if (later === 'absent') this.make();
        else if (later !== undefined) this.openFromSummary(later.summary);
      });
    } catch (cause) {
      this.opened = false;
      if (cause instanceof KafkaError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw this.storage.fail(new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${this.directory}: ${reason}`, { cause }));
    }
  }

  private make(): void {
    this.storage.makeDirectory();
    // Without the id before the first record, the topic of the records would be unknown.
    if (this.topicId !== undefined) this.storage.makeMetadata(this.topicId);
    this.storage.pushSegment(this.endOffset);
  }

  /** The end of this log has been reported to other nodes, so the open has to find it there. */
  private openFromSummary(summary: LogSummary): void {
    const { startOffset, endOffset, highWatermark, topicId } = this;
    const epochs = [...this.epochs.list];
    // The caller continues to use the log, so the files stay open; at a start there may be thousands.
    if (this.withoutIndexes) this.settle(openWithoutIndexes(this.recoveryContext(), summary.activeBytes), this.storage.flushedTo);
    else this.recoverFiles(endOffset);
    if (this.endOffset !== endOffset) {
      const message = `${this.directory} ended at ${endOffset} when it was closed, and now at ${this.endOffset}`;
      throw this.storage.fail(new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, message));
    }
    this.startOffset = startOffset;
    this.highWatermark = highWatermark;
    this.topicId = topicId;
    this.epochs.replace(epochs);
  }

  private recoverFiles(recoveryPoint: bigint): void {
    const { disk, cleanShutdown } = this.options;
    const { singleOf } = this.options;
    const single = cleanShutdown || singleOf === undefined ? undefined : recoverSingle(this.recoveryContext());
    if (single !== undefined) {
      this.topicId = singleOf;
      this.storage.unsyncedTopicId = singleOf;
      this.storage.nameUnsynced();
      this.settle(single, recoveryPoint);
      return;
    }
    this.storage.makeDirectory();
    const names = new Set(disk.list(this.directory));
    this.topicId = names.has(PARTITION_METADATA_FILE) ? this.readTopicId(recoveryPoint) : this.writeKnownTopicId();
    if (this.topicId === undefined && !cleanShutdown && this.options.identified === true) this.dropUnflushed(names, recoveryPoint);
    const epochsKnown = this.loadEpochs(names, cleanShutdown || recoveryPoint > 0n);
    if (!cleanShutdown) this.storage.unsyncedTopicId = this.topicId;
    this.storage.hasSnapshots = [...names].some((name) => name.endsWith(SNAPSHOT_SUFFIX));
    const logStartOffset = this.startOffset;
    // Unreadable epochs are rebuilt from all records.
    const trusted = epochsKnown ? { clean: cleanShutdown, recoveryPoint } : { clean: false, recoveryPoint: 0n };
    // After a clean stop all of the log was durable, and the broker registers with a clean shutdown before it opens the log: nothing
    // may be cut off. After any other stop the broker registers as having lost records where something was cut off. No other replica
    // needs to hold records above the high watermark, so there the log ends before the missing records.
    const protectedTo = cleanShutdown ? MAX_OFFSET : min(recoveryPoint, this.options.highWatermark ?? MAX_OFFSET);
    const startIsExact = cleanShutdown && this.options.logStartOffset !== undefined;
    // A log with an open transaction, or one that lacks records, has no summary.
    const hadSnapshots = this.lastSummary?.snapshots !== false;
    const found = openSegments(this.recoveryContext(), { names, logStartOffset, startIsExact, protectedTo, hadSnapshots, ...trusted });
    this.settle(found, recoveryPoint);
    this.storage.completeManifest();
  }

  /** False when the checkpoint is not valid, or is missing where it was `saved` and the log has a record. */
  private loadEpochs(names: ReadonlySet<string>, saved: boolean): boolean {
    this.epochs.restore([]);
    if (!names.has(LEADER_EPOCH_FILE)) return !saved;
    try {
      this.epochs.load();
      return true;
    } catch (error) {
      if (error instanceof DiskError) throw error;
      this.options.logger.warn('leader epoch checkpoint is corrupt and is rebuilt from the records', { directory: this.directory, error });
      this.epochs.restore([]);
      return false;
    }
  }

  private settle(found: RecoveredSegments, recoveryPoint: bigint): void {
    const { highWatermark } = this.options;
    const { startOffset } = this;
    const { segments } = this.storage;
    // Both were written after the records: a log that ends below them has lost records.
    if (found.logEndOffset < max(recoveryPoint, highWatermark ?? 0n)) this.lostAtOpen = true;
    for (const segment of found.segments) segments.push(segment);
    if (found.segments.length === 0) this.storage.pushSegment(startOffset);
    this.startOffset = max(segments.first.baseOffset, startOffset);
    this.endOffset = found.logEndOffset;
    this.storage.flushedTo = min(recoveryPoint, found.logEndOffset);
    this.highWatermark = found.logEndOffset;
    if (this.startOffset > this.endOffset) this.startOver(this.startOffset);
    this.highWatermark = clamp(highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    // Records that the previous run did not flush are flushed by flush.ms, even if nothing is appended.
    if (this.changedSinceOpen && this.storage.flushedTo < this.endOffset) this.unflushedSince = this.clock.monotonic();
  }

  /** Restores the state that the last stop wrote. */
  private get lastSummary(): Pick<LogSummary, 'topicId' | 'snapshots'> | undefined {
    const { later, lastSummary } = this.options;
    return later === undefined || later === 'absent' ? lastSummary : later.summary;
  }

  /** The topic id from the directory of the log, written again where it is missing; undefined when it is unknown. */
  private writeKnownTopicId(): string | undefined {
    const topicId = this.lastSummary?.topicId ?? this.options.singleOf;
    if (topicId === undefined) return undefined;
    const { directory } = this;
    this.options.logger.warn('partition.metadata is missing or cannot be read, and is written again', { directory, topicId });
    writePartitionMetadata(this.options.disk, directory, topicId);
    return topicId;
  }

  private readTopicId(recoveryPoint: bigint): string | undefined {
    try {
      return readPartitionMetadata(this.options.disk, this.directory);
    } catch (error) {
      if (error instanceof DiskError) throw error;
      const known = this.writeKnownTopicId();
      if (known !== undefined) return known;
      if (this.options.cleanShutdown || recoveryPoint > 0n) throw error;
      this.options.logger.warn('topic id of the log was lost before it was durable', { directory: this.directory, error });
      return undefined;
    }
  }

  /** Removes records that may belong to an earlier topic of the same name. None of them was flushed: the id would have been flushed too. */
  private dropUnflushed(names: Set<string>, recoveryPoint: bigint): void {
    if (recoveryPoint > 0n) return;
    const { disk } = this.options;
    this.lostAtOpen ||= [...names].some((name) => name.endsWith(LOG_SUFFIX) && disk.size(`${this.directory}/${name}`) > 0);
    for (const name of [...names, SEGMENT_MANIFEST_FILE]) {
      if (SEGMENT_SUFFIXES.some((suffix) => name.endsWith(suffix)) || name === PARTITION_METADATA_FILE || name === SEGMENT_MANIFEST_FILE) {
        disk.remove(`${this.directory}/${name}`);
        names.delete(name);
      }
    }
  }

  /** Whether there may be a closed segment that reaches beyond `offset`, as far as it is known without opening the files. */
  mayHaveSealedBeyond(offset: bigint): boolean {
    const { later } = this.options;
    if (this.opened) return true;
    return later !== undefined && later !== 'absent' && later.summary.activeBase > offset;
  }

  /** See `LogOptions.singleOf`. */
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
    if (active.size > 0 || active.baseOffset !== this.endOffset) this.startSegmentAt(this.endOffset);
  }

  startSegmentAt(baseOffset: bigint): void {
    this.storage.guard(() => this.storage.startSegment(baseOffset, this.producers));
  }

  // Flushing and closing

  /** Counts unflushed records, and flushes when flush.messages is reached. */
  noteUnflushed(recordCount: number): void {
    this.unflushedRecords += recordCount;
    this.unflushedSince ??= this.clock.monotonic();
    if (this.unflushedRecords >= this.config.flushMessages) this.flush();
  }

  /** Makes all appended records durable. */
  flush(): void {
    this.storage.assertWritable();
    if (!this.opened && !this.changedSinceOpen) {
      if (this.withoutIndexes && !this.isDurable) this.storage.guard(() => this.storage.flushUnopened(this.endOffset));
      return;
    }
    this.storage.guard(() => this.storage.flush(this.endOffset, this.epochs));
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
    return flushedTo >= this.endOffset && !directoryDirty && unsyncedTopicId === undefined;
  }

  /** Whether `close` has something to write. */
  get isUnfinished(): boolean {
    return this.storage.failure === undefined && (this.changedSinceOpen || this.storage.directoryDirty || this.withoutIndexes);
  }

  /** Flushes everything, so that the next open can trust the files. After a disk failure it only closes them. Idempotent. */
  close(): void {
    if (this.storage.closed) return;
    if (this.isUnfinished) {
      this.open();
      this.storage.guard(() => this.storage.finish(this.endOffset, this.epochs, this.producers));
      this.withoutIndexes = false;
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

  // Shrinking

  /** Removes all records; the next record gets `offset`. */
  startOver(offset: bigint): void {
    this.storage.guard(() => {
      this.options.rewriting?.(0n);
      this.storage.replaceAll(offset);
      this.producers.clear();
      this.startOffset = offset;
      this.epochs.clear();
      this.shrunk(offset);
      this.highWatermark = offset;
      this.storage.flushedTo = offset;
      this.options.checkpointNeeded?.('logStartOffset');
    });
  }

  /** Updates the state after the log end was lowered to `end`. */
  shrunk(end: bigint): void {
    this.endOffset = end;
    this.startOffset = min(this.startOffset, end);
    this.highWatermark = min(this.highWatermark, end);
    this.tail.clear();
    this.refusedAt = undefined;
    this.storage.segments.dropPositions();
    this.epochs.truncateFromEnd(end);
    this.changedSinceOpen = true;
    // After a crash, recovery must not trust bytes that are about to be rewritten.
    if (this.storage.flushedTo > end) {
      this.storage.flushedTo = end;
      this.options.checkpointNeeded?.('recoveryPoint');
    }
  }

  recoveryContext(): RecoveryContext {
    return {
      disk: this.options.disk,
      directory: this.directory,
      logger: this.options.logger,
      epochs: this.epochs,
      producers: this.producers,
      gapsAllowed: this.config.cleanupPolicy.has('compact'),
      makeSegment: (baseOffset, size, freshIndexes) => this.storage.makeSegment(baseOffset, size, freshIndexes),
      manifest: this.storage.manifest,
      found: (corruption) => this.options.onCorruption?.(corruption),
      snapshotMissing: () => {
        this.changedSinceOpen = true;
      },
      cutOff: (corruption) => this.cutOff(corruption),
      unreadable: (records, segment) => this.unreadable(records, segment),
    };
  }

  // Corruption

  private cutOff(corruption: LogCorruption): void {
    this.truncatedAtOpen += corruption.bytes;
    this.lostAtOpen = true;
    this.options.onCorruption?.(corruption);
  }

  /** Closed segments that lack records, or have batches that were refused: to be repaired from another replica. Oldest first. */
  get corruptSegments(): { baseOffset: bigint; endOffset: bigint }[] {
    if (!this.opened || this.storage.closed || this.storage.failure !== undefined) return [];
    const { all } = this.storage.segments;
    return all.flatMap((segment, index) =>
      segment.lack === undefined && !segment.refused
        ? []
        : [{ baseOffset: segment.baseOffset, endOffset: all[index + 1]?.baseOffset ?? this.endOffset }],
    );
  }

  /** The segment was replaced: corruption found in it later is reported again. */
  repaired(segment: Segment): void {
    for (const place of this.refusedAt ?? []) if (segment.path.endsWith(place.slice(0, place.indexOf('@')))) this.refusedAt?.delete(place);
  }

  /** A read found a corrupt batch, at `offset` if its own header is not valid. */
  refused({ path, segment, position, reason, offset: own }: CorruptBatchError, offset: bigint): void {
    const found = this.storage.segments.all.find((one) => one.path === path);
    // Already reported by the open.
    if (found?.lack !== undefined) return;
    if (found !== undefined) found.refused = true;
    if (!this.isNew(`${segment}@${position}`)) return;
    this.options.logger.error('corrupt batch is not returned to a reader', { segment, position, reason });
    this.options.onCorruption?.({ foundBy: 'read', offset: own ?? offset, segment, position, reason, bytes: 0 });
  }

  /** Records were skipped because they cannot be decoded; `segment`: the file, where it is not in the list of segments yet. */
  unreadable({ offset, count, reason }: UnreadableRecords, segment?: string): void {
    if (!this.isNew(`offset ${offset}`)) return;
    const file = segment ?? this.storage.segments.all.findLast(({ baseOffset }) => baseOffset <= offset)?.path ?? '';
    const name = file.slice(file.lastIndexOf('/') + 1);
    this.options.logger.error('records that cannot be decoded are skipped', {
      directory: this.directory,
      segment: name,
      offset,
      count,
      reason,
    });
    this.options.onCorruption?.({ foundBy: 'decode', offset, segment: name, position: 0, reason, bytes: 0, records: count });
  }

  /** Whether corruption at that position is new. Nothing beyond the limit is reported. */
  private isNew(place: string): boolean {
    this.refusedAt ??= new Set();
    if (this.refusedAt.has(place) || this.refusedAt.size >= MAX_REPORTED) return false;
    this.refusedAt.add(place);
    return true;
  }
}
