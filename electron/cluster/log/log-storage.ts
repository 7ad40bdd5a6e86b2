import { DiskError, isDescriptorShortage, type Disk } from '../lib/disk.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { LOG_SUFFIX, offsetFile } from './log-files.ts';
import type { LogOptions } from './log-types.ts';
import { ParentDirectory, parentOf } from './parent-directory.ts';
import { makePartitionMetadata, syncPartitionMetadata } from './partition-metadata.ts';
import { removeProducerSnapshot, snapshotOffsets, writeProducerSnapshot } from './producer-snapshot.ts';
import type { ProducerState } from './producer-state.ts';
import { FilePool } from './file-pool.ts';
import { replayTransactions } from './producer-replay.ts';
import { SegmentList } from './segment-list.ts';
import { SegmentManifest, UNKNOWN_SIZE } from './segment-manifest.ts';
import { Segment } from './segment.ts';

/**
 * The input and output of one log: its segments and producer snapshots, which of them are durable, and whether the disk still works. The log
 * decides their content. Every failure of the disk is final: after a failed write or sync the content of the medium is unknown
 * until a recovery reads it.
 */
export class LogStorage {
  readonly disk: Disk;
  readonly directory: string;
  /** Everything below is durable. */
  flushedTo = 0n;
  /** Whether a power cut could still take back names in the directory. */
  directoryDirty = false;
  /** The topic id, while its file is not known to be durable. */
  unsyncedTopicId: string | undefined;
  /** Whether there may be producer snapshots. */
  hasSnapshots = false;
  /** The closed segments as the next open has to find them. */
  readonly manifest: SegmentManifest;
  private readonly list = new SegmentList([]);
  private readonly open: () => void;
  private readonly files: FilePool;
  private readonly parent: ParentDirectory;
  private readonly options: LogOptions;
  private readonly config: () => LogConfig;
  private error: KafkaError | undefined;
  private released = false;

  /** `open` is called when the segments are first needed, and opens them. No file is read before. */
  constructor(options: LogOptions, config: () => LogConfig, open: () => void) {
    const { disk, directory } = options;
    this.options = options;
    this.config = config;
    this.disk = disk;
    this.directory = directory;
    this.manifest = new SegmentManifest(disk, directory);
    this.files = options.files ?? new FilePool(disk);
    this.parent = options.parent ?? new ParentDirectory(disk, parentOf(directory));
    this.open = open;
  }

  get segments(): SegmentList {
    this.open();
    return this.list;
  }

  /** Creates the directory if it is absent. */
  makeDirectory(): void {
    // An earlier process may not have synced the names that it created.
    if (!this.options.cleanShutdown) this.nameUnsynced();
    if (this.disk.isDirectory(this.directory)) return;
    this.disk.makeDirectory(this.directory);
    this.nameUnsynced();
  }

  /** A power cut may take the directory or its content. */
  nameUnsynced(): void {
    this.directoryDirty = true;
    this.parent.changed();
  }

  get failure(): KafkaError | undefined {
    return this.error;
  }
  get closed(): boolean {
    return this.released;
  }

  /** Writes the topic id into a directory that has none. */
  makeMetadata(topicId: string): void {
    makePartitionMetadata(this.disk, this.directory, topicId);
    this.unsyncedTopicId = topicId;
  }

  /** A segment object over files that may exist. */
  makeSegment(baseOffset: bigint, size: number, freshIndexes: boolean, nameSuffix?: string): Segment {
    return new Segment({
      disk: this.disk,
      files: this.files,
      directory: this.directory,
      baseOffset,
      size,
      openedAt: this.options.clock.now(),
      indexIntervalBytes: () => this.config().indexIntervalBytes,
      freshIndexes,
      nameSuffix,
      indexesRebuilt: (segment) => this.onIndexesRebuilt(segment),
      replayTransactions: (segment) => replayTransactions(this.disk, this.directory, this.segments.all, segment),
    });
  }

  private onIndexesRebuilt(segment: Segment): void {
    const entry = this.manifest.get(segment.baseOffset);
    this.options.logger.warn('indexes of a closed segment are corrupt and were rebuilt', { segment: segment.path });
    // With the former entry the next open finds again that the list of aborted transactions is incomplete.
    if (entry === undefined || !segment.knowsTransactions) return;
    this.manifest.put(segment.closedAt(entry.endOffset));
    this.saveManifest();
  }

  /** Makes the list of aborted transactions of `segment` durable where it is closed. Throws DiskError. */
  onTransactionsCorrected(segment: Segment): void {
    const entry = this.manifest.get(segment.baseOffset);
    this.options.logger.warn('list of aborted transactions lacked records that were missing, and was rebuilt', {
      segment: segment.path,
    });
    if (segment === this.segments.active) return;
    segment.transactionIndex.save(true);
    if (entry === undefined) return;
    this.manifest.put(segment.closedAt(entry.endOffset));
    this.manifest.save(true);
  }

  /** A power cut may take a list that was not made durable, and with it the record of missing records. */
  private saveManifest(): void {
    this.manifest.save(this.segments.all.some(({ lack }) => lack !== undefined));
  }

  /** Adds every whole closed segment to the manifest where it is not in it yet. */
  completeManifest(): void {
    const { all, active } = this.segments;
    this.manifest.drop(({ baseOffset }) => baseOffset >= active.baseOffset);
    for (const [index, segment] of all.slice(0, -1).entries()) {
      const next = all[index + 1] as Segment;
      if (this.manifest.get(segment.baseOffset) !== undefined) continue;
      const entry = segment.closedAt(next.baseOffset);
      this.manifest.put(segment.lack === undefined ? entry : { ...entry, sizeBytes: UNKNOWN_SIZE });
      segment.release();
    }
    this.saveManifest();
  }

