/**
 * Opens the files of a log: makes them, takes them as the summary of a clean stop describes them, or recovers them, and sets the state that
 * they hold. What the records say is found by `recovery.ts`; here the log's ids, checkpoints and bounds are decided.
 */
import { DiskError } from '../lib/disk.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { LEADER_EPOCH_FILE, LOG_SUFFIX, PARTITION_METADATA_FILE, SEGMENT_SUFFIXES, SNAPSHOT_SUFFIX } from './log-files.ts';
import type { LogState } from './log-state.ts';
import type { LogSummary } from './log-summary.ts';
import { clamp, max, min } from './offsets.ts';
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts';
import type { RecoveryContext } from './recovery-context.ts';
import { openWithoutIndexes, openSegments, recoverSingle, type RecoveredSegments } from './recovery.ts';
import { SEGMENT_MANIFEST_FILE } from './segment-manifest.ts';

const MAX_OFFSET = 2n ** 63n - 1n;

/** See `LogState.readFiles`. Throws DiskError; KAFKA_STORAGE_ERROR where the end differs from that in the summary. */
export function openFiles(log: LogState): void {
  const { later, recoveryPoint } = log.options;
  if (later === 'absent') makeFiles(log);
  else if (later !== undefined) openFromSummary(log, later.summary);
  else {
    recoverFiles(log, recoveryPoint ?? 0n);
    // At a start there may be thousands of logs.
    for (const segment of log.storage.segments.all) segment.release();
  }
}

function makeFiles({ storage, topicId, logEndOffset }: LogState): void {
  storage.makeDirectory();
  // Without the id before the first record, the topic of the records would be unknown.
  if (topicId !== undefined) storage.makeMetadata(topicId);
  storage.pushSegment(logEndOffset);
}

/** The end of this log has been reported to other nodes, so the open has to find it there. */
function openFromSummary(log: LogState, summary: LogSummary): void {
  const { logStartOffset, logEndOffset, highWatermark, topicId, directory, storage } = log;
  const epochs = [...log.epochs.list];
  // The caller continues to use the log, so the files stay open.
  if (log.isWithoutIndexes) settle(log, openWithoutIndexes(recoveryContext(log), summary.activeBytes), storage.flushedTo);
  else recoverFiles(log, logEndOffset);
  if (log.logEndOffset !== logEndOffset) {
    const message = `${directory} ended at ${logEndOffset} when it was closed, and now at ${log.logEndOffset}`;
    throw storage.fail(new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, message));
  }
  log.logStartOffset = logStartOffset;
  log.highWatermark = highWatermark;
  log.topicId = topicId;
  log.epochs.replace(epochs);
}

function recoverFiles(log: LogState, recoveryPoint: bigint): void {
  const { storage, directory } = log;
  const { disk, cleanShutdown, singleOf } = log.options;
  const single = cleanShutdown || singleOf === undefined ? undefined : recoverSingle(recoveryContext(log));
  if (single !== undefined) {
    log.topicId = singleOf;
    storage.unsyncedTopicId = singleOf;
    storage.nameUnsynced();
    settle(log, single, recoveryPoint);
    return;
  }
  storage.makeDirectory();
  const names = new Set(disk.list(directory));
  log.topicId = names.has(PARTITION_METADATA_FILE) ? readTopicId(log, recoveryPoint) : writeKnownTopicId(log);
  if (log.topicId === undefined && !cleanShutdown && log.options.identified === true) dropUnflushed(log, names, recoveryPoint);
  const epochsKnown = loadEpochs(log, names, cleanShutdown || recoveryPoint > 0n);
  if (!cleanShutdown) storage.unsyncedTopicId = log.topicId;
  storage.hasSnapshots = [...names].some((name) => name.endsWith(SNAPSHOT_SUFFIX));
  const { logStartOffset } = log;
  // Unreadable epochs are rebuilt from all records.
  const trusted = epochsKnown ? { clean: cleanShutdown, recoveryPoint } : { clean: false, recoveryPoint: 0n };
  // After a clean stop all of the log was durable, and the broker registers with a clean shutdown before it opens the log: nothing
  // may be cut off. After any other stop the broker registers as having lost records where something was cut off. No other replica
  // needs to hold records above the high watermark, so there the log ends before the missing records.
  const protectedTo = cleanShutdown ? MAX_OFFSET : min(recoveryPoint, log.options.highWatermark ?? MAX_OFFSET);
  const startIsExact = cleanShutdown && log.options.logStartOffset !== undefined;
  // A log with an open transaction, or one that lacks records, has no summary.
  const hadSnapshots = lastSummaryOf(log)?.snapshots !== false;
  const found = openSegments(recoveryContext(log), { names, logStartOffset, startIsExact, protectedTo, hadSnapshots, ...trusted });
  settle(log, found, recoveryPoint);
  storage.completeManifest();
}

