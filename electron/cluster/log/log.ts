import { DiskError } from '../lib/disk.ts';
import { runWhole } from '../lib/work-slices.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { cleanable, compact, type Cleanable, type CompactionResult } from './compaction.ts';
import type { LogCorruption, UnreadableRecords } from './corruption.ts';
import type { EpochEnd, EpochStart } from './leader-epochs.ts';
import { appendAsFollower, appendAsLeader } from './log-append.ts';
import { closeWithoutIndexes, mayCloseWithoutIndexes, summaryOf } from './log-closing.ts';
import type { LogConfig } from './log-config.ts';
import { openFiles } from './log-opening.ts';
import { guardRead, readRecords, searchTimestamp, type ReadOptions } from './log-reading.ts';
import { applyRetention, truncateTo } from './log-shrink.ts';
import { LogState } from './log-state.ts';
import type { LogSummary } from './log-summary.ts';
import type { AppendResult, FoundTime, LogOptions, ReadResult, SegmentInfo } from './log-types.ts';
import { clamp, max, min } from './offsets.ts';
import { findsNoGap } from './offset-gaps.ts';
import { writePartitionMetadata } from './partition-metadata.ts';
import type { AppendOrigin, ProducerEntry } from './producer-state.ts';
import { SegmentRepair, type RepairScope } from './segment-repair.ts';
import type { AbortedTransaction } from './transaction-index.ts';

export type { AppendResult, FoundTime, LogCorruption, LogOptions, ReadResult, SegmentInfo };

/** State that only the modules of this directory may use. */
type InternalState =
  | 'options'
  | 'storage'
  | 'clock'
  | 'epochs'
  | 'tail'
  | 'undecided'
  | 'corruption'
  | 'producers'
  | 'changedSinceOpen'
  | 'recordsChecksum'
  | 'knownSince'
  | 'open'
  | 'mayHaveSealedBeyond'
  | 'startSegmentAt'
  | 'advance'
  | 'noteUnflushed'
  | 'startOver'
  | 'shrunk'
  | 'raiseStart';

/**
 * One partition's log, as all code outside this directory sees it: nothing of its state can be written, and its files are out of reach.
 * Single-threaded and synchronous: an operation is complete when its method returns. After a failure of the disk it refuses all further writes
 * with KAFKA_STORAGE_ERROR (see `LogStorage`).
 */
export type Log = Readonly<Omit<PartitionLog, InternalState>>;

/** Opens the log in its directory, or creates an empty one. Throws KafkaError KAFKA_STORAGE_ERROR. */
export function openLog(options: LogOptions): Log {
  return PartitionLog.open(options);
}

