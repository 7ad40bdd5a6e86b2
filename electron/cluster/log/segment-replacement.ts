/**
 * Replaces closed segments of a log by new ones, after a compaction or a repair: on the disk (`segment-swap.ts`), in the manifest and in memory,
 * in the order that leaves the old or the new records at a crash.
 */
import type { LogStorage } from './log-storage.ts';
import { markReplacing, type ClosedSegment } from './segment-manifest.ts';
import { assertWritten, beginSwap, finishSwap, renameOver } from './segment-swap.ts';
import type { Segment } from './segment.ts';

/** Segments whose files are renamed between two yields: each takes about a millisecond. */
const SWAPS_PER_STEP = 32;

/** A segment, and the manifest entry of its replacement. */
interface Swap {
  readonly old: Segment;
  readonly entry: ClosedSegment;
}

/**
 * Replaces `group` with the closed segment `cleaned`, whose files have `suffix`, durably. `endOffset`: where the segment behind the group
 * starts. Throws DiskError, and AssertionError, which changes nothing, when the .log file of `cleaned` is absent.
 */
export function replaceGroup(storage: LogStorage, group: readonly Segment[], cleaned: Segment, endOffset: bigint, suffix: string): void {
  const { disk, directory, manifest, segments } = storage;
  assertWritten(disk, directory, cleaned.baseOffset, suffix);
  const { baseOffset, size } = cleaned;
  const entry = cleaned.close(endOffset);
  for (const segment of group) segment.release();
  const bases = group.map((segment) => segment.baseOffset);
  // Before the manifest: a missing or short segment without an entry would count as whole at an open after a crash in between.
  beginSwap(disk, directory, baseOffset, suffix);
  manifest.drop((one) => bases.includes(one.baseOffset));
  manifest.save(true);
  finishSwap(disk, directory, baseOffset, bases);
  segments.replace(group, storage.makeSegment(baseOffset, size, false));
  storage.removeSnapshots((offset) => offset !== baseOffset && bases.includes(offset));
  manifest.put(entry);
  manifest.save(true);
}

/**
 * Replaces each segment with the closed one of the same base offset whose durable files have `suffix`; yields let other work run. From
 * the first step on nothing of the old segments can be read, in memory as at an open after a crash; a new one counts once its entry has
 * replaced the mark in the manifest. False when the log was closed or failed meanwhile, or segments were truncated or deleted: segments
 * that were not replaced stay marked. Throws DiskError, and AssertionError where a .log file with `suffix` is absent: before any change,
 * or, where it was removed during a pause, with the rest still marked.
 */
export function* replaceEach(storage: LogStorage, swaps: readonly Swap[], suffix: string): Generator<undefined, boolean, undefined> {
  const { disk, directory, manifest } = storage;
  for (const { old } of swaps) assertWritten(disk, directory, old.baseOffset, suffix);
  // May need reads: once the marks are durable nothing may fail before all of them are removed.
  const times = swaps.map(({ old }) => old.largestTimestamp);
  // A mark is void where the segment after the last marked one is lost.
  disk.syncDirectory(directory);
  manifest.replace(swaps.map(({ entry }) => markReplacing(entry)));
  for (const [index, { old }] of swaps.entries()) old.giveUp(times[index]);
  storage.segments.dropPositions();
  for (let from = 0; from < swaps.length; from += SWAPS_PER_STEP) {
    if (from > 0) yield;
    if (storage.closed || storage.failure !== undefined) return false;
    const slice = swaps.slice(from, from + SWAPS_PER_STEP);
    if (!slice.every((swap) => isMarked(storage, swap))) return false;
    replaceSome(storage, slice, suffix);
  }
  return true;
}

/** False when the segment was cut or deleted during a pause, even if it was written again and closed since. */
function isMarked({ segments }: LogStorage, { old, entry }: Swap): boolean {
  const { all } = segments;
  const index = all.indexOf(old);
  return index >= 0 && old.lack?.replacing === true && all[index + 1]?.baseOffset === entry.endOffset;
}

function replaceSome(storage: LogStorage, swaps: readonly Swap[], suffix: string): void {
  const { disk, directory, manifest, segments } = storage;
  for (const { old } of swaps) assertWritten(disk, directory, old.baseOffset, suffix);
  for (const { old } of swaps) {
    old.release();
    renameOver(disk, directory, old.baseOffset, suffix);
  }
  disk.syncDirectory(directory);
  manifest.replace(swaps.map(({ entry }) => entry));
  for (const { old, entry } of swaps) segments.replace([old], storage.makeSegment(old.baseOffset, entry.sizeBytes, false));
}
