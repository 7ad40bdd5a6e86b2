import type { Clock } from '../lib/clock.ts';
import { DiskError } from '../lib/disk.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { patchBatch, setLogAppendTime, type BatchView } from '../protocol/record-batch.ts';
import type { EndTransactionMarker } from '../protocol/transaction-marker.ts';
import { checkFollowerAppend, checkLeaderAppend, markerOf } from './append-checks.ts';
import { LeaderEpochs, type EpochEnd, type EpochStart } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts';
import { ProducerState, type AppendOrigin, type ProducerBatch, type ProducerEntry } from './producer-state.ts';
import { applyToProducers, loadProducers, openSegments, type RecoveryContext } from './recovery.ts';
import { expiredSegments } from './retention.ts';
import { LogStorage } from './log-storage.ts';
import type { AppendResult, LogOptions, ReadResult, SegmentInfo } from './log-types.ts';
import type { Segment } from './segment.ts';
import { Tail, TailCache } from './tail-cache.ts';
import type { TimestampOffset } from './time-index.ts';
import type { AbortedTransaction } from './transaction-index.ts';

export type { AppendResult, LogOptions, ReadResult, SegmentInfo };

/**
 * One partition's log: segments in one directory, in Apache Kafka's own format. Single-threaded and synchronous: a method
 * has happened when it returns. After a failure of the disk
 * it refuses all further writes with KAFKA_STORAGE_ERROR (see `LogStorage`).
 */
export class Log {
  readonly directory: string;
  private readonly options: LogOptions;
  private readonly storage: LogStorage;
  private readonly clock: Clock;
  private readonly epochs: LeaderEpochs;
  private readonly producers = new ProducerState();
  private readonly tail: Tail;
  private currentConfig: LogConfig;
  private startOffset: bigint;
  private endOffset: bigint;
  private hw: bigint;
  private unflushedRecords = 0;
  private unflushedSince: number | undefined;
  private changedSinceOpen: boolean;
  private id: string | undefined;
  /** Bytes that recovery cut off at the open because they were no whole batch. */
  readonly truncatedAtOpen: number;

