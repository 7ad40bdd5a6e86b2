import { DiskError } from '../lib/disk.ts';
import { runWhole } from '../lib/work-slices.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { cleanable, compact, type Cleanable, type CompactionResult } from './compaction.ts';
import { CorruptBatchError, type LogCorruption, type UnreadableRecords } from './corruption.ts';
import type { EpochEnd, EpochStart } from './leader-epochs.ts';
import { appendAsFollower, appendAsLeader } from './log-append.ts';
import { closeWithoutIndexes, mayCloseWithoutIndexes, summaryOf } from './log-closing.ts';
import type { LogConfig } from './log-config.ts';
import { LogCore } from './log-core.ts';
import type { LogSummary } from './log-summary.ts';
import { applyRetention, incrementLogStart, truncateTo } from './log-shrink.ts';
import type { AppendResult, LogOptions, ReadResult, SegmentInfo } from './log-types.ts';
import { clamp, max, min } from './offsets.ts';
import { findsNoGap } from './offset-gaps.ts';
import { SegmentRepair, type RepairScope } from './segment-repair.ts';
import { writePartitionMetadata } from './partition-metadata.ts';
import type { AppendOrigin, ProducerEntry } from './producer-state.ts';
import type { TimestampOffset } from './time-index.ts';
import type { AbortedTransaction } from './transaction-index.ts';

/** A record's time and offset; `leaderEpoch` −1 when unknown. */
export type FoundTime = TimestampOffset & { leaderEpoch: number };

const MAX_SEARCH_STARTS = 4;

export type { AppendResult, LogCorruption, LogOptions, ReadResult, SegmentInfo };

/**
 * One partition's log: segments in one directory, in Apache Kafka's own format. Single-threaded and synchronous: an operation is complete
 * when its method returns. After a failure of the disk it refuses all further writes with KAFKA_STORAGE_ERROR (see `LogStorage`).
 */
export class Log {
  private readonly core: LogCore;

