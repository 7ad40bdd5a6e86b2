/** Appends batches to a log: checks them, assigns offsets, writes them, and updates epochs and producer state. */
import { freeBuffer } from '../lib/free-buffer.ts';
import type { CompressionName } from '../protocol/compression.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { BatchView, patchBatch, setLogAppendTime, setMaxTimestamp } from '../protocol/record-batch.ts';
import type { EndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import { checkClientEnvelope, checkClientHeader, checkFollowerAppend, checkInternalAppend, markerOf } from './append-checks.ts';
import type { LogConfig } from './log-config.ts';
import type { LogState } from './log-state.ts';
import type { AppendResult } from './log-types.ts';
import type { AppendOrigin, ProducerBatch } from './producer-state.ts';
import { numberRecords } from './record-numbering.ts';
import { rebuildBatch, storedCodec } from './recompression.ts';
import { unfoldRecords, validateRecords } from './record-validation.ts';
import { applyToProducers } from './producer-replay.ts';
import type { Segment } from './segment.ts';

/** See `Log.appendAsLeader`. */
export function appendAsLeader(log: LogState, records: Buffer, leaderEpoch: number, origin: AppendOrigin): AppendResult {
  log.storage.assertWritable();
  if (leaderEpoch < log.epochs.latest) {
    throw new KafkaError(ErrorCode.FENCED_LEADER_EPOCH, `leader epoch ${leaderEpoch}, the log is at ${log.epochs.latest}`);
  }
  const checked =
    origin === 'client' ? checkClientAppend(log, records) : { batches: checkInternalAppend(records, origin, log.config), bytes: records };
  if ('repeated' in checked) return duplicateResult(log, checked.batch, checked.repeated);
  const { batches, bytes } = checked;
  const { config, producers } = log;
  if (bytes.length > config.segmentBytes && origin !== 'raft') {
    throw new KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, `${bytes.length} bytes are more than a segment of ${config.segmentBytes}`);
  }
  const markers = markersOf(log, batches);
  for (const [index, batch] of batches.entries()) if (batch.hasProducerId) producers.check(batch, origin, markers[index]);
  const nowMs = log.clock.now();
  const appendTime = config.messageTimestampType === 'LogAppendTime' && origin !== 'raft';
  let next = log.logEndOffset;
  for (const batch of batches) {
    patchBatch(bytes, batch.position, { baseOffset: next, partitionLeaderEpoch: leaderEpoch });
    // Before the segment is chosen: the final timestamps decide when it rolls.
    if (appendTime) setLogAppendTime(bytes, batch.position, BigInt(nowMs));
    next = batch.lastOffset + 1n;
  }
  rollIfDue(log, bytes.length, next - 1n, batches[0] as BatchView);
  const result = write(log, bytes, batches, markers);
  log.tail.append(bytes, result.firstOffset, result.lastOffset);
  return appendTime ? { ...result, logAppendTimeMs: nowMs } : result;
}

type Checked = { batches: BatchView[]; bytes: Buffer } | { batch: BatchView; repeated: ProducerBatch };

/**
 * A client's batch with its header corrected, or the earlier batch that it repeats. The repeat is looked up first: the answer to a retry
 * must not depend on the current configuration or clock.
 */
function checkClientAppend({ config, producers, clock }: LogState, records: Buffer): Checked {
  const batch = checkClientEnvelope(records, config);
  const repeated = batch.hasProducerId ? producers.repeated(batch) : undefined;
  if (repeated !== undefined) return { batch, repeated };
  const compression = checkClientHeader(batch);
  const { whole, maxTimestamp } = validatedBatch(batch, compression, config, clock.now());
  if (whole.sizeInBytes > config.maxMessageBytes) {
    throw new KafkaError(
      ErrorCode.MESSAGE_TOO_LARGE,
      `batch of ${whole.sizeInBytes} bytes, max.message.bytes is ${config.maxMessageBytes}`,
    );
  }
  if (config.messageTimestampType === 'CreateTime') setMaxTimestamp(whole.buffer, 0, 'createTime', maxTimestamp);
  return { batches: [whole], bytes: whole.buffer };
}

/** The batch as it is stored: unchanged, or rebuilt where its numbering or codec has to change. */
function validatedBatch(
  batch: BatchView,
  compression: CompressionName,
  config: LogConfig,
  nowMs: number,
): { whole: BatchView; maxTimestamp: bigint } {
  const records = unfoldRecords(batch, compression, config.maxDecompressedBytes);
  try {
    const { maxTimestamp, numbered } = validateRecords(batch, records, config, nowMs);
    const codec = storedCodec(config, compression);
    if (numbered && codec === compression) return { whole: batch, maxTimestamp };
    const rebuilt = rebuildBatch(batch, numbered ? records : numberRecords(records, batch.recordCount), codec, config);
    return { whole: new BatchView(rebuilt, 0), maxTimestamp };
  } finally {
    // Uncompressed records are the request's own bytes.
    if (compression !== 'none') freeBuffer(records);
  }
}

