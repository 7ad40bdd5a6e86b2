/** A log that is not, or no longer, in use: what a clean stop leaves of it, and what can be told of it before its files are opened. */
import { assert } from '../lib/assert.ts';
import { crc32c } from '../protocol/crc32c.ts';
import type { LogCore } from './log-core.ts';
import { LOG_SUFFIX, offsetFile } from './log-files.ts';
import type { LogSummary } from './log-summary.ts';
import { min } from './offsets.ts';

/** A log of up to so many bytes is taken up from its records alone in no time. */
const MAX_BARE_BYTES = 256 * 1024;

/** For the next start, after the log was closed; undefined where it has to look for itself. */
export function summaryOf(log: LogCore): LogSummary | undefined {
  const { later } = log.options;
  const { storage, bareChecksum: bare } = log;
  if (storage.failure !== undefined || !log.exists) return undefined;
  const { flushedTo } = storage;
  if (!log.isOpen) return later === undefined || later === 'absent' ? undefined : { ...later.summary, flushedTo };
  // What is missing has to be found again.
  if (log.producers.hasOpenTransaction || log.damagedSegments.length > 0) return undefined;
  const { segments, hasSnapshots: snapshots } = storage;
  return {
    topicId: log.topicId,
    startOffset: log.startOffset,
    endOffset: log.endOffset,
    sizeBytes: segments.sizeBytes,
    activeBase: segments.active.baseOffset,
    activeBytes: segments.active.size,
    oldestTimestamp: segments.first.largestTimestamp.timestamp,
    snapshots,
    flushedTo,
    bare,
    // An epoch without a record is not a part of the log.
    epochs: log.epochs.list.filter((entry) => entry.startOffset < log.endOffset),
  };
}

/** Whether retention could find anything here, as far as can be told without a look at the files. */
export function retentionMayBeDue(log: LogCore, nowMs: number): boolean {
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
 * Whether all that there is to know of the log follows from the records in its one small segment, so that a clean stop may leave it bare: as a
 * crash would, without indexes, epochs and producer state. Not where segments may have gaps between them.
 */
export function mayStayBare(log: LogCore): boolean {
  if (!log.exists || log.topicId === undefined || log.endOffset === 0n || log.config.cleanupPolicy.has('compact')) return false;
  if (isUntouched(log) && log.bare) return true;
  return log.isSingleSegment && log.storage.segments.active.size <= MAX_BARE_BYTES && !log.producers.hasOpenTransaction;
}

/**
 * Closes a log that `mayStayBare`, as it is. What is left out the next start takes from the records, for which `summaryOf` then vouches.
 * Returns the records where a power cut could still take them, or what names them: somebody has to keep them until they are flushed.
 */
export function leaveBare(log: LogCore): Buffer | undefined {
  const { storage } = log;
  storage.assertWritable();
  const { isDurable } = log;
  let records: Buffer | undefined;
  if (!isDurable || !isUntouched(log)) {
    records = storage.guard(() => storage.disk.readFile(offsetFile(log.directory, 0n, LOG_SUFFIX)));
    assert(records.length === log.sizeBytes, `${log.directory} has ${records.length} bytes where ${log.sizeBytes} were written`);
    log.bareChecksum = crc32c(records);
  }
  log.bare = true;
  log.letGo();
  if (isDurable) return undefined;
  // Says so to the next start.
  storage.flushedTo = min(storage.flushedTo, log.endOffset - 1n);
  return records;
}

function isUntouched(log: LogCore): boolean {
  return !log.isOpen && !log.changedSinceOpen;
}
