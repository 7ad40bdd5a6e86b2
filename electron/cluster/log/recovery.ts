/**
 * Opens a log from its directory. After a clean shutdown the files are trusted and only the end of the last segment is read.
 * Otherwise every batch from the segment of the recovery point on is read and checked; the log ends before the first one that
 * is not whole, and indexes, leader epochs and producer state of that range are rebuilt.
 */
import { DiskError, sizeIfExists, type Disk } from '../lib/disk.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { verifyBatch } from '../protocol/record-batch.ts';
import { markerOf } from './append-checks.ts';
import type { EpochStart, LeaderEpochs } from './leader-epochs.ts';
import {
  LEFTOVER_SUFFIXES,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetFile,
  offsetFileName,
  offsetOfFile,
  SEGMENT_SUFFIXES,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './log-files.ts';
import { completeSwaps } from './segment-swap.ts';
import { readProducerSnapshot, removeProducerSnapshot, snapshotOffsets } from './producer-snapshot.ts';
import { loadProducers } from './producer-loading.ts';
import { applyToProducers } from './producer-replay.ts';
import { compareClosedSegments, markGap } from './closed-segments.ts';
import type { RecoveryContext } from './recovery-context.ts';
import { endByHeaders } from './segment-search.ts';
import type { Segment } from './segment.ts';
import { SEGMENT_MANIFEST_FILE } from './segment-manifest.ts';

const INDEXES = [
  { suffix: OFFSET_INDEX_SUFFIX, entryBytes: 8, optional: false },
  { suffix: TIME_INDEX_SUFFIX, entryBytes: 12, optional: false },
  { suffix: TRANSACTION_INDEX_SUFFIX, entryBytes: 34, optional: true },
];
/** Recovery reads everything once, in large pieces. */
const RECOVERY_WINDOW_BYTES = 1024 * 1024;

export interface RecoveredSegments {
  /** In order; empty when the directory holds none. */
  segments: Segment[];
  logEndOffset: bigint;
  /** Whether bytes were cut off because they were no whole batch. */
  cut: boolean;
}

interface Recovered extends RecoveredSegments {
  /** Offsets behind missing records at which a producer snapshot was restored: the records do not lead to the same state. */
  restoredAt: ReadonlySet<bigint>;
}

/** Removes the files of operations that a crash ended, and lists the base offsets of the segments, ascending. */
function listBaseOffsets({ disk, directory, manifest }: RecoveryContext, names: Set<string>): bigint[] {
  completeSwaps(disk, directory, names, (bases) => {
    manifest.drop(({ baseOffset }) => bases.includes(baseOffset));
    manifest.save(true);
  });
  for (const name of names) {
    if (!LEFTOVER_SUFFIXES.some((suffix) => name.endsWith(suffix))) continue;
    disk.remove(`${directory}/${name}`);
    names.delete(name);
  }
  const baseOffsets = [...names].map((name) => offsetOfFile(name, LOG_SUFFIX)).filter((offset) => offset !== undefined);
  for (const name of names) {
    // An index whose log is gone would be taken for that of a later segment with the same base.
    const orphan = SEGMENT_SUFFIXES.map((suffix) => offsetOfFile(name, suffix)).find((offset) => offset !== undefined);
    if (orphan !== undefined && !baseOffsets.includes(orphan)) disk.remove(`${directory}/${name}`);
  }
  return baseOffsets;
}

/** Whether the segment's indexes exist, and have plausible sizes. */
function hasIndexes(disk: Disk, directory: string, base: bigint, names: ReadonlySet<string>): boolean {
  return INDEXES.every(({ suffix, entryBytes, optional }) => {
    if (!names.has(offsetFileName(base, suffix))) return optional;
    return disk.size(offsetFile(directory, base, suffix)) % entryBytes === 0;
  });
}

export interface OpenOptions {
  /** Names in the directory. */
  names: Set<string>;
  /** The files can be trusted. */
  clean: boolean;
  /** Below it nothing is cut off: it was durable, so the medium has lost what is missing, and other replicas may hold it. */
  protectedTo: bigint;
  /** Where the check of the records begins, unless `clean`. */
  recoveryPoint: bigint;
  logStartOffset: bigint;
  /** The last stop left producer snapshots: where one is missing, the records are read instead. */
  hadSnapshots: boolean;
  /** `logStartOffset` was written when nothing could change any more. */
  startIsExact: boolean;
}

export function openSegments(context: RecoveryContext, options: OpenOptions): RecoveredSegments {
  const { disk, directory, epochs } = context;
  const { names } = options;
  const listed = context.manifest.load(context.logger);
  const baseOffsets = listBaseOffsets(context, names);
  const present = baseOffsets.map((base) => {
    const size = disk.size(offsetFile(directory, base, LOG_SUFFIX));
    const indexed = hasIndexes(disk, directory, base, names);
    return { segment: context.makeSegment(base, size, size === 0), indexed: indexed || size === 0 };
  });
  const startOffset = options.startIsExact && !listed ? options.logStartOffset : undefined;
  const segments = compareClosedSegments(context, present, { ...options, listed, startOffset });
  if (segments.length === 0) {
    for (const offset of snapshotOffsets([...names])) removeProducerSnapshot(disk, directory, offset);
    epochs.clear();
    return { segments: [], logEndOffset: options.logStartOffset, cut: false };
  }
  const cutFrom = segments.findIndex(
    ({ segment: { lack } }, index) =>
      lack !== undefined && lack.replacing !== true && (segments[index + 1]?.segment.baseOffset ?? 0n) > options.protectedTo,
  );
  const whole = options.clean && cutFrom < 0 && segments.every(({ indexed }) => indexed);
  const cleanEnd = whole ? endOfLastSegment(segments.map(({ segment }) => segment)) : undefined;
  if (cleanEnd !== undefined) {
    const opened = segments.map(({ segment }) => segment);
    epochs.truncateFromEnd(cleanEnd);
    loadProducers(context, opened, cleanEnd, { names, clean: !options.hadSnapshots });
    return { segments: opened, logEndOffset: cleanEnd, cut: false };
  }
  const unindexed = segments.findIndex(({ indexed }) => !indexed);
  // The segment of the last flushed record: a flush syncs the records of the active segment, not its indexes.
  const lastBelow = segments.findLastIndex(({ segment }) => segment.baseOffset < options.recoveryPoint);
  const checked = Math.max(
    0,
    options.clean && unindexed < 0 ? segments.length - 1 : unindexed < 0 ? lastBelow : Math.min(unindexed, lastBelow),
  );
  const from = cutFrom < 0 ? checked : Math.min(checked, cutFrom);
  const kept = segments.slice(0, from).map(({ segment }) => segment);
  const suspects = segments.slice(from).map(({ segment }) => segment);
  const start = (suspects[0] as Segment).baseOffset;
  const saved = [...epochs.list];
  epochs.truncateFromEnd(start);
  loadProducers(context, kept, start, { names, clean: false, keepsLater: true });
  const found = recoverSegments(context, kept, suspects, options.protectedTo);
  addMissingEpochs(epochs, saved, found.segments);
  // The records behind it are unverified until they have been read.
  for (const offset of snapshotOffsets(disk.list(directory))) {
    if (offset <= start || found.restoredAt.has(offset)) continue;
    removeProducerSnapshot(disk, directory, offset);
    context.snapshotMissing();
  }
  return found;
}

/**
 * Producer state at `offset`, behind missing records, from the snapshot that was written when they were closed. Without it their retries
 * would not be recognised, and it is not known which transactions ended among them. Like them it was durable. False where there is none.
 */
function skipMissing({ disk, directory, logger, producers }: RecoveryContext, offset: bigint): boolean {
  if (!snapshotOffsets(disk.list(directory)).includes(offset)) return false;
  try {
    producers.restore(readProducerSnapshot(disk, directory, offset));
    return true;
  } catch (error) {
    if (error instanceof DiskError) throw error;
    logger.warn('producer snapshot is corrupt, so retries of missing records are not recognised', { directory, offset, error });
    return false;
  }
}

/** Missing records within the log were flushed, and with them their leader epochs were `saved`: the remaining records do not hold them. */
function addMissingEpochs(epochs: LeaderEpochs, saved: readonly EpochStart[], segments: readonly Segment[]): void {
  for (const [index, { lack }] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset;
    if (lack === undefined || next === undefined) continue;
    epochs.learn(saved.filter(({ startOffset }) => startOffset >= lack.from && startOffset < next));
  }
}

/** The recovery of larger segments takes long anyway. */
const SMALL_BYTES = 1024 * 1024;

/**
 * The recovery of a log that is one small segment from offset 0, without listing its directory: its state follows from the
 * records. Undefined when it is not one small segment any more.
 */
export function recoverSingle(context: RecoveryContext): RecoveredSegments | undefined {
  const { disk, directory, epochs, producers } = context;
  const path = offsetFile(directory, 0n, LOG_SUFFIX);
  // A manifest is written with the second segment.
  const another = disk.exists(`${directory}/${SEGMENT_MANIFEST_FILE}`);
  const size = context.gapsAllowed || another ? undefined : sizeIfExists(disk, path);
  if (size === undefined || size > SMALL_BYTES) return undefined;
  epochs.clear();
  producers.clear();
  const found = recoverSegments(context, [], [context.makeSegment(0n, size, true)], 0n);
  // A segment begins where the one before it ends: without one there, there is none at all.
  const more = found.cut || (found.logEndOffset > 0n && disk.exists(offsetFile(directory, found.logEndOffset, LOG_SUFFIX)));
  return more ? undefined : found;
}

/**
 * Opens a log that a clean stop closed without indexes: one small segment from offset 0, of `size` bytes, from whose records the rest is rebuilt.
 * They are trusted, as after any clean stop; where they have changed, the log ends before `size` does. Nothing is written.
 */
export function openWithoutIndexes(context: RecoveryContext, size: number): RecoveredSegments {
  context.epochs.clear();
  context.producers.clear();
  const segment = context.makeSegment(0n, 0, true);
  const { expected } = indexAll(context, segment, size, { expected: 0n, epoch: -1 }, (batch, { expected: least }) =>
    batch.magic === 2 && batch.baseOffset >= least ? undefined : 'not the batch that was written',
  );
  return { segments: [segment], logEndOffset: expected, cut: false };
}

/** The log's end by the headers behind the last index entry; undefined when they do not lead to the end of the file. */
function endOfLastSegment(segments: readonly Segment[]): bigint | undefined {
  const last = segments.at(-1) as Segment;
  return endByHeaders(last, (batch) => last.noteTail(batch));
}

interface Progress {
  /** The least offset that the next batch may have. */
  expected: bigint;
  /** Of the last batch. */
  epoch: number;
}

/** Indexes the batches in the first `size` bytes of the file, of an empty segment, up to the first in which `judge` finds a defect. */
function indexAll(
  { epochs, producers, unreadable }: RecoveryContext,
  segment: Segment,
  size: number,
  from: Progress,
  judge: (batch: BatchView, before: Progress) => string | undefined,
): Progress & { defect: string | undefined } {
  segment.file.exists ||= size > 0;
  const scanner = segment.scannerTo(size, RECOVERY_WINDOW_BYTES);
  let { expected, epoch } = from;
  while (segment.size < size) {
    const batch = scanner.batch(segment.size);
    if (batch === undefined) return { expected, epoch, defect: 'a batch is cut off' };
    const defect = judge(batch, { expected, epoch });
    if (defect !== undefined) return { expected, epoch, defect };
    segment.indexBatch(batch);
    epoch = batch.partitionLeaderEpoch;
    epochs.assign(epoch, batch.baseOffset);
    applyToProducers(
      producers,
      segment,
      batch,
      markerOf(batch, (records) => unreadable(records, segment.path)),
    );
    expected = batch.lastOffset + 1n;
  }
  return { expected, epoch, defect: undefined };
}

/** `protectedTo`: see `OpenOptions`. */
function recoverSegments(context: RecoveryContext, kept: Segment[], suspects: readonly Segment[], protectedTo: bigint): Recovered {
  const { logger } = context;
  const restoredAt = new Set<bigint>();
  let expected = suspects[0]?.baseOffset ?? 0n;
  let cut = false;
  let epoch = -1;
  for (const [index, suspect] of suspects.entries()) {
    const before = kept.at(-1);
    const gap = suspect.baseOffset > expected && (!context.gapsAllowed || before?.lack !== undefined);
    const isProtected = suspect.baseOffset <= protectedTo || before?.lack?.replacing === true;
    if (gap && before !== undefined && isProtected) markGap(context, before, expected, suspect.baseOffset);
    else if (suspect.baseOffset < expected || gap) {
      logger.warn('segments do not follow the one before them', { segment: suspect.path, expected, count: suspects.length - index });
      const bytes = removeAll(context, suspects.slice(index));
      const reason = `a segment begins at offset ${suspect.baseOffset}, but the next offset is ${expected}`;
      context.cutOff({ foundBy: 'recovery', offset: expected, segment: nameOf(suspect), position: 0, reason, bytes });
      cut = true;
      break;
    }
    if (before?.lack !== undefined && skipMissing(context, suspect.baseOffset)) restoredAt.add(suspect.baseOffset);
    const segment = context.makeSegment(suspect.baseOffset, 0, true);
    segment.lack = suspect.lack;
    suspect.release();
    const found = indexAll(context, segment, suspect.size, { expected: suspect.baseOffset, epoch }, (batch, before) =>
      defectOf(segment, batch, before.expected, before.epoch),
    );
    ({ expected, epoch } = found);
    const { defect } = found;
    kept.push(segment);
    const next = suspects[index + 1]?.baseOffset;
    if (defect !== undefined && next !== undefined && next <= protectedTo) markGap(context, segment, expected, next, defect);
    else if (defect !== undefined) {
      const lost = suspect.size - segment.size;
      logger.warn('log truncated at the first corrupt batch', {
        segment: segment.path,
        position: segment.size,
        bytes: lost,
        reason: defect,
      });
      // Durable at once: the recovery point may already be here, and then no later recovery would read this file.
      segment.file.truncate(segment.size);
      segment.sync();
      const bytes = lost + removeAll(context, suspects.slice(index + 1));
      const { size: position } = segment;
      context.cutOff({ foundBy: 'recovery', offset: expected, segment: nameOf(segment), position, reason: defect, bytes });
      cut = true;
      break;
    }
  }
  for (const segment of kept.slice(0, -1)) segment.seal();
  const last = kept.at(-1);
  // The log ends here now: no record within it is missing.
  if (last !== undefined) last.lack = undefined;
  return { segments: kept, logEndOffset: expected, cut, restoredAt };
}

function defectOf(segment: Segment, batch: BatchView, expected: bigint, epochBefore: number): string | undefined {
  const defect = verifyBatch(batch, batch.position + batch.sizeInBytes);
  if (defect !== undefined) return defect.reason;
  if (batch.baseOffset < expected) return `base offset ${batch.baseOffset}, but the next offset is ${expected}`;
  // Leftovers of a truncated suffix can line up behind the records that were written over it; their epoch distinguishes them.
  if (batch.partitionLeaderEpoch < epochBefore) return `leader epoch ${batch.partitionLeaderEpoch} after ${epochBefore}`;
  return segment.fits(batch.lastOffset, batch.sizeInBytes) ? undefined : `offset ${batch.lastOffset} does not fit into the segment`;
}

function nameOf({ path }: Segment): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function removeAll({ disk, directory }: RecoveryContext, segments: readonly Segment[]): number {
  let bytes = 0;
  for (const segment of segments) {
    bytes += segment.size;
    segment.destroy();
  }
  if (segments.length > 0) disk.syncDirectory(directory);
  return bytes;
}