/** See `Log.appendAsFollower`. */
export function appendAsFollower(log: LogState, records: Buffer, leaderEpoch?: number): AppendResult | undefined {
  log.storage.assertWritable();
  const batches = checkFollowerAppend(records, leaderEpoch);
  const [first] = batches;
  const last = batches.at(-1);
  if (first === undefined || last === undefined) return undefined;
  let expected = log.logEndOffset;
  for (const batch of batches) {
    if (batch.baseOffset < expected) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `batch at offset ${batch.baseOffset}, but the next offset is ${expected}`);
    }
    expected = batch.lastOffset + 1n;
  }
  const bytes = records.subarray(0, last.position + last.sizeInBytes);
  rollIfDue(log, bytes.length, last.lastOffset, first);
  // Consumers seldom read from followers, and then from the page cache; the memory is better spent on partitions that this node leads.
  log.tail.clear();
  return write(log, bytes, batches, markersOf(log, batches));
}

function markersOf(log: LogState, batches: readonly BatchView[]): (EndTransactionMarker | undefined)[] {
  return batches.map((batch) => markerOf(batch, (records) => log.corruption.unreadable(records)));
}

function write(
  log: LogState,
  bytes: Buffer,
  batches: readonly BatchView[],
  markers: readonly (EndTransactionMarker | undefined)[],
): AppendResult {
  const { active } = log.storage.segments;
  log.storage.guard(() => active.append(bytes, batches));
  let recordCount = 0;
  let maxTimestamp = -1n;
  for (const [index, batch] of batches.entries()) {
    log.epochs.assign(batch.partitionLeaderEpoch, batch.baseOffset);
    applyToProducers(log.producers, active, batch, markers[index]);
    recordCount += batch.recordCount;
    if (batch.maxTimestamp > maxTimestamp) maxTimestamp = batch.maxTimestamp;
  }
  const firstOffset = (batches[0] as BatchView).baseOffset;
  const lastOffset = (batches.at(-1) as BatchView).lastOffset;
  log.advance(lastOffset, recordCount);
  return {
    firstOffset,
    lastOffset,
    logAppendTimeMs: -1,
    logStartOffset: log.logStartOffset,
    duplicate: false,
    recordCount,
    sizeBytes: bytes.length,
    maxTimestamp,
  };
}

function duplicateResult(log: LogState, batch: BatchView, original: ProducerBatch): AppendResult {
  return {
    firstOffset: original.lastOffset - BigInt(original.offsetDelta),
    lastOffset: original.lastOffset,
    logAppendTimeMs: log.config.messageTimestampType === 'LogAppendTime' ? Number(original.timestamp) : -1,
    logStartOffset: log.logStartOffset,
    duplicate: true,
    recordCount: batch.recordCount,
    sizeBytes: 0,
    maxTimestamp: original.timestamp,
  };
}

/**
 * A segment starts where the one before it ends, even if the first batch comes later: recovery can then distinguish missing records from
 * compacted ones.
 */
function rollIfDue(log: LogState, bytes: number, lastOffset: bigint, first: BatchView): void {
  const { segments } = log.storage;
  const { active } = segments;
  const { config } = log;
  const full =
    !active.fits(lastOffset, bytes) ||
    (active.size > 0 && active.size + bytes > config.segmentBytes) ||
    active.offsetIndex.sizeBytes + 8 > config.segmentIndexBytes ||
    active.timeIndex.sizeBytes + 12 > config.segmentIndexBytes;
  // Only closed segments are compacted, so a segment has to be closed in time.
  const segmentMs = config.cleanupPolicy.has('compact') ? Math.min(config.segmentMs, config.maxCompactionLagMs) : config.segmentMs;
  if (full || (active.size > 0 && ageAt(log, active, first) > segmentMs - jitterOf(active, Math.min(config.segmentJitterMs, segmentMs))))
    log.roll();
  // A gap larger than the relative offsets of a segment.
  if (!segments.active.fits(lastOffset, bytes)) log.startSegmentAt(first.baseOffset);
}

/** Stable per segment and different between segments: derived from the base offset. */
function jitterOf(segment: Segment, maxMs: number): number {
  return maxMs > 0 && Number.isFinite(maxMs) ? crc32c(Buffer.from(segment.path)) % maxMs : 0;
}

/** Age of the segment when `next` is appended: by the timestamps of the records if they have any. */
function ageAt(log: LogState, segment: Segment, next: BatchView): number {
  const since = segment.firstTimestamp;
  return since >= 0n && next.maxTimestamp >= 0n ? Number(next.maxTimestamp - since) : log.clock.now() - segment.openedAt;
}