  /** Opens the log in its directory, or creates an empty one. Throws KafkaError KAFKA_STORAGE_ERROR. */
  static open(options: LogOptions): Log {
    try {
      return new Log(new LogCore(options));
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${options.directory} cannot be opened: ${cause.message}`, { cause });
    }
  }

  private constructor(core: LogCore) {
    this.core = core;
  }

  // State

  get directory(): string {
    return this.core.directory;
  }
  get config(): LogConfig {
    return this.core.config;
  }
  /** Takes effect with the next append or retention run. */
  updateConfig(config: LogConfig): void {
    this.core.config = config;
  }
  /** Whether appended batches may be recompressed: their codec is that of the topic, not that of the producer. */
  get compresses(): boolean {
    return this.core.config.compressionType !== 'producer' && this.core.config.compressionType !== 'none';
  }
  /** Whether the log has a directory, which some logs get with their first record only. */
  get exists(): boolean {
    return this.core.exists;
  }
  /** Whether files were read since the start. */
  get isOpen(): boolean {
    return this.core.isOpen;
  }
  /** Whether the whole log is one segment that begins at offset 0, without a producer snapshot beside it. */
  get isSingleSegment(): boolean {
    return this.core.isSingleSegment;
  }
  /** The summary for the next start, after `close`; undefined where the next start has to read the files. */
  summary(): LogSummary | undefined {
    return summaryOf(this.core);
  }
  /** The topic id that the directory holds. */
  get topicId(): string | undefined {
    return this.core.topicId;
  }
  /** Writes the topic id into the directory; throws INCONSISTENT_TOPIC_ID when it holds another. */
  assignTopicId(topicId: string): void {
    const { storage, directory, topicId: known } = this.core;
    if (known === topicId) return;
    if (known !== undefined) {
      throw new KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID, `${directory} belongs to topic id ${known}, not ${topicId}`);
    }
    if (this.core.exists) storage.guard(() => writePartitionMetadata(storage.disk, directory, topicId));
    this.core.topicId = topicId;
  }
  get logStartOffset(): bigint {
    return this.core.startOffset;
  }
  /** Offset of the next record. */
  get logEndOffset(): bigint {
    return this.core.endOffset;
  }
  /** Everything below is durable. */
  get recoveryPoint(): bigint {
    return this.core.storage.flushedTo;
  }
  get highWatermark(): bigint {
    return this.core.highWatermark;
  }
  get sizeBytes(): number {
    return this.core.sizeBytes;
  }
  get segments(): SegmentInfo[] {
    return this.core.storage.segments.all.map((segment, index, all) => ({
      baseOffset: segment.baseOffset,
      endOffset: all[index + 1]?.baseOffset ?? this.core.endOffset,
      sizeBytes: segment.size,
      largestTimestamp: segment.largestTimestamp.timestamp,
    }));
  }
  /** Bytes that recovery cut off at the open because they were no whole batch. */
  get truncatedAtOpen(): number {
    return this.core.truncatedAtOpen;
  }
  /** Whether the log ends below its end in the previous run. */
  get lostAtOpen(): boolean {
    return this.core.lostAtOpen;
  }
  /** Segments that lack records or have batches that were refused. */
  get corruptSegments(): { baseOffset: bigint; endOffset: bigint }[] {
    return this.core.corruptSegments;
  }
  /** Begins to replace corrupt segments with the records of another replica; undefined when there are none. See `SegmentRepair`. */
  beginRepair(scope: RepairScope = 'segment'): SegmentRepair | undefined {
    return SegmentRepair.begin(this.core, scope);
  }
  /** Grows when segments are replaced by those of another replica: a reader of the whole log has read two versions of it. */
  get replacements(): number {
    return this.core.replacements;
  }
  /** See `findsNoGap`. */
  findsNoGap(fromOffset: bigint): Generator<undefined, boolean> {
    return findsNoGap(this.core, fromOffset);
  }
  /** Why this log refuses writes; undefined while its disk works. */
  get storageError(): KafkaError | undefined {
    return this.core.storage.failure;
  }
  /** Active producers, for DescribeProducers. */
  get producerEntries(): Iterable<Readonly<ProducerEntry>> {
    return this.core.producers.entries.values();
  }
  /** Whether records of that producer, or the outcome of its transactions, are remembered. */
  knowsProducer(producerId: bigint): boolean {
    return this.core.producers.entries.has(producerId);
  }

  // Append

  /**
   * Appends what a producer, a coordinator or the quorum's leader sent. Offsets, leader epoch and the largest timestamp are written into
   * `records`, which the log owns from here on. A client's records are checked one by one, and a batch that repeats one in the log is answered
   * as that one. Nothing is written when it throws one of: FENCED_LEADER_EPOCH, CORRUPT_MESSAGE,
   * UNSUPPORTED_FOR_MESSAGE_FORMAT, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD and INVALID_TIMESTAMP (a RecordsRefusedError may name records),
   * UNSUPPORTED_COMPRESSION_TYPE, INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE,
   * TRANSACTION_COORDINATOR_FENCED. KAFKA_STORAGE_ERROR: the disk failed, what is in the file is open.
   */
  appendAsLeader(records: Buffer, leaderEpoch: number, options: { origin: AppendOrigin }): AppendResult {
    return appendAsLeader(this.core, records, leaderEpoch, options.origin);
  }

  /**
   * Appends what the leader's log holds: offsets and epochs are in the batches. A partial batch at the end of `records` is
   * left out, as is everything from the first batch of an epoch above `leaderEpoch`; the bytes are not kept. Returns undefined when there is no whole batch. Throws CORRUPT_MESSAGE, or OFFSET_OUT_OF_RANGE when the batches do not follow the log's end.
   */
  appendAsFollower(records: Buffer, leaderEpoch?: number): AppendResult | undefined {
    return appendAsFollower(this.core, records, leaderEpoch);
  }

  // Read

  /**
   * Whole batches from the one that holds `offset` (or the next, when `offset` is in a hole) up to `maxOffset`, exclusive; the first even when it is larger than
   * `maxBytes`, if `minOneMessage`. May return less than there is. Throws OFFSET_OUT_OF_RANGE outside
   * [logStartOffset, logEndOffset], CORRUPT_MESSAGE where the file does not hold the batch that was written there, and for `readCommitted`
   * also where a transaction may have been aborted among records that are missing (see `UndecidedTransactions`).
   */
  read(offset: bigint, maxBytes: number, options: { maxOffset: bigint; minOneMessage: boolean; readCommitted?: boolean }): ReadResult {
    const { startOffset, endOffset, tail } = this.core;
    if (offset < startOffset || offset > endOffset) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is outside ${startOffset} to ${endOffset}`);
    }
    const { minOneMessage, readCommitted = false } = options;
    const limit = min(options.maxOffset, endOffset);
    if (offset >= limit || (maxBytes <= 0 && !minOneMessage)) return { records: [], sizeBytes: 0, nextOffset: offset };
    const maxOffset = readCommitted ? this.reading(offset, () => this.core.undecided.endOfDecided(offset, limit)) : limit;
    const hot = tail.read(offset, maxBytes, maxOffset, minOneMessage);
    if (hot !== undefined) return hot;
    const { storage } = this.core;
    const slice = this.reading(offset, () => storage.segments.read(offset, maxBytes, maxOffset, minOneMessage));
    // The next record is undecided: refused like a read of it, so that the reader gets the reason.
    if (slice === undefined && maxOffset < limit) this.reading(offset, () => this.core.undecided.endOfDecided(maxOffset, limit));
    if (slice === undefined) return { records: [], sizeBytes: 0, nextOffset: offset };
    return { records: [slice.bytes], sizeBytes: slice.bytes.length, nextOffset: slice.nextOffset };
  }

  /** The first record at or after `timestamp` (milliseconds); null when all are older. Throws as decoding does. */
  offsetForTimestamp(timestamp: bigint): FoundTime | null {
    return runWhole(this.searchTimestamp(timestamp));
  }
  /** The first record with the largest timestamp; null when none has a time. */
  maxTimestampOffset(): FoundTime | null {
    return runWhole(this.searchTimestamp('largest'));
  }
  /**
   * The same two searches with yields at which others may run. A search that the log was cut or compacted under starts over. Throws
   * KAFKA_STORAGE_ERROR where the log was closed in between.
   */
  *searchTimestamp(timestamp: bigint | 'largest'): Generator<undefined, FoundTime | null, undefined> {
    const { core } = this;
    for (let starts = 1; ; starts++) {
      const { startOffset, endOffset, config } = core;
      if (startOffset === endOffset) return null;
      const { segments } = core.storage;
      const { changes } = segments;
      const { maxDecompressedBytes } = config;
      const search =
        timestamp === 'largest'
          ? segments.findLargestTimestamp(maxDecompressedBytes)
          : segments.findTimestamp(timestamp, startOffset, maxDecompressedBytes);
      for (;;) {
        const step = this.reading(startOffset, () => search.next());
        if (step.done === true) return this.withEpoch(step.value);
        // The last start is not interrupted, so that a log that changes all the time cannot hold a search up for good.
        if (starts >= MAX_SEARCH_STARTS) continue;
        yield;
        core.storage.assertWritable();
        if (core.storage.segments !== segments || segments.changes !== changes || core.startOffset !== startOffset) break;
      }
    }
  }
  /** The log's start, with its epoch (−1 when unknown). */
  get earliest(): { offset: bigint; leaderEpoch: number } {
    return { offset: this.core.startOffset, leaderEpoch: this.epochAt(this.core.startOffset) };
  }
  /** A reader of this log's records could not decode some and skipped them. */
  reportUnreadable(records: UnreadableRecords): void {
    this.core.unreadable(records);
  }
  /** Reports corruption that blocks a read to the owner of the log. `offset`: its position, if the error does not hold it. */
  private reading<T>(offset: bigint, read: () => T): T {
    try {
      return this.core.storage.guard(read);
    } catch (error) {
      if (error instanceof CorruptBatchError) this.core.refused(error, offset);
      throw error;
    }
  }
  private withEpoch(found: TimestampOffset | undefined): FoundTime | null {
    return found === undefined ? null : { ...found, leaderEpoch: this.epochAt(found.offset) };
  }

  // High watermark and transactions

  /** Kept between the log's start and end. The partition decides it; the log needs it for the last stable offset and for retention. */
  updateHighWatermark(highWatermark: bigint): void {
    const { core } = this;
    core.highWatermark = clamp(highWatermark, core.startOffset, core.endOffset);
  }
  /** Start of the first transaction that is open or whose end is not yet replicated; undefined when there is none. */
  get firstUnstableOffset(): bigint | undefined {
    const { core } = this;
    if (!core.isOpen) return undefined;
    const { producers, highWatermark, startOffset } = core;
    const first = producers.firstUnstableOffset(highWatermark);
    return first === undefined ? undefined : max(first, startOffset);
  }
  /** Read_committed consumers stop before it. */
  get lastStableOffset(): bigint {
    const first = this.firstUnstableOffset;
    return first === undefined ? this.core.highWatermark : min(first, this.core.highWatermark);
  }
  /** Aborted transactions with records in [from, to): what a read_committed fetch sends along. */
  abortedTransactions(from: bigint, to: bigint): AbortedTransaction[] {
    return this.reading(from, () => this.core.storage.segments.abortedTransactions(from, to));
  }

  // Leader epochs

  /** −1 when none is known. */
  get latestEpoch(): number {
    return this.core.epochs.latest;
  }
  get epochStarts(): readonly EpochStart[] {
    return this.core.epochs.list;
  }
  /** KIP-101: see `LeaderEpochs.endOffset`. */
  endOffsetForEpoch(epoch: number): EpochEnd {
    return this.core.epochs.endOffset(epoch, this.core.endOffset);
  }
  /** Records that a leader epoch starts at `offset`; older epochs are ignored. */
  maybeAssignEpochStart(epoch: number, offset: bigint): void {
    // Not durable: without a record the epoch is not part of the log.
    this.core.epochs.assign(epoch, offset);
  }
  /** Epoch of the record at `offset`, −1 when unknown. */
  epochAt(offset: bigint): number {
    return this.core.epochs.epochAt(offset);
  }

  // Shrinking

  /**
   * Removes all records at and above `offset`. Returns the new log end: lower than `offset` when that was inside a batch. Below the first
   * segment the log starts over at `offset`. Where records below `offset` are missing that a repair may restore, the log ends before them,
   * or, with `keepsMissing`, at `offset`, and still lacks them.
   */
  truncateTo(offset: bigint, { keepsMissing = false }: { keepsMissing?: boolean } = {}): bigint {
    return truncateTo(this.core, offset, keepsMissing);
  }

  /** Removes all records; the next record gets `offset`. */
  truncateFullyAndStartAt(offset: bigint): void {
    this.core.storage.assertWritable();
    this.core.startOver(offset);
  }

  /** DeleteRecords: makes `offset` the log's start. Throws OFFSET_OUT_OF_RANGE above the high watermark. Returns the log's start. */
  deleteRecordsBefore(offset: bigint): bigint {
    const { highWatermark } = this.core;
    if (offset > highWatermark) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is above the high watermark ${highWatermark}`);
    }
    incrementLogStart(this.core, offset);
    return this.core.startOffset;
  }

  /** The same for a follower, which adopts its leader's log start; bounded by the log end, and never lowered. */
  maybeIncrementLogStartOffset(offset: bigint): void {
    incrementLogStart(this.core, offset);
  }

  /** Deletes segments below the log start and those that retention allows, and drops inactive producers. */
  applyRetention(nowMs: number): { segments: number; bytes: number } {
    return applyRetention(this.core, nowMs);
  }

  // Compaction

  /** The cleanable part above `cleanedTo`; undefined when there is none, as far as it is known without opening the files. */
  cleanable(cleanedTo: bigint, nowMs: number): Cleanable | undefined {
    return this.core.mayHaveSealedBeyond(cleanedTo) ? cleanable(this.core, cleanedTo, nowMs) : undefined;
  }

  /** Compacts what is cleanable; see `compact`. */
  compact(
    cleanedTo: bigint,
    options: { nowMs: number; maxKeyBytes: number; sliceBytes: number },
  ): Generator<number, CompactionResult | undefined> {
    return compact(this.core, cleanable(this.core, cleanedTo, options.nowMs), options);
  }

  // Rolling, flushing, closing

  /** Closes the active segment and starts the next; does nothing while the active one is empty. */
  roll(): void {
    this.core.roll();
  }

  /** Makes all appended records durable. */
  flush(): void {
    this.core.flush();
  }

  /** Flushes when flush.ms has passed. */
  flushIfDue(): void {
    this.core.flushIfDue();
  }

  /** Flushes everything, so that the next open can trust the files. After a disk failure it only closes them. Idempotent. */
  close(): void {
    this.core.close();
  }

  /** Whether the records survive a power cut. */
  get isDurable(): boolean {
    return this.core.isDurable;
  }
  /** Whether the previous stop closed it without indexes. */
  get isWithoutIndexes(): boolean {
    return this.core.withoutIndexes;
  }
  /** Neither closed nor failed. */
  get isUsable(): boolean {
    return !this.core.storage.closed && this.core.storage.failure === undefined;
  }
  /** Whether `close` has something to write. */
  get isUnfinished(): boolean {
    return this.core.isUnfinished;
  }
  /** See `mayCloseWithoutIndexes`. */
  get mayCloseWithoutIndexes(): boolean {
    return mayCloseWithoutIndexes(this.core);
  }
  /** Closes a log that `mayCloseWithoutIndexes`; see `closeWithoutIndexes`. */
  closeWithoutIndexes(): Buffer | undefined {
    return closeWithoutIndexes(this.core);
  }

  /** Closes without a flush and removes the directory. */
  destroy(): void {
    const { core } = this;
    core.closeWithoutFlush();
    core.storage.guard(() => core.storage.disk.remove(core.directory));
  }

  /** Closes without a flush, for a directory that is about to be renamed or whose disk has failed. */
  closeWithoutFlush(): void {
    this.core.closeWithoutFlush();
  }
}