/** False when the checkpoint is not valid, or is missing where it was `saved` and the log has a record. */
function loadEpochs({ epochs, options, directory }: LogState, names: ReadonlySet<string>, saved: boolean): boolean {
  epochs.restore([]);
  if (!names.has(LEADER_EPOCH_FILE)) return !saved;
  try {
    epochs.load();
    return true;
  } catch (error) {
    if (error instanceof DiskError) throw error;
    options.logger.warn('leader epoch checkpoint is corrupt and is rebuilt from the records', { directory, error });
    epochs.restore([]);
    return false;
  }
}

/** Sets the state of the log to that of the segments that were found. */
function settle(log: LogState, found: RecoveredSegments, recoveryPoint: bigint): void {
  const { storage, logStartOffset } = log;
  const { highWatermark } = log.options;
  const { segments } = storage;
  // Both were written after the records: a log that ends below them has lost records.
  if (found.logEndOffset < max(recoveryPoint, highWatermark ?? 0n)) log.lostAtOpen = true;
  for (const segment of found.segments) segments.push(segment);
  if (found.segments.length === 0) storage.pushSegment(logStartOffset);
  log.logStartOffset = max(segments.first.baseOffset, logStartOffset);
  log.logEndOffset = found.logEndOffset;
  storage.flushedTo = min(recoveryPoint, found.logEndOffset);
  log.highWatermark = found.logEndOffset;
  if (log.logStartOffset > log.logEndOffset) log.startOver(log.logStartOffset);
  log.highWatermark = clamp(highWatermark ?? log.logStartOffset, log.logStartOffset, log.logEndOffset);
  // Records that the previous run did not flush are flushed by flush.ms, even if nothing is appended.
  if (log.changedSinceOpen && storage.flushedTo < log.logEndOffset) log.noteUnflushed();
}

/** The state that the last stop wrote. */
function lastSummaryOf({ options }: LogState): Pick<LogSummary, 'topicId' | 'snapshots'> | undefined {
  const { later, lastSummary } = options;
  return later === undefined || later === 'absent' ? lastSummary : later.summary;
}

/** The topic id from the directory of the log, written again where it is missing; undefined when it is unknown. */
function writeKnownTopicId(log: LogState): string | undefined {
  const { directory, options } = log;
  const topicId = lastSummaryOf(log)?.topicId ?? options.singleOf;
  if (topicId === undefined) return undefined;
  options.logger.warn('partition.metadata is missing or cannot be read, and is written again', { directory, topicId });
  writePartitionMetadata(options.disk, directory, topicId);
  return topicId;
}

function readTopicId(log: LogState, recoveryPoint: bigint): string | undefined {
  const { directory, options } = log;
  try {
    return readPartitionMetadata(options.disk, directory);
  } catch (error) {
    if (error instanceof DiskError) throw error;
    const known = writeKnownTopicId(log);
    if (known !== undefined) return known;
    if (options.cleanShutdown || recoveryPoint > 0n) throw error;
    options.logger.warn('topic id of the log was lost before it was durable', { directory, error });
    return undefined;
  }
}

/** Removes records that may belong to an earlier topic of the same name. None of them was flushed: the id would have been flushed too. */
function dropUnflushed(log: LogState, names: Set<string>, recoveryPoint: bigint): void {
  if (recoveryPoint > 0n) return;
  const { directory } = log;
  const { disk } = log.options;
  log.lostAtOpen ||= [...names].some((name) => name.endsWith(LOG_SUFFIX) && disk.size(`${directory}/${name}`) > 0);
  for (const name of [...names, SEGMENT_MANIFEST_FILE]) {
    if (SEGMENT_SUFFIXES.some((suffix) => name.endsWith(suffix)) || name === PARTITION_METADATA_FILE || name === SEGMENT_MANIFEST_FILE) {
      disk.remove(`${directory}/${name}`);
      names.delete(name);
    }
  }
}

/** What recovery reads and changes of this log. */
export function recoveryContext(log: LogState): RecoveryContext {
  const { options, storage } = log;
  return {
    disk: options.disk,
    directory: log.directory,
    logger: options.logger,
    epochs: log.epochs,
    producers: log.producers,
    gapsAllowed: log.config.cleanupPolicy.has('compact'),
    makeSegment: (baseOffset, size, freshIndexes) => storage.makeSegment(baseOffset, size, freshIndexes),
    manifest: storage.manifest,
    found: (corruption) => options.onCorruption?.(corruption),
    snapshotMissing: () => {
      log.changedSinceOpen = true;
    },
    cutOff: (corruption) => {
      log.truncatedAtOpen += corruption.bytes;
      log.lostAtOpen = true;
      options.onCorruption?.(corruption);
    },
    unreadable: (records, segment) => log.corruption.unreadable(records, segment),
  };
}
