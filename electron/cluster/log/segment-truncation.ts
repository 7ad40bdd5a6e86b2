/** Cuts the files of a log at an offset, as one operation: segments, manifest entries and the active segment, each durably and in this order. */
import type { LogStorage } from './log-storage.ts';
import { min } from './offsets.ts';
import { markReplacing, UNKNOWN_SIZE } from './segment-manifest.ts';

/**
 * Removes the records at and above `offset`, which is not below the first segment. Returns the new log end: at the batch that holds `offset`, or
 * before the first missing record. With `keepsMissing` records that are missing below `offset` stay missing, and the log ends at `offset`.
 * Throws DiskError.
 */
export function cutSegments(storage: LogStorage, offset: bigint, keepsMissing: boolean): bigint {
  storage.beginRewrite(offset);
  cutLacking(storage, offset);
  removeAbove(storage, offset);
  return keepsMissing && closeLacking(storage, offset) ? offset : cutActive(storage, offset);
}

/** Before `removeAbove`, which drops the entry by which an open finds the bytes of the segment at `offset` that do not count. */
function cutLacking({ segments }: LogStorage, offset: bigint): void {
  const segment = segments.all.findLast(({ baseOffset }) => baseOffset <= offset);
  if (segment?.lack === undefined) return;
  segment.file.truncate(segment.size);
  segment.sync();
}

/**
 * Removes the segments that start above `offset`, durably. Where the one at `offset` lacks records its entry stays: without it an open after a
 * crash would take the hole for records that compaction has removed. `closeLacking` replaces it, or `cutActive` removes it.
 */
function removeAbove({ segments, manifest, disk, directory }: LogStorage, offset: bigint): void {
  const active = segments.all.findLast(({ baseOffset }) => baseOffset <= offset);
  const keptEntry = active?.lack === undefined ? undefined : active.baseOffset;
  manifest.drop(({ baseOffset }) => baseOffset !== keptEntry && (active === undefined || baseOffset >= active.baseOffset));
  manifest.save(true);
  if (segments.active.baseOffset <= offset) return;
  while (segments.active.baseOffset > offset) segments.pop().destroy();
  // Restored by a power cut, they would follow the records that are written here next.
  disk.syncDirectory(directory);
}

/**
 * For a log whose last segment lacks records below `offset`: closes the segment there, as one that lacks them, and starts the next, durably.
 * Returns false for any other log, which is unchanged.
 */
function closeLacking(storage: LogStorage, offset: bigint): boolean {
  const { manifest, disk, directory } = storage;
  const { active } = storage.segments;
  const { lack } = active;
  if (lack === undefined || lack.from >= offset) return false;
  const entry = active.closedAt(offset);
  active.release();
  storage.pushSegment(offset);
  disk.syncDirectory(directory);
  manifest.put(lack.replacing === true ? markReplacing(entry) : { ...entry, sizeBytes: UNKNOWN_SIZE });
  manifest.save(true);
  return true;
}

/** Cuts the active segment, durably: no record in it is missing then, so it has no manifest entry. */
function cutActive({ segments, manifest }: LogStorage, offset: bigint): bigint {
  const { active } = segments;
  const position = active.positionOf(offset) ?? active.size;
  const cut = position < active.size ? active.scanner().header(position) : undefined;
  const reach = min(offset, active.lack?.from ?? offset);
  const end = cut === undefined ? reach : min(cut.baseOffset, reach);
  active.lack = undefined;
  // A read finds a kept corrupt batch again. Without such a batch nothing in this segment would be repaired.
  active.refused = false;
  active.truncate(end, position);
  active.sync();
  const { baseOffset } = active;
  manifest.drop((entry) => entry.baseOffset === baseOffset);
  manifest.save(true);
  return end;
}
