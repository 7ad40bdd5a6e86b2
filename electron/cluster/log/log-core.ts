import type { Clock } from '../lib/clock.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { LogStorage } from './log-storage.ts';
import type { LogOptions } from './log-types.ts';
import { clamp, max, min } from './offsets.ts';
import { readPartitionMetadata } from './partition-metadata.ts';
import { ProducerState } from './producer-state.ts';
import { openSegments, type RecoveryContext } from './recovery.ts';
import { Tail, TailCache } from './tail-cache.ts';

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
  readonly producers = new ProducerState();
  readonly tail: Tail;
  config: LogConfig;
  topicId: string | undefined;
  startOffset: bigint;
  /** Offset of the next record. */
  endOffset: bigint;
  highWatermark: bigint;
  changedSinceOpen: boolean;
  /** Bytes that recovery cut off at the open because they were no whole batch. */
  readonly truncatedAtOpen: number;
  private unflushedRecords = 0;
  private unflushedSince: number | undefined;

  constructor(options: LogOptions) {
    const { disk, directory, cleanShutdown } = options;
    this.options = options;
    this.directory = directory;
    this.clock = options.clock;
    this.config = options.config;
    this.storage = new LogStorage(options, () => this.config);
    this.epochs = new LeaderEpochs(disk, directory);
    this.tail = new Tail(options.tailCache ?? new TailCache(4 * 1024 * 1024));
    this.topicId = readPartitionMetadata(disk, directory);
    this.epochs.load();
    const recoveryPoint = options.recoveryPoint ?? 0n;
    const logStartOffset = options.logStartOffset ?? 0n;
    const found = openSegments(this.recoveryContext(), { clean: cleanShutdown, recoveryPoint, logStartOffset });
    const { segments } = this.storage;
    for (const segment of found.segments) segments.push(segment);
    if (found.segments.length === 0) this.storage.pushSegment(logStartOffset);
    this.truncatedAtOpen = found.truncatedBytes;
    this.startOffset = max(segments.first.baseOffset, logStartOffset);
    this.endOffset = found.logEndOffset;
    this.storage.flushedTo = min(recoveryPoint, found.logEndOffset);
    this.highWatermark = found.logEndOffset;
    if (this.startOffset > this.endOffset) this.startOver(this.startOffset);
    this.highWatermark = clamp(options.highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    this.changedSinceOpen = !cleanShutdown;
    for (const segment of segments.all) segment.release();
  }

  // Rolling

  /** Ends the active segment and starts the next; nothing happens while the active one is empty. */
  roll(): void {
    this.storage.assertWritable();
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
    this.storage.guard(() => this.storage.flush(this.endOffset, this.epochs));
    this.unflushedRecords = 0;
    this.unflushedSince = undefined;
  }

  /** Flushes when flush.ms says that it is time. */
  flushIfDue(): void {
    if (this.storage.failure !== undefined || this.storage.closed || this.unflushedSince === undefined) return;
    if (this.clock.monotonic() - this.unflushedSince >= this.config.flushMs) this.flush();
  }

  /** Flushes everything, so that the next open can believe the files. After a failure of the disk it only lets go of them. Idempotent. */
  close(): void {
    if (this.storage.closed) return;
    if (this.storage.failure === undefined && (this.changedSinceOpen || this.storage.directoryDirty)) {
      this.flush();
      this.storage.guard(() => this.storage.finish(this.endOffset, this.producers));
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
    };
  }
}
