/**
 * How a log is taken up from its directory. After a clean shutdown the files are believed and only the end of the last segment
 * is looked at. Otherwise every batch from the segment of the recovery point on is read and checked; the log ends before the
 * first one that is not whole, and indexes, leader epochs and producer state of that stretch are made anew.
 */
import { DiskError, sizeIfThere, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { verifyBatch } from '../protocol/record-batch.ts';
import { markerOf } from './append-checks.ts';
import type { LogDamage, UnreadableRecords } from './damage.ts';
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
import { applyToProducers } from './producer-replay.ts';
import { ProducerState } from './producer-state.ts';
import { compareClosedSegments, markGap } from './closed-segments.ts';
import type { Segment } from './segment.ts';
import { SEGMENT_MANIFEST_FILE, type SegmentManifest } from './segment-manifest.ts';

const INDEXES = [
  { suffix: OFFSET_INDEX_SUFFIX, entryBytes: 8, optional: false },
  { suffix: TIME_INDEX_SUFFIX, entryBytes: 12, optional: false },
  { suffix: TRANSACTION_INDEX_SUFFIX, entryBytes: 34, optional: true },
];
/** Recovery reads everything once, in large pieces. */
const RECOVERY_WINDOW_BYTES = 1024 * 1024;

export interface RecoveryContext {
  disk: Disk;
  directory: string;
  logger: Logger;
  epochs: LeaderEpochs;
  producers: ProducerState;
  /**
   * Whether a segment may start after the end of the one before it, as compaction leaves it. Without compaction that is
   * a tail which a power cut took while it spared the next file; what follows the gap is not this log's past.
   */
  gapsAllowed: boolean;
  makeSegment: (baseOffset: bigint, size: number, freshIndexes: boolean) => Segment;
  /** Of the closed segments, as last written. */
  manifest: SegmentManifest;
  /** Called at once, with the files being what they are from then on. */
  cutOff: (damage: LogDamage) => void;
  /** Control records were passed over; `segment`: the path of their file. */
  unreadable: (records: UnreadableRecords, segment: string) => void;
  /** Called at once: the files stay as they are. */
  found: (damage: LogDamage) => void;
  /** A producer snapshot is missing or was removed. A stop has to leave one: an open after it may take a log without any for one without producers. */
  snapshotMissing: () => void;
}

export interface RecoveredSegments {
  /** In order; empty when the directory holds none. */
  segments: Segment[];
  logEndOffset: bigint;
  /** Whether bytes were cut off because they were no whole batch. */
  cut: boolean;
}

interface Recovered extends RecoveredSegments {
  /** Offsets behind missing records at which a producer snapshot was taken over: the records do not lead to the same state. */
  restoredAt: ReadonlySet<bigint>;
}

/** Removes what a crash left half done and lists the segments' base offsets, ascending. */
function surveyDirectory({ disk, directory, manifest }: RecoveryContext, names: Set<string>): bigint[] {
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

/** Whether the segment's indexes are there, and could be whole by their sizes. */
function hasIndexes(disk: Disk, directory: string, base: bigint, names: ReadonlySet<string>): boolean {
  return INDEXES.every(({ suffix, entryBytes, optional }) => {
    if (!names.has(offsetFileName(base, suffix))) return optional;
    return disk.size(offsetFile(directory, base, suffix)) % entryBytes === 0;
  });
}

export interface OpenOptions {
  /** What is in the directory. */
  names: Set<string>;
  /** The files can be believed. */
  clean: boolean;
  /** Below it nothing is cut off: it was on the medium, so what is missing there was lost by the medium, and others may hold it. */
  protectedTo: bigint;
  /** Where the check of the records begins, unless `clean`. */
  recoveryPoint: bigint;
  logStartOffset: bigint;
  /** The last stop left producer snapshots: where there is none, the records say what was in them. */
  hadSnapshots: boolean;
  /** `logStartOffset` was written when nothing could change any more. */
  startIsExact: boolean;
}

export function openSegments(context: RecoveryContext, options: OpenOptions): RecoveredSegments {
  const { disk, directory, epochs } = context;
  const { names } = options;
  const listed = context.manifest.load(context.logger);
  const baseOffsets = surveyDirectory(context, names);
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
  learnOfMissing(epochs, saved, found.segments);
  // What came behind is in doubt until it has been read.
  for (const offset of snapshotOffsets(disk.list(directory))) {
    if (offset <= start || found.restoredAt.has(offset)) continue;
    removeProducerSnapshot(disk, directory, offset);
    context.snapshotMissing();
  }
  return found;
}

/**
 * Producer state at `offset`, behind records that are missing, from the snapshot that was made when they were closed. Without it their repeats
 * would not be recognised, and it is not known which transactions ended among them. Like them it was on the medium. False where there is none.
 */
function skipMissing({ disk, directory, logger, producers }: RecoveryContext, offset: bigint): boolean {
  if (!snapshotOffsets(disk.list(directory)).includes(offset)) return false;
  try {
    producers.restore(readProducerSnapshot(disk, directory, offset));
    return true;
  } catch (error) {
    if (error instanceof DiskError) throw error;
    logger.warn('producer snapshot is damaged, so repeats of missing records are not recognised', { directory, offset, error });
    return false;
  }
}

/** What is missing in the midst of the log was flushed, and with it its leader epochs were `saved`: the records do not have them any more. */
function learnOfMissing(epochs: LeaderEpochs, saved: readonly EpochStart[], segments: readonly Segment[]): void {
  for (const [index, { lack }] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset;
    if (lack === undefined || next === undefined) continue;
    epochs.learn(saved.filter(({ startOffset }) => startOffset >= lack.from && startOffset < next));
  }
}

/** Larger ones take their time anyway. */
const SMALL_BYTES = 1024 * 1024;

/**
 * The recovery of a log that is one small segment from offset 0, without a look at what else is in its directory: everything there is to
 * know is in the records. Undefined when it is something else by now.
 */
export function recoverSingle(context: RecoveryContext): RecoveredSegments | undefined {
  const { disk, directory, epochs, producers } = context;
  const path = offsetFile(directory, 0n, LOG_SUFFIX);
  // A manifest is written with the second segment.
  const another = disk.exists(`${directory}/${SEGMENT_MANIFEST_FILE}`);
  const size = context.gapsAllowed || another ? undefined : sizeIfThere(disk, path);
  if (size === undefined || size > SMALL_BYTES) return undefined;
  epochs.clear();
  producers.clear();
  const found = recoverSegments(context, [], [context.makeSegment(0n, size, true)], 0n);
  // A segment begins where the one before it ends: none there means that there is none at all.
  const more = found.cut || (found.logEndOffset > 0n && disk.exists(offsetFile(directory, found.logEndOffset, LOG_SUFFIX)));
  return more ? undefined : found;
}

/**
 * Takes up a log that a clean stop left bare: one small segment from offset 0, of `size` bytes, everything else made anew from its records.
 * They are believed, as after any clean stop; where they are no longer what they were, the log ends before `size` does. Nothing is written.
 */
export function openBare(context: RecoveryContext, size: number): RecoveredSegments {
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
  return last.endByHeaders((batch) => last.noteTail(batch));
}

interface Progress {
  /** The least offset that the next batch may have. */
  expected: bigint;
  /** Of the last batch. */
  epoch: number;
}

/** Takes the batches of the file's first `size` bytes into the segment, which is empty so far, up to the first that `judge` has something against. */
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
      const reason = `a segment begins at offset ${suspect.baseOffset} where ${expected} is due`;
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
      logger.warn('log cut at the first damaged batch', { segment: segment.path, position: segment.size, bytes: lost, reason: defect });
      // Durable at once: the recovery point may already lie here, and then nobody would look at this file again.
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
  // The log ends there now: nothing is missing in the midst of it.
  if (last !== undefined) last.lack = undefined;
  return { segments: kept, logEndOffset: expected, cut, restoredAt };
}

function defectOf(segment: Segment, batch: BatchView, expected: bigint, epochBefore: number): string | undefined {
  const defect = verifyBatch(batch, batch.position + batch.sizeInBytes);
  if (defect !== undefined) return defect.reason;
  if (batch.baseOffset < expected) return `base offset ${batch.baseOffset} where ${expected} or more is due`;
  // Leftovers of a truncated suffix can line up behind what was written over it; their epoch gives them away.
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

/**
 * Producer state as of `offset`: the newest snapshot at or below it, then the batches from there on. Snapshots above are removed,
 * unless the caller does it (`found.keepsLater`).
 * `found.names`: what is in the directory, where that is known. After a clean shutdown a log without any snapshot is known to have no
 * producers, since that writes one if there are.
 */
export function loadProducers(
  context: RecoveryContext,
  segments: readonly Segment[],
  offset: bigint,
  found?: { names: ReadonlySet<string>; clean: boolean; keepsLater?: boolean },
): void {
  const { disk, directory, logger, producers } = context;
  const offsets = snapshotOffsets(found === undefined ? disk.list(directory) : [...found.names]).sort((a, b) => (a < b ? -1 : 1));
  const later = found?.keepsLater === true ? [] : offsets.filter((candidate) => candidate > offset);
  for (const above of later) {
    removeProducerSnapshot(disk, directory, above);
    context.snapshotMissing();
  }
  producers.clear();
  let from: bigint | undefined;
  for (const candidate of offsets.filter((below) => below <= offset).reverse()) {
    try {
      producers.restore(readProducerSnapshot(disk, directory, candidate));
      from = candidate;
      break;
    } catch (error) {
      logger.warn('producer snapshot is damaged, an older one is taken', { directory, offset: candidate, error });
      removeProducerSnapshot(disk, directory, candidate);
      context.snapshotMissing();
    }
  }
  if (from === undefined && found?.clean === true && offsets.length === 0) return;
  replay(context, segments, from ?? 0n, offset);
  if (from === undefined && producers.entries.size > 0) context.snapshotMissing();
}

/** For a second look at records: the first has reported those that cannot be decoded. */
export const REPORTED = (): undefined => undefined;

/** Producer state as of `offset`, without a change of the files. */
export function producersAt(disk: Disk, directory: string, segments: readonly Segment[], offset: bigint): ProducerState {
  const producers = new ProducerState();
  const below = snapshotOffsets(disk.list(directory)).filter((snapshot) => snapshot <= offset);
  let from = 0n;
  for (const snapshot of below.sort((a, b) => (a < b ? 1 : -1))) {
    try {
      producers.restore(readProducerSnapshot(disk, directory, snapshot));
      from = snapshot;
      break;
    } catch (error) {
      // An open has reported the snapshot, and an older one leads to the same state.
      if (error instanceof DiskError) throw error;
    }
  }
  replay({ producers, unreadable: REPORTED }, segments, from, offset);
  return producers;
}

function replay(
  { producers, unreadable }: Pick<RecoveryContext, 'producers' | 'unreadable'>,
  segments: readonly Segment[],
  from: bigint,
  to: bigint,
): void {
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]?.baseOffset;
    if (segment.baseOffset >= to || (next !== undefined && next <= from)) continue;
    const scanner = segment.scanner();
    // A search would compare the indexes, and during an open an index of aborted transactions cannot be built again: it needs the segments below.
    const start = from <= segment.baseOffset ? 0 : (segment.positionOf(from) ?? segment.size);
    for (let position = start; position < segment.size;) {
      const header = scanner.header(position);
      if (header === undefined || header.baseOffset >= to) return;
      if (header.hasProducerId && header.baseOffset >= from) {
        const batch = header.isControl ? scanner.batch(position) : header;
        if (batch !== undefined) {
          applyToProducers(
            producers,
            undefined,
            batch,
            markerOf(batch, (records) => unreadable(records, segment.path)),
          );
        }
      }
      position += header.sizeInBytes;
    }
  }
}