/** The operations of `Log`: segments in one directory, in Apache Kafka's own format. */
export class PartitionLog extends LogState {
  /** See `openLog`. */
  static open(options: LogOptions): PartitionLog {
    try {
      const log = new PartitionLog(options);
      if (options.later === undefined) log.openNow();
      return log;
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${options.directory} cannot be opened: ${cause.message}`, { cause });
    }
  }

  protected override readFiles(): void {
    openFiles(this);
  }

  // State

  /** Takes effect with the next append or retention run. */
  updateConfig(config: LogConfig): void {
    this.config = config;
  }
  /** Whether appended batches may be recompressed: their codec is that of the topic, not that of the producer. */
  get compresses(): boolean {
    return this.config.compressionType !== 'producer' && this.config.compressionType !== 'none';
  }
  /** The summary for the next start, after `close`; undefined where the next start has to read the files. */
  summary(): LogSummary | undefined {
    return summaryOf(this);
  }
  /** Writes the topic id into the directory; throws INCONSISTENT_TOPIC_ID when it holds another. */
  assignTopicId(topicId: string): void {
    const { storage, directory, topicId: known } = this;
    if (known === topicId) return;
    if (known !== undefined) {
      throw new KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID, `${directory} belongs to topic id ${known}, not ${topicId}`);
    }
    if (this.exists) storage.guard(() => writePartitionMetadata(storage.disk, directory, topicId));
    this.topicId = topicId;
  }
  /** Everything below is durable. */
  get recoveryPoint(): bigint {
    return this.storage.flushedTo;
  }
  get segments(): SegmentInfo[] {
    return this.storage.segments.all.map((segment, index, all) => ({
      baseOffset: segment.baseOffset,
      endOffset: all[index + 1]?.baseOffset ?? this.logEndOffset,
      sizeBytes: segment.size,
      largestTimestamp: segment.largestTimestamp.timestamp,
    }));
  }
  /** Begins to replace corrupt segments with the records of another replica; undefined when there are none. See `SegmentRepair`. */
  beginRepair(scope: RepairScope = 'segment'): SegmentRepair | undefined {
    return SegmentRepair.begin(this, scope);
  }
  /** See `findsNoGap`. */
  findsNoGap(fromOffset: bigint): Generator<undefined, boolean> {
    return findsNoGap(this, fromOffset);
  }
  /** Why this log refuses writes; undefined while its disk works. */
  get storageError(): KafkaError | undefined {
    return this.storage.failure;
  }
  /** Active producers, for DescribeProducers. */
  get producerEntries(): Iterable<Readonly<ProducerEntry>> {
    return this.producers.entries.values();
  }
  /** Whether records of that producer, or the outcome of its transactions, are remembered. */
  knowsProducer(producerId: bigint): boolean {
    return this.producers.entries.has(producerId);
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
    return appendAsLeader(this, records, leaderEpoch, options.origin);
  }

  /**
   * Appends what the leader's log holds: offsets and epochs are in the batches. A partial batch at the end of `records` is
   * left out, as is everything from the first batch of an epoch above `leaderEpoch`; the bytes are not kept. Returns undefined when there is no whole batch. Throws CORRUPT_MESSAGE, or OFFSET_OUT_OF_RANGE when the batches do not follow the log's end.
   */
  appendAsFollower(records: Buffer, leaderEpoch?: number): AppendResult | undefined {
    return appendAsFollower(this, records, leaderEpoch);
  }

  // Read

  /**
   * Whole batches from the one that holds `offset` (or the next, when `offset` is in a hole) up to `maxOffset`, exclusive; the first even when it is larger than
   * `maxBytes`, if `minOneMessage`. May return less than there is. Throws OFFSET_OUT_OF_RANGE outside
   * [logStartOffset, logEndOffset], CORRUPT_MESSAGE where the file does not hold the batch that was written there, and for `readCommitted`
   * also where a transaction may have been aborted among records that are missing (see `UndecidedTransactions`).
   */
  read(offset: bigint, maxBytes: number, options: ReadOptions): ReadResult {
    return readRecords(this, offset, maxBytes, options);
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
  searchTimestamp(timestamp: bigint | 'largest'): Generator<undefined, FoundTime | null, undefined> {
    return searchTimestamp(this, timestamp);
  }
  /** The log's start, with its epoch (−1 when unknown). */
  get earliest(): { offset: bigint; leaderEpoch: number } {
    return { offset: this.logStartOffset, leaderEpoch: this.epochAt(this.logStartOffset) };
  }
  /** A reader of this log's records could not decode some and skipped them. */
  reportUnreadable(records: UnreadableRecords): void {
    this.corruption.unreadable(records);
  }

  // High watermark and transactions

  /** Kept between the log's start and end. The partition decides it; the log needs it for the last stable offset and for retention. */
  updateHighWatermark(highWatermark: bigint): void {
    this.highWatermark = clamp(highWatermark, this.logStartOffset, this.logEndOffset);
  }
  /** Start of the first transaction that is open or whose end is not yet replicated; undefined when there is none. */
  get firstUnstableOffset(): bigint | undefined {
    if (!this.isOpen) return undefined;
    const first = this.producers.firstUnstableOffset(this.highWatermark);
    return first === undefined ? undefined : max(first, this.logStartOffset);
  }
  /** Read_committed consumers stop before it. */
  get lastStableOffset(): bigint {
    const first = this.firstUnstableOffset;
    return first === undefined ? this.highWatermark : min(first, this.highWatermark);
  }
  /** Aborted transactions with records in [from, to): what a read_committed fetch sends along. */
  abortedTransactions(from: bigint, to: bigint): AbortedTransaction[] {
    return guardRead(this, from, () => this.storage.segments.abortedTransactions(from, to));
  }

  // Leader epochs

  /** −1 when none is known. */
  get latestEpoch(): number {
    return this.epochs.latest;
  }
  get epochStarts(): readonly EpochStart[] {
    return this.epochs.list;
  }
  /** KIP-101: see `LeaderEpochs.endOffset`. */
  endOffsetForEpoch(epoch: number): EpochEnd {
    return this.epochs.endOffset(epoch, this.logEndOffset);
  }
  /** Records that a leader epoch starts at `offset`; older epochs are ignored. */
  maybeAssignEpochStart(epoch: number, offset: bigint): void {
    // Not durable: without a record the epoch is not part of the log.
    this.epochs.assign(epoch, offset);
  }
  /** Epoch of the record at `offset`, −1 when unknown. */
  epochAt(offset: bigint): number {
    return this.epochs.epochAt(offset);
  }

  // Shrinking

  /**
   * Removes all records at and above `offset`. Returns the new log end: lower than `offset` when that was inside a batch. Below the first
   * segment the log starts over at `offset`. Where records below `offset` are missing that a repair may restore, the log ends before them,
   * or, with `keepsMissing`, at `offset`, and still lacks them.
   */
  truncateTo(offset: bigint, { keepsMissing = false }: { keepsMissing?: boolean } = {}): bigint {
    return truncateTo(this, offset, keepsMissing);
  }

  /** Removes all records; the next record gets `offset`. */
  truncateFullyAndStartAt(offset: bigint): void {
    this.storage.assertWritable();
    this.startOver(offset);
  }

  /** DeleteRecords: makes `offset` the log's start. Throws OFFSET_OUT_OF_RANGE above the high watermark. Returns the log's start. */
  deleteRecordsBefore(offset: bigint): bigint {
    const { highWatermark } = this;
    if (offset > highWatermark) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is above the high watermark ${highWatermark}`);
    }
    this.raiseStart(offset);
    return this.logStartOffset;
  }

  /** The same for a follower, which adopts its leader's log start; bounded by the log end, and never lowered. */
  maybeIncrementLogStartOffset(offset: bigint): void {
    this.raiseStart(offset);
  }

  /** Deletes segments below the log start and those that retention allows, and drops inactive producers. */
  applyRetention(nowMs: number): { segments: number; bytes: number } {
    return applyRetention(this, nowMs);
  }

  // Compaction

  /** The cleanable part above `cleanedTo`; undefined when there is none, as far as it is known without opening the files. */
  cleanable(cleanedTo: bigint, nowMs: number): Cleanable | undefined {
    return this.mayHaveSealedBeyond(cleanedTo) ? cleanable(this, cleanedTo, nowMs) : undefined;
  }

  /** Compacts what is cleanable; see `compact`. */
  compact(
    cleanedTo: bigint,
    options: { nowMs: number; maxKeyBytes: number; sliceBytes: number },
  ): Generator<number, CompactionResult | undefined> {
    return compact(this, cleanable(this, cleanedTo, options.nowMs), options);
  }

  // Closing

  /** Neither closed nor failed. */
  get isUsable(): boolean {
    return !this.storage.closed && this.storage.failure === undefined;
  }
  /** See `mayCloseWithoutIndexes`. */
  get mayCloseWithoutIndexes(): boolean {
    return mayCloseWithoutIndexes(this);
  }
  /** Closes a log that `mayCloseWithoutIndexes`; see `closeWithoutIndexes`. */
  closeWithoutIndexes(store: (records: Buffer) => void): void {
    closeWithoutIndexes(this, store);
  }
}
