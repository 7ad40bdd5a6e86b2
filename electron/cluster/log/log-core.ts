import type { Clock } from '../lib/clock.ts';
import { DiskError } from '../lib/disk.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { DamagedBatchError, LogDamage, UnreadableRecords } from './damage.ts';
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
import { openBare, openSegments, recoverSingle, type RecoveredSegments, type RecoveryContext } from './recovery.ts';
import type { Segment } from './segment.ts';
import { Tail, TailCache } from './tail-cache.ts';
import { UndecidedTransactions } from './undecided-transactions.ts';

/** Places of corruption that one log reports. */
const MAX_REPORTED = 1_000;
const MAX_OFFSET = 2n ** 63n - 1n;

/**
 * What one log is: its offsets, epochs, producers and files, and the steps that all of its operations are made of. `Log` is what
 * others see of it; appends (`log-append.ts`), everything that takes records away (`log-shrink.ts`) work on this.
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
  /** Whether the log was found to end before it did in the previous run: its end may lack acknowledged records. */
  lostAtOpen = false;
  private readonly producerState = new ProducerState();
  /** Where reads have been refused; each is told once. */
  private refusedAt: Set<string> | undefined;
  private opened = false;
  /** Of what lies in the directory only the records are to be believed. */
  bare = false;
  /** Checksum of its records, once a stop has left it bare. */
  bareChecksum: number | undefined;
  /** How many times closed segments were replaced by those of another replica. */
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
      this.takeUp(recoveryPoint ?? 0n);
      for (const segment of this.storage.segments.all) segment.release();
    } else if (later !== 'absent') {
      const { summary } = later;
      this.topicId = summary.topicId;
      this.startOffset = summary.startOffset;
      this.endOffset = summary.endOffset;
      this.storage.flushedTo = summary.flushedTo;
      this.bareChecksum = summary.bare;
      this.bare = summary.bare !== undefined;
      // What is not flushed may lack its names too.
      if (this.bare && summary.flushedTo < summary.endOffset) {
        this.storage.unsyncedTopicId = summary.topicId;
        this.storage.nameUnsynced();
      }
      this.epochs.restore(summary.epochs);
      this.highWatermark = clamp(options.highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    }
  }

  // Opening

  /** Whether the files have been looked at. Until then the log has no open transaction. */
  get isOpen(): boolean {
    return this.opened;
  }
  /** Whether there is a directory of this log. */
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

  /** For what comes before the first use of the files. Throws KAFKA_STORAGE_ERROR; the log is offline then. */
  open(): void {
    if (this.opened) return;
    this.storage.assertWritable();
    this.opened = true;
    const { later } = this.options;
    try {
      this.storage.guard(() => {
        if (later === 'absent') this.make();
        else if (later !== undefined) this.takeUpAsKnown(later.summary);
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
    // The id before the first record: without it nobody could tell whose the records are.
    if (this.topicId !== undefined) this.storage.makeMetadata(this.topicId);
    this.storage.pushSegment(this.endOffset);
  }

  /** Others have been told where this log ends, so it must be found to end there. */
  private takeUpAsKnown(summary: LogSummary): void {
    const { startOffset, endOffset, highWatermark, topicId } = this;
    const epochs = [...this.epochs.list];
    // Who opened it goes on to use it, so the files stay open; at a start there may be thousands.
    if (this.bare) this.settle(openBare(this.recoveryContext(), summary.activeBytes), this.storage.flushedTo);
    else this.takeUp(endOffset);
    if (this.endOffset !== endOffset) {
      const message = `${this.directory} ended at ${endOffset} when it was closed, and now at ${this.endOffset}`;
      throw this.storage.fail(new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, message));
    }
    this.startOffset = startOffset;
    this.highWatermark = highWatermark;
    this.topicId = topicId;
    this.epochs.replace(epochs);
  }

  private takeUp(recoveryPoint: bigint): void {
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
    // Epochs that cannot be read are taken from the records, all of them.
    const trusted = epochsKnown ? { clean: cleanShutdown, recoveryPoint } : { clean: false, recoveryPoint: 0n };
    // After a clean stop all of the log was on the medium, and the broker registers with a clean shutdown before it opens the log: nothing
    // may be cut off. After any other stop it registers as having lost records where something was cut off. What lies above the high
    // watermark no other replica need hold, so there the log ends before what is missing.
    const protectedTo = cleanShutdown ? MAX_OFFSET : min(recoveryPoint, this.options.highWatermark ?? MAX_OFFSET);
    const startIsExact = cleanShutdown && this.options.logStartOffset !== undefined;
    // A log with an open transaction, or one that lacks records, has no summary.
    const hadSnapshots = this.lastSummary?.snapshots !== false;
    const found = openSegments(this.recoveryContext(), { names, logStartOffset, startIsExact, protectedTo, hadSnapshots, ...trusted });
    this.settle(found, recoveryPoint);
    this.storage.completeManifest();
  }

  /** False when the checkpoint cannot be believed, or is missing where it was `saved` if there is any record. */
  private loadEpochs(names: ReadonlySet<string>, saved: boolean): boolean {
    this.epochs.restore([]);
    if (!names.has(LEADER_EPOCH_FILE)) return !saved;
    try {
      this.epochs.load();
      return true;
    } catch (error) {
      if (error instanceof DiskError) throw error;
      this.options.logger.warn('leader epochs are damaged and made anew', { directory: this.directory, error });
      this.epochs.restore([]);
      return false;
    }
  }

  private settle(found: RecoveredSegments, recoveryPoint: bigint): void {
    const { highWatermark } = this.options;
    const { startOffset } = this;
    const { segments } = this.storage;
    // Both are written down after the records were: a log that ends below them has lost some.
    if (found.logEndOffset < max(recoveryPoint, highWatermark ?? 0n)) this.lostAtOpen = true;
    for (const segment of found.segments) segments.push(segment);
    if (found.segments.length === 0) this.storage.pushSegment(startOffset);
    this.startOffset = max(segments.first.baseOffset, startOffset);
    this.endOffset = found.logEndOffset;
    this.storage.flushedTo = min(recoveryPoint, found.logEndOffset);
    this.highWatermark = found.logEndOffset;
    if (this.startOffset > this.endOffset) this.startOver(this.startOffset);
    this.highWatermark = clamp(highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    // What the last life left unflushed waits for flush.ms like anything else, even if nothing is added to it.
    if (this.changedSinceOpen && this.storage.flushedTo < this.endOffset) this.unflushedSince = this.clock.monotonic();
  }

  /** What the last stop wrote down of the log. */
  private get lastSummary(): Pick<LogSummary, 'topicId' | 'snapshots'> | undefined {
    const { later, lastSummary } = this.options;
    return later === undefined || later === 'absent' ? lastSummary : later.summary;
  }

  /** The topic's id from beside the log, into whose directory it is written again; undefined when it is not known there. */
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
      this.options.logger.warn('the topic id of a log was lost before it was on the medium', { directory: this.directory, error });
      return undefined;
    }
  }

  /** Records that cannot be told from those of an earlier topic of that name. None of them was ever flushed: the id would have been too. */
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

  /** Whether there may be a sealed segment that reaches beyond `offset`, as far as can be told without a look at the files. */
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

  /** Ends the active segment and starts the next; nothing happens while the active one is empty. */
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

  /** Counts records that nobody has made durable yet; flushes when there are enough of them. */
  noteUnflushed(recordCount: number): void {
    this.unflushedRecords += recordCount;
    this.unflushedSince ??= this.clock.monotonic();
    if (this.unflushedRecords >= this.config.flushMessages) this.flush();
  }

  /** Makes everything appended so far durable. */
  flush(): void {
    this.storage.assertWritable();
    if (!this.opened && !this.changedSinceOpen) {
      if (this.bare && !this.isDurable) this.storage.guard(() => this.storage.flushUnopened(this.endOffset));
      return;
    }
    this.storage.guard(() => this.storage.flush(this.endOffset, this.epochs));
    this.unflushedRecords = 0;
    this.unflushedSince = undefined;
  }

  /** Flushes when flush.ms says that it is time. */
  flushIfDue(): void {
    if (this.storage.failure !== undefined || this.storage.closed || this.unflushedSince === undefined) return;
    if (this.clock.monotonic() - this.unflushedSince >= this.config.flushMs) this.flush();
  }

  /** Whether a power cut would take nothing of the records, nor of what names them. */
  get isDurable(): boolean {
    const { flushedTo, directoryDirty, unsyncedTopicId } = this.storage;
    return flushedTo >= this.endOffset && !directoryDirty && unsyncedTopicId === undefined;
  }

  /** Whether `close` would have something to write. */
  get isUnfinished(): boolean {
    return this.storage.failure === undefined && (this.changedSinceOpen || this.storage.directoryDirty || this.bare);
  }

  /** Flushes everything, so that the next open can believe the files. After a failure of the disk it only lets go of them. Idempotent. */
  close(): void {
    if (this.storage.closed) return;
    if (this.isUnfinished) {
      this.open();
      this.storage.guard(() => this.storage.finish(this.endOffset, this.epochs, this.producers));
      this.bare = false;
      this.bareChecksum = undefined;
    }
    this.letGo();
  }

  /** Closes without a flush, for a directory that is about to be renamed or removed, or that has failed. */
  letGo(): void {
    if (this.storage.closed) return;
    this.tail.clear();
    this.storage.release();
  }

  // Shrinking

  /** Drops everything; the next record gets `offset`. */
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

  /** Takes note that the log ends at `end` now, which is lower than before. */
  shrunk(end: bigint): void {
    this.endOffset = end;
    this.startOffset = min(this.startOffset, end);
    this.highWatermark = min(this.highWatermark, end);
    this.tail.clear();
    this.refusedAt = undefined;
    this.storage.segments.forgetPlaces();
    this.epochs.truncateFromEnd(end);
    this.changedSinceOpen = true;
    // A crash must not lead to a recovery that trusts bytes which are about to be written anew.
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
      found: (damage) => this.options.damaged?.(damage),
      snapshotMissing: () => {
        this.changedSinceOpen = true;
      },
      cutOff: (damage) => this.cutOff(damage),
      unreadable: (records, segment) => this.unreadable(records, segment),
    };
  }

  // Damage

  private cutOff(damage: LogDamage): void {
    this.truncatedAtOpen += damage.bytes;
    this.lostAtOpen = true;
    this.options.damaged?.(damage);
  }

  /** Closed segments that lack records, or have batches that were refused: to be repaired from another replica. Oldest first. */
  get damagedSegments(): { baseOffset: bigint; endOffset: bigint }[] {
    if (!this.opened || this.storage.closed || this.storage.failure !== undefined) return [];
    const { all } = this.storage.segments;
    return all.flatMap((segment, index) =>
      segment.lack === undefined && !segment.refused
        ? []
        : [{ baseOffset: segment.baseOffset, endOffset: all[index + 1]?.baseOffset ?? this.endOffset }],
    );
  }

  /** The segment was replaced: what was refused in it is reported again if it comes back. */
  repaired(segment: Segment): void {
    for (const place of this.refusedAt ?? []) if (segment.path.endsWith(place.slice(0, place.indexOf('@')))) this.refusedAt?.delete(place);
  }

  /** A read came upon a damaged batch, at `offset` if its own header cannot be believed. */
  refused({ path, segment, position, reason, offset: own }: DamagedBatchError, offset: bigint): void {
    const found = this.storage.segments.all.find((one) => one.path === path);
    // What an open has reported needs no second report.
    if (found?.lack !== undefined) return;
    if (found !== undefined) found.refused = true;
    if (!this.isNew(`${segment}@${position}`)) return;
    this.options.logger.error('a damaged batch is not handed to a reader', { segment, position, reason });
    this.options.damaged?.({ foundBy: 'read', offset: own ?? offset, segment, position, reason, bytes: 0 });
  }

  /** Records were passed over because they cannot be decoded; `segment`: the file, where it is not in the list of segments yet. */
  unreadable({ offset, count, reason }: UnreadableRecords, segment?: string): void {
    if (!this.isNew(`offset ${offset}`)) return;
    const file = segment ?? this.storage.segments.all.findLast(({ baseOffset }) => baseOffset <= offset)?.path ?? '';
    const name = file.slice(file.lastIndexOf('/') + 1);
    this.options.logger.error('records cannot be decoded and are passed over', {
      directory: this.directory,
      segment: name,
      offset,
      count,
      reason,
    });
    this.options.damaged?.({ foundBy: 'decode', offset, segment: name, position: 0, reason, bytes: 0, records: count });
  }

  /** Whether corruption at that place has not been reported yet. What is beyond the limit is not reported. */
  private isNew(place: string): boolean {
    this.refusedAt ??= new Set();
    if (this.refusedAt.has(place) || this.refusedAt.size >= MAX_REPORTED) return false;
    this.refusedAt.add(place);
    return true;
  }
}
