/**
 * How new segments replace those that they were made of, so that a crash at any point leaves either the old ones or the new
 * one. Files are written with the suffix `.cleaned` and made durable; then they are renamed to `.swap`, the log last, from which point
 * the new segment counts; then the manifest drops the old segments, their files are deleted, and the suffix `.swap` is removed, the log's last
 * again. An open completes or reverts an interrupted swap (`completeSwaps`). Suffixes and order are Apache Kafka's. A repair renames its
 * `.repair` files over the old ones while the manifest marks both as invalid.
 */
import { assert } from '../lib/assert.ts';
import type { Disk } from '../lib/disk.ts';
import { BATCH_HEADER_BYTES } from '../protocol/record-batch.ts';
import { BatchScanner } from './batch-scanner.ts';
import { LOG_SUFFIX, offsetFileName, offsetOfFile, SEGMENT_SUFFIXES } from './log-files.ts';

const SWAP_SUFFIX = '.swap';
/** Indexes before their log. */
const LOG_LAST: readonly string[] = [...SEGMENT_SUFFIXES.filter((suffix) => suffix !== LOG_SUFFIX), LOG_SUFFIX];

/**
 * Makes the durable files with `suffix` the ones that count: an open completes the swap from then on. Throws DiskError, and AssertionError
 * when the new .log file is absent.
 */
export function beginSwap(disk: Disk, directory: string, baseOffset: bigint, suffix: string): void {
  assertWritten(disk, directory, baseOffset, suffix);
  for (const kind of LOG_LAST) {
    const path = `${directory}/${offsetFileName(baseOffset, kind)}`;
    if (disk.exists(path + suffix)) disk.rename(path + suffix, path + SWAP_SUFFIX);
  }
  disk.syncDirectory(directory);
}

/** Replaces the old files with those with `suffix`, without a sync of the directory. Throws DiskError. */
export function renameOver(disk: Disk, directory: string, baseOffset: bigint, suffix: string): void {
  for (const kind of LOG_LAST) {
    const path = `${directory}/${offsetFileName(baseOffset, kind)}`;
    if (disk.exists(path + suffix)) disk.rename(path + suffix, path);
    else disk.remove(path);
  }
}

/** Throws AssertionError when the new .log file is absent: the old files are then the only ones with the records. */
export function assertWritten(disk: Disk, directory: string, baseOffset: bigint, suffix: string): void {
  const path = `${directory}/${offsetFileName(baseOffset, LOG_SUFFIX)}${suffix}`;
  assert(disk.exists(path), `${path} is absent, so the old segment stays in place`);
}

/** Removes the segments at `replaced` and gives the files of the begun swap their names. Throws DiskError. */
export function finishSwap(disk: Disk, directory: string, baseOffset: bigint, replaced: readonly bigint[]): void {
  for (const old of replaced) for (const suffix of SEGMENT_SUFFIXES) disk.remove(`${directory}/${offsetFileName(old, suffix)}`);
  for (const suffix of LOG_LAST) {
    const path = `${directory}/${offsetFileName(baseOffset, suffix)}`;
    if (disk.exists(path + SWAP_SUFFIX)) disk.rename(path + SWAP_SUFFIX, path);
  }
  disk.syncDirectory(directory);
}

/** Removes the files of a compaction or a repair that was given up. */
export function removeUnfinished(disk: Disk, directory: string, baseOffset: bigint, suffix: string): void {
  for (const kind of SEGMENT_SUFFIXES) disk.remove(`${directory}/${offsetFileName(baseOffset, kind)}${suffix}`);
}

/**
 * At an open: completes a swap that a crash interrupted. `names` are the names in the directory, kept up to date. `replacing` is called before
 * the segments at those base offsets are removed, while the manifest still describes them.
 */
export function completeSwaps(
  disk: Disk,
  directory: string,
  names: Set<string>,
  replacing: (bases: readonly bigint[]) => void = () => undefined,
): void {
  const swaps = [...names].filter((name) => name.endsWith(SWAP_SUFFIX));
  if (swaps.length === 0) return;
  for (const name of swaps) {
    const baseOffset = offsetOfFile(name, LOG_SUFFIX + SWAP_SUFFIX);
    if (baseOffset === undefined) continue;
    const end = endOf(disk, `${directory}/${name}`);
    const bases = [...names].map((other) => offsetOfFile(other, LOG_SUFFIX)).filter((base) => base !== undefined);
    const replaced = bases.filter((base) => base > baseOffset && base < end);
    replacing([baseOffset, ...replaced]);
    finishSwap(disk, directory, baseOffset, [baseOffset, ...replaced]);
  }
  // Indexes without their log: the swap had not begun, and the old segments still count.
  for (const name of disk.list(directory)) if (name.endsWith(SWAP_SUFFIX)) disk.remove(`${directory}/${name}`);
  names.clear();
  for (const name of disk.list(directory)) names.add(name);
}

/** Offset after the last whole batch of a log file; its base alone when there is none. */
function endOf(disk: Disk, path: string): bigint {
  const file = disk.open(path);
  try {
    const scanner = new BatchScanner(file, file.size(), Math.max(BATCH_HEADER_BYTES, 64 * 1024));
    let end = -1n;
    for (let position = 0; ;) {
      const batch = scanner.header(position);
      if (batch === undefined) return end;
      end = batch.lastOffset + 1n;
      position += batch.sizeInBytes;
    }
  } finally {
    file.close();
  }
}