  /** Adds an empty segment at the end of the list. */
  pushSegment(baseOffset: bigint): void {
    const segment = this.makeSegment(baseOffset, 0, true);
    // A file of that name is left over from an operation that was given up.
    segment.file.truncate(0);
    this.directoryDirty = true;
    this.segments.push(segment);
  }

  /** Closes the active segment, or replaces it if it is empty, with producer state saved at the base offset of the new one. */
  startSegment(baseOffset: bigint, producers: ProducerState): void {
    const { active } = this.segments;
    if (active.size === 0) this.segments.pop().destroy();
    else active.seal();
    this.takeSnapshot(baseOffset, producers);
    this.pushSegment(baseOffset);
    if (active.size === 0) return;
    this.manifest.put(active.closedAt(baseOffset));
    this.saveManifest();
    active.release();
  }

  /** Removes the `count` oldest segments with their snapshots; returns their bytes. */
  removeOldest(count: number): number {
    let bytes = 0;
    const kept = this.segments.all[count]?.baseOffset;
    this.manifest.drop(({ baseOffset }) => kept === undefined || baseOffset < kept);
    this.manifest.save(true);
    for (const segment of this.segments.shift(count)) {
      bytes += segment.size;
      segment.destroy();
      removeProducerSnapshot(this.disk, this.directory, segment.baseOffset);
    }
    this.directoryDirty = true;
    return bytes;
  }

  /** Records at and above `offset` are about to be removed or replaced: the compaction checkpoint above it is void. Throws DiskError. */
  beginRewrite(offset: bigint): void {
    this.options.rewriting?.(offset);
  }

  /** Removes everything and starts with an empty segment, durably. */
  replaceAll(baseOffset: bigint): void {
    this.beginRewrite(0n);
    this.manifest.drop(() => true);
    this.manifest.save(true);
    for (const segment of this.segments.shift(this.segments.all.length)) segment.destroy();
    this.pushSegment(baseOffset);
    this.removeSnapshots(() => true);
    this.disk.syncDirectory(this.directory);
  }

  /** Saves producer state at `offset`. Keeps those at the base offsets of segments, and the newest. */
  takeSnapshot(offset: bigint, producers: ProducerState): void {
    const wanted = new Set(this.segments.all.map((segment) => segment.baseOffset));
    this.removeSnapshots((older) => !wanted.has(older));
    writeProducerSnapshot(this.disk, this.directory, offset, producers.entries.values());
    this.hasSnapshots = true;
  }

  removeSnapshots(which: (offset: bigint) => boolean): void {
    for (const offset of snapshotOffsets(this.disk.list(this.directory))) {
      if (which(offset)) removeProducerSnapshot(this.disk, this.directory, offset);
    }
  }

  /** Makes everything below `endOffset` durable. */
  flush(endOffset: bigint, epochs: LeaderEpochs): void {
    this.syncFiles(endOffset, epochs);
    this.syncNames();
    this.flushedTo = endOffset;
  }

  private syncFiles(endOffset: bigint, epochs: LeaderEpochs): void {
    const { all, active } = this.segments;
    if (this.flushedTo < endOffset) {
      // The segment of the last flushed record as well: if it has been closed since, its indexes are not durable yet.
      for (const segment of all.slice(this.segments.indexOf(this.flushedTo - 1n))) {
        segment.sync();
        if (segment === active) continue;
        segment.saveIndexes(true);
        segment.release();
      }
    }
    epochs.save();
    this.syncTopicId();
  }

  /** The same for a log of one segment that is not open; the side files are those of a log that was closed without indexes. */
  flushUnopened(endOffset: bigint): void {
    const file = this.disk.open(offsetFile(this.directory, 0n, LOG_SUFFIX));
    try {
      file.sync();
    } finally {
      file.close();
    }
    this.syncTopicId();
    this.syncNames();
    this.flushedTo = endOffset;
  }

  private syncTopicId(): void {
    if (this.unsyncedTopicId === undefined) return;
    syncPartitionMetadata(this.disk, this.directory, this.unsyncedTopicId);
    this.unsyncedTopicId = undefined;
  }

  private syncNames(): void {
    if (this.directoryDirty) this.disk.syncDirectory(this.directory);
    this.parent.sync();
    this.directoryDirty = false;
  }

  /** Flushes indexes and snapshots too, so that the next open can trust them. */
  finish(endOffset: bigint, epochs: LeaderEpochs, producers: ProducerState): void {
    this.syncFiles(endOffset, epochs);
    if (this.segments.active.size > 0) this.segments.active.seal();
    for (const segment of this.segments.all) if (segment.size > 0) segment.saveIndexes(true);
    if (producers.entries.size > 0 || this.hasSnapshots) this.takeSnapshot(endOffset, producers);
    this.manifest.save(true);
    this.directoryDirty = true;
    this.syncNames();
    this.flushedTo = endOffset;
  }

  /** Releases all handles; no write may follow. */
  release(): void {
    this.released = true;
    for (const segment of this.list.all) segment.release();
  }

  assertWritable(): void {
    if (this.error !== undefined) throw this.error;
    if (this.released) throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${this.directory} is closed`);
  }

  /** Runs an operation on the disk. Its first failure, thrown as KAFKA_STORAGE_ERROR, takes the log offline. */
  guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      const error = new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${this.directory}: ${cause.message}`, { cause });
      throw isDescriptorShortage(cause) ? error : this.fail(error);
    }
  }

  /** Takes the log offline until the node restarts. Returns the error. */
  fail(error: KafkaError): KafkaError {
    if (this.error === undefined) {
      this.error = error;
      this.options.logger.error('log is offline: its disk failed', { directory: this.directory, error });
      this.options.storageFailed?.(error);
    }
    return error;
  }
}
