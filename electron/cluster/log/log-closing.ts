/**
 * The state of a closed log: what a clean stop writes about it, and what is known of it before its files are opened.
 *
 * Closing without indexes is worth its code where a stop finds thousands of changed logs, as after the creation of a large topic. Measured with
 * one record in each of 3,000 logs on ext4: the stop took 2.6 s, and 73.5 s where each log was synced in its own files (six syncs each); the next
 * start took 0.6 s and 0.3 s. With 300 logs 3.4 s and 4.3 s. A stop has 33 s before the process ends itself.
 */
import { assert } from '../lib/assert.ts';
import { crc32c } from '../protocol/crc32c.ts';
import type { LogState } from './log-state.ts';
import { LOG_SUFFIX, offsetFile } from './log-files.ts';
import type { LogSummary } from './log-summary.ts';
import { min } from './offsets.ts';

/** Up to this size a log is opened from its records alone within milliseconds. */
const MAX_BYTES_WITHOUT_INDEXES = 256 * 1024;

/** The summary for the next start, after the log was closed; undefined where the next start has to read the files. */
export function summaryOf(log: LogState): LogSummary | undefined {
  const { later } = log.options;
  const { storage, recordsChecksum } = log;
  if (storage.failure !== undefined || !log.exists) return undefined;
  const { flushedTo } = storage;
  if (!log.isOpen) return later === undefined || later === 'absent' ? undefined : { ...later.summary, flushedTo };
  // The next open has to find the missing records again.
  if (log.producers.hasOpenTransaction || log.corruptSegments.length > 0) return undefined;
  const { segments, hasSnapshots: snapshots } = storage;
  return {
    topicId: log.topicId,
    startOffset: log.logStartOffset,
    endOffset: log.logEndOffset,
    sizeBytes: segments.sizeBytes,
    activeBase: segments.active.baseOffset,
    activeBytes: segments.active.size,
    oldestTimestamp: segments.first.largestTimestamp.timestamp,
    snapshots,
    flushedTo,
    recordsChecksum,
    // An epoch without a record is not part of the log.
    epochs: log.epochs.list.filter((entry) => entry.startOffset < log.logEndOffset),
  };
}

/** Whether retention could delete anything, as far as it is known without opening the files. */
export function retentionMayBeDue(log: LogState, nowMs: number): boolean {
  const { config, options } = log;
  const { later } = options;
  if (log.isOpen || later === undefined || log.changedSinceOpen) return log.isOpen;
  if (later === 'absent' || !config.cleanupPolicy.has('delete')) return false;
  const { sizeBytes, oldestTimestamp } = later.summary;
  const since = oldestTimestamp >= 0n ? Number(oldestTimestamp) : log.knownSince;
  return (
    (config.retentionMs >= 0 && sizeBytes > 0 && nowMs - since > config.retentionMs) ||
    (config.retentionBytes >= 0 && sizeBytes > config.retentionBytes)
  );
}

/**
 * Whether everything about the log follows from the records in its one small segment, so that a clean stop may close it without indexes, epochs
 * and producer state, as a crash would. False where segments may have gaps between them.
 */
export function mayCloseWithoutIndexes(log: LogState): boolean {
  if (!log.exists || log.topicId === undefined || log.logEndOffset === 0n || log.config.cleanupPolicy.has('compact')) return false;
  if (isUntouched(log) && log.isWithoutIndexes) return true;
  return log.isSingleSegment && log.storage.segments.active.size <= MAX_BYTES_WITHOUT_INDEXES && !log.producers.hasOpenTransaction;
}

/**
 * Closes a log that `mayCloseWithoutIndexes`, as it is. The next start rebuilds the rest from the records, whose checksum is in the summary.
 * Where a power cut could still take the records or their names, they are passed to `store`, which keeps them until they are flushed.
 */
export function closeWithoutIndexes(log: LogState, store: (records: Buffer) => void): void {
  const { storage } = log;
  storage.assertWritable();
  const { isDurable } = log;
  let records: Buffer | undefined;
  if (!isDurable || !isUntouched(log)) {
    records = storage.guard(() => storage.disk.readFile(offsetFile(log.directory, 0n, LOG_SUFFIX)));
    assert(records.length === log.sizeBytes, `${log.directory} has ${records.length} bytes where ${log.sizeBytes} were written`);
    log.recordsChecksum = crc32c(records);
  }
  log.isWithoutIndexes = true;
  log.closeWithoutFlush();
  if (isDurable) return;
  // The next start then knows that the log is not durable.
  storage.flushedTo = min(storage.flushedTo, log.logEndOffset - 1n);
  if (records !== undefined) store(records);
}

function isUntouched(log: LogState): boolean {
  return !log.isOpen && !log.changedSinceOpen;
}