  /** Takes a log up from its directory, or makes an empty one. Throws KafkaError KAFKA_STORAGE_ERROR. */
  static open(options: LogOptions): Log {
    try {
      return new Log(options);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${options.directory} cannot be opened: ${cause.message}`, { cause });
    }
  }

  private constructor(options: LogOptions) {
    const { disk, directory, cleanShutdown } = options;
    this.options = options;
    this.directory = directory;
    this.clock = options.clock;
    this.currentConfig = options.config;
    this.storage = new LogStorage(options, () => this.currentConfig);
    this.epochs = new LeaderEpochs(disk, directory);
    this.tail = new Tail(options.tailCache ?? new TailCache(4 * 1024 * 1024));
    this.id = readPartitionMetadata(disk, directory);
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
    this.hw = found.logEndOffset;
    if (this.startOffset > this.endOffset) this.startOver(this.startOffset);
    this.hw = clamp(options.highWatermark ?? this.startOffset, this.startOffset, this.endOffset);
    this.changedSinceOpen = !cleanShutdown;
    for (const segment of segments.all) segment.release();
  }

  // State

  get config(): LogConfig {
    return this.currentConfig;
  }
  /** Takes effect with the next append or retention run. */
  updateConfig(config: LogConfig): void {
    this.currentConfig = config;
  }
  /** The topic's id as the directory knows it. */
  get topicId(): string | undefined {
    return this.id;
  }
  /** Writes the topic's id into the directory; throws INCONSISTENT_TOPIC_ID when it holds another. */
  assignTopicId(topicId: string): void {
    if (this.id === topicId) return;
    if (this.id !== undefined) {
      throw new KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID, `${this.directory} belongs to topic id ${this.id}, not ${topicId}`);
    }
    this.storage.guard(() => writePartitionMetadata(this.storage.disk, this.directory, topicId));
    this.id = topicId;
  }
  get logStartOffset(): bigint {
    return this.startOffset;
  }
  /** Offset of the next record. */
  get logEndOffset(): bigint {
    return this.endOffset;
  }
  /** Everything below is on the medium. */
  get recoveryPoint(): bigint {
    return this.storage.flushedTo;
  }
  get highWatermark(): bigint {
    return this.hw;
  }
  get sizeBytes(): number {
    return this.storage.segments.sizeBytes;
  }
  get segments(): SegmentInfo[] {
    return this.storage.segments.all.map((segment, index, all) => ({
      baseOffset: segment.baseOffset,
      endOffset: all[index + 1]?.baseOffset ?? this.endOffset,
      sizeBytes: segment.size,
      largestTimestamp: segment.largestTimestamp.timestamp,
    }));
  }
  /** Why this log refuses writes; undefined while its disk works. */
  get storageError(): KafkaError | undefined {
    return this.storage.failure;
  }
  /** Active producers, for DescribeProducers. */
  get producerEntries(): Iterable<Readonly<ProducerEntry>> {
    return this.producers.entries.values();
  }

  // Append

  /**
   * Appends what a producer, a coordinator or the quorum's leader sent. Offsets, leader epoch and, where configured, the time are written into
   * `records`, which the log owns from here on. Nothing is written when it throws one of: FENCED_LEADER_EPOCH, CORRUPT_MESSAGE,
   * UNSUPPORTED_FOR_MESSAGE_FORMAT, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD (a RecordsRefusedError may name records),
   * INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION_TYPE, INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE,
   * TRANSACTION_COORDINATOR_FENCED. KAFKA_STORAGE_ERROR: the disk failed, what is in the file is open.
   */
  appendAsLeader(records: Buffer, leaderEpoch: number, options: { origin: AppendOrigin }): AppendResult {
    this.storage.assertWritable();
    if (leaderEpoch < this.epochs.latest) {
      throw new KafkaError(ErrorCode.FENCED_LEADER_EPOCH, `leader epoch ${leaderEpoch}, the log is at ${this.epochs.latest}`);
    }
    const nowMs = this.clock.now();
    const { origin } = options;
    const batches = checkLeaderAppend(records, origin, this.currentConfig, nowMs);
    const markers = batches.map(markerOf);
    for (const [index, batch] of batches.entries()) {
      if (!batch.hasProducerId) continue;
      const repeated = this.producers.check(batch, origin, markers[index]);
      if (repeated !== undefined) return this.duplicateResult(batch, repeated);
    }
    let span = 0n;
    for (const batch of batches) span += BigInt(batch.lastOffsetDelta) + 1n;
    this.rollIfDue(records.length, this.endOffset + span - 1n, batches[0] as BatchView);
    const appendTime = this.currentConfig.messageTimestampType === 'LogAppendTime' && origin !== 'raft';
    let next = this.endOffset;
    for (const batch of batches) {
      patchBatch(records, batch.position, { baseOffset: next, partitionLeaderEpoch: leaderEpoch });
      if (appendTime) setLogAppendTime(records, batch.position, BigInt(nowMs));
      next = batch.lastOffset + 1n;
    }
    const result = this.write(records, batches, markers);
    this.tail.append(records, result.firstOffset, result.lastOffset);
    return appendTime ? { ...result, logAppendTimeMs: nowMs } : result;
  }

  /**
   * Appends what the leader's log holds: offsets and epochs are in the batches. A partial batch at the end of `records` is
   * left out; the bytes are not kept. Returns undefined when there is no whole batch. Throws CORRUPT_MESSAGE, or OFFSET_OUT_OF_RANGE when the batches do not follow the log's end.
   */
  appendAsFollower(records: Buffer): AppendResult | undefined {
    this.storage.assertWritable();
    const batches = checkFollowerAppend(records);
    const [first] = batches;
    const last = batches.at(-1);
    if (first === undefined || last === undefined) return undefined;
    let expected = this.endOffset;
    for (const batch of batches) {
      if (batch.baseOffset < expected) {
        throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `batch at ${batch.baseOffset} where ${expected} is the next offset`);
      }
      expected = batch.lastOffset + 1n;
    }
    const bytes = records.subarray(0, last.position + last.sizeInBytes);
    this.rollIfDue(bytes.length, last.lastOffset, first);
    // Followers are seldom read from, and then from the page cache; the memory is better spent on what this node leads.
    this.tail.clear();
    return this.write(bytes, batches, batches.map(markerOf));
  }

  private write(bytes: Buffer, batches: readonly BatchView[], markers: readonly (EndTransactionMarker | undefined)[]): AppendResult {
    const { active } = this.storage.segments;
    this.storage.guard(() => active.append(bytes, batches));
    let recordCount = 0;
    let maxTimestamp = -1n;
    for (const [index, batch] of batches.entries()) {
      this.epochs.assign(batch.partitionLeaderEpoch, batch.baseOffset);
      applyToProducers(this.producers, active, batch, markers[index]);
      recordCount += batch.recordCount;
      if (batch.maxTimestamp > maxTimestamp) maxTimestamp = batch.maxTimestamp;
    }
    const firstOffset = (batches[0] as BatchView).baseOffset;
    const lastOffset = (batches.at(-1) as BatchView).lastOffset;
    this.endOffset = lastOffset + 1n;
    this.changedSinceOpen = true;
    this.unflushedRecords += recordCount;
    this.unflushedSince ??= this.clock.monotonic();
    if (this.unflushedRecords >= this.currentConfig.flushMessages) this.flush();
    const { startOffset: logStartOffset } = this;
    return {
      firstOffset,
      lastOffset,
      logAppendTimeMs: -1,
      logStartOffset,
      duplicate: false,
      recordCount,
      sizeBytes: bytes.length,
      maxTimestamp,
    };
  }

  private duplicateResult(batch: BatchView, original: ProducerBatch): AppendResult {
    return {
      firstOffset: original.lastOffset - BigInt(original.offsetDelta),
      lastOffset: original.lastOffset,
      logAppendTimeMs: this.currentConfig.messageTimestampType === 'LogAppendTime' ? Number(original.timestamp) : -1,
      logStartOffset: this.startOffset,
      duplicate: true,
      recordCount: batch.recordCount,
      sizeBytes: 0,
      maxTimestamp: original.timestamp,
    };
  }

  // Read

  /**
   * Whole batches from the one that holds `offset` (or the next, when `offset` is in a hole) up to `maxOffset`, exclusive; the first even when it is larger than
   * `maxBytes`, if `minOneMessage`. May return less than there is. Throws OFFSET_OUT_OF_RANGE outside
   * [logStartOffset, logEndOffset], CORRUPT_MESSAGE where the file holds no batch.
   */
  read(offset: bigint, maxBytes: number, options: { maxOffset: bigint; minOneMessage: boolean }): ReadResult {
    if (offset < this.startOffset || offset > this.endOffset) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is outside ${this.startOffset} to ${this.endOffset}`);
    }
    const maxOffset = min(options.maxOffset, this.endOffset);
    const { minOneMessage } = options;
    if (offset >= maxOffset || (maxBytes <= 0 && !minOneMessage)) return { records: [], sizeBytes: 0, nextOffset: offset };
    const hot = this.tail.read(offset, maxBytes, maxOffset, minOneMessage);
    if (hot !== undefined) return hot;
    const slice = this.storage.guard(() => this.storage.segments.read(offset, maxBytes, maxOffset, minOneMessage));
    if (slice === undefined) return { records: [], sizeBytes: 0, nextOffset: offset };
    return { records: [slice.bytes], sizeBytes: slice.bytes.length, nextOffset: slice.nextOffset };
  }

  /** The first record at or after `timestamp` (milliseconds); null when all are older. Throws as decoding does. */
  offsetForTimestamp(timestamp: bigint): (TimestampOffset & { leaderEpoch: number }) | null {
    return this.withEpoch(
      this.storage.guard(() => this.storage.segments.findTimestamp(timestamp, this.startOffset, this.currentConfig.maxDecompressedBytes)),
    );
  }
  /** The first record with the largest timestamp; null when none has a time. */
  maxTimestampOffset(): (TimestampOffset & { leaderEpoch: number }) | null {
    return this.withEpoch(this.storage.guard(() => this.storage.segments.findLargestTimestamp(this.currentConfig.maxDecompressedBytes)));
  }
  /** The log's start, with its epoch (−1 when unknown). */
  get earliest(): { offset: bigint; leaderEpoch: number } {
    return { offset: this.startOffset, leaderEpoch: this.epochs.epochAt(this.startOffset) };
  }
  private withEpoch(found: TimestampOffset | undefined): (TimestampOffset & { leaderEpoch: number }) | null {
    return found === undefined ? null : { ...found, leaderEpoch: this.epochs.epochAt(found.offset) };
  }

  // High watermark and transactions

  /** Kept between the log's start and end. The partition decides it; the log needs it for the last stable offset and for retention. */
  updateHighWatermark(highWatermark: bigint): void {
    this.hw = clamp(highWatermark, this.startOffset, this.endOffset);
  }
  /** Start of the first transaction that is open or whose end is not yet replicated; undefined when there is none. */
  get firstUnstableOffset(): bigint | undefined {
    const first = this.producers.firstUnstableOffset(this.hw);
    return first === undefined ? undefined : max(first, this.startOffset);
  }
  /** Readers of committed records stop before it. */
  get lastStableOffset(): bigint {
    const first = this.firstUnstableOffset;
    return first === undefined ? this.hw : min(first, this.hw);
  }
  /** Aborted transactions with records in [from, to): what a read_committed fetch sends along. */
  abortedTransactions(from: bigint, to: bigint): AbortedTransaction[] {
    return this.storage.guard(() => this.storage.segments.abortedTransactions(from, to));
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
    return this.epochs.endOffset(epoch, this.endOffset);
  }
  /** Notes that a leader took over at `offset`; older epochs are left alone. */
  maybeAssignEpochStart(epoch: number, offset: bigint): void {
    this.epochs.assign(epoch, offset);
    this.changedSinceOpen = true;
  }
  /** Epoch of the record at `offset`, −1 when unknown. */
  epochAt(offset: bigint): number {
    return this.epochs.epochAt(offset);
  }

  // Shrinking

  /**
   * Drops everything at and above `offset`. Returns the new end: lower than `offset` when that was inside a batch. Below the first
   * segment the log starts over at `offset`.
   */
  truncateTo(offset: bigint): bigint {
    this.storage.assertWritable();
    if (offset >= this.endOffset) {
      // An epoch that this replica led without writing may contradict the new leader's.
      this.epochs.truncateFromEnd(offset);
      return this.endOffset;
    }
    if (offset < this.storage.segments.first.baseOffset) {
      this.startOver(offset);
      return this.endOffset;
    }
    return this.storage.guard(() => {
      this.storage.removeAbove(offset);
      const { active } = this.storage.segments;
      const position = active.positionOf(offset) ?? active.size;
      const cut = position < active.size ? active.scanner().header(position) : undefined;
      const end = cut === undefined ? offset : min(cut.baseOffset, offset);
      active.truncate(end, position);
      active.sync();
      this.shrunk(end);
      if (this.producers.entries.size > 0) loadProducers(this.recoveryContext(), this.storage.segments.all, end, undefined);
      else this.storage.removeSnapshots((snapshot) => snapshot > end);
      return end;
    });
  }

  /** Drops everything; the next record gets `offset`. */
  truncateFullyAndStartAt(offset: bigint): void {
    this.storage.assertWritable();
    this.startOver(offset);
  }

  private startOver(offset: bigint): void {
    this.storage.guard(() => {
      this.storage.replaceAll(offset);
      this.producers.clear();
      this.startOffset = offset;
      this.epochs.clear();
      this.shrunk(offset);
      this.hw = offset;
      this.storage.flushedTo = offset;
      this.options.checkpointNeeded?.('logStartOffset');
    });
  }

  private shrunk(end: bigint): void {
    this.endOffset = end;
    this.startOffset = min(this.startOffset, end);
    this.hw = min(this.hw, end);
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

  /** DeleteRecords: makes `offset` the log's start. Throws OFFSET_OUT_OF_RANGE above the high watermark. Returns the log's start. */
  deleteRecordsBefore(offset: bigint): bigint {
    if (offset > this.hw) throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is above the high watermark ${this.hw}`);
    this.maybeIncrementLogStartOffset(offset);
    return this.startOffset;
  }

  /** The same for a follower, which takes over its leader's log start; bounded by the log's end, never goes back. */
  maybeIncrementLogStartOffset(offset: bigint): void {
    const start = min(offset, this.endOffset);
    if (start <= this.startOffset) return;
    this.startOffset = start;
    this.hw = max(this.hw, start);
    this.epochs.truncateFromStart(start);
    this.changedSinceOpen = true;
    this.options.checkpointNeeded?.('logStartOffset');
  }

  /** Deletes segments that retention or the log's start lets go, and forgets silent producers. */
  applyRetention(nowMs: number): { segments: number; bytes: number } {
    if (this.storage.failure !== undefined || this.storage.closed) return { segments: 0, bytes: 0 };
    return this.storage.guard(() => {
      this.producers.expire(BigInt(Math.trunc(nowMs - this.currentConfig.producerIdExpirationMs)));
      const { all } = this.storage.segments;
      const facts = all.map((segment, index) => ({
        size: segment.size,
        openedAt: segment.openedAt,
        endOffset: all[index + 1]?.baseOffset ?? this.endOffset,
        get largestTimestamp() {
          return segment.largestTimestamp.timestamp;
        },
      }));
      const count = expiredSegments(facts, this.currentConfig, { logStartOffset: this.startOffset, highWatermark: this.hw, nowMs });
      if (count === 0) return { segments: 0, bytes: 0 };
      if (count === all.length) this.roll();
      const bytes = this.storage.removeOldest(count);
      this.maybeIncrementLogStartOffset(this.storage.segments.first.baseOffset);
      return { segments: count, bytes };
    });
  }

  // Rolling, flushing, closing

  /** Ends the active segment and starts the next; nothing happens while the active one is empty. */
  roll(): void {
    this.storage.assertWritable();
    if (this.storage.segments.active.size > 0 || this.storage.segments.active.baseOffset !== this.endOffset)
      this.startSegmentAt(this.endOffset);
  }

  private startSegmentAt(baseOffset: bigint): void {
    this.storage.guard(() => this.storage.startSegment(baseOffset, this.producers));
  }

  /** A segment starts where the one before it ends, even if the first batch comes later: so recovery can tell a lost stretch from a hole. */
  private rollIfDue(bytes: number, lastOffset: bigint, first: BatchView): void {
    const { active } = this.storage.segments;
    const config = this.currentConfig;
    const full =
      !active.fits(lastOffset, bytes) ||
      (active.size > 0 && active.size + bytes > config.segmentBytes) ||
      active.offsetIndex.sizeBytes + 8 > config.segmentIndexBytes ||
      active.timeIndex.sizeBytes + 12 > config.segmentIndexBytes;
    if (full || (active.size > 0 && this.ageAt(active, first) > config.segmentMs)) this.roll();
    // A hole wider than a segment can count.
    if (!this.storage.segments.active.fits(lastOffset, bytes)) this.startSegmentAt(first.baseOffset);
  }

  /** How old the segment is when `next` is appended: by the records' own time if they have one. */
  private ageAt(segment: Segment, next: BatchView): number {
    const since = segment.firstTimestamp;
    return since >= 0n && next.maxTimestamp >= 0n ? Number(next.maxTimestamp - since) : this.clock.now() - segment.openedAt;
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
    if (this.clock.monotonic() - this.unflushedSince >= this.currentConfig.flushMs) this.flush();
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

  /** Closes without a flush and removes the directory. */
  destroy(): void {
    this.letGo();
    this.storage.guard(() => this.storage.disk.remove(this.directory));
  }

  /** Closes without a flush, for a directory that is about to be renamed or that has failed. */
  letGo(): void {
    if (this.storage.closed) return;
    this.tail.clear();
    this.storage.release();
  }

  private recoveryContext(): RecoveryContext {
    return {
      disk: this.options.disk,
      directory: this.directory,
      logger: this.options.logger,
      epochs: this.epochs,
      producers: this.producers,
      gapsAllowed: this.currentConfig.cleanupPolicy.has('compact'),
      makeSegment: (baseOffset, size, freshIndexes) => this.storage.makeSegment(baseOffset, size, freshIndexes),
    };
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return max(low, min(value, high));
}
