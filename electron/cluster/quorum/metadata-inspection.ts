/**
 * Checks before a start whether a node's metadata directory (log, snapshots, `quorum-state`) still holds what the node acknowledged. Reads
 * only. Everything that the start would use has to reach the acknowledged end (`acknowledged-end.ts`) with the same epoch. Records behind it
 * were never acknowledged, so a torn append there is no corruption.
 *
 * Not detected: after a power cut, the loss of records that were flushed less than a second before it, or any loss while the acknowledged
 * end is missing too; a flipped epoch of a LeaderChange directly before another one, or of the last one where the acknowledged end does not
 * cover it; an older copy of the whole directory, which is consistent.
 */
import type { Disk } from '../lib/disk.ts';
import { LOG_SUFFIX, offsetFileName, offsetOfFile } from '../log/log-files.ts';
import { parsePartitionDirectory } from '../log/partition-directory.ts';
import { iterateBatches, verifyBatch, type BatchView } from '../protocol/record-batch.ts';
import { decodeControlRecord } from '../protocol/records/control-records.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { ACKNOWLEDGED_END_FILE, readAcknowledgedEnd } from './acknowledged-end.ts';
import { METADATA_DIRECTORY } from './metadata-directory.ts';
import { parseSnapshotFileName, snapshotDefect } from './metadata-snapshots.ts';
import { MAX_METADATA_BATCH_BYTES, type SnapshotId } from './raft-log.ts';
import { parseQuorumState, QUORUM_STATE_FILE, type VoteState } from './vote-store.ts';

export interface MetadataDamage {
  /** Path of the file, or of the directory where that is missing. */
  readonly file: string;
  /** The defect, as a clause: "is missing". */
  readonly reason: string;
  /** The least epoch that the node may have reached; at least 1. */
  readonly epoch: number;
}

interface Found {
  readonly file: string;
  readonly reason: string;
}

/** Position at which a log, read from its first segment on, becomes invalid. */
interface Extent {
  readonly startOffset: bigint;
  readonly endOffset: bigint;
  readonly lastEpoch: number;
  /** By offset, ascending: the starts of epochs. */
  readonly epochs: readonly { epoch: number; startOffset: bigint }[];
  /** Defect before the last byte; undefined: the log is complete. */
  readonly stop: Found | undefined;
  /** No crash leaves the log in this state. */
  readonly isForged: boolean;
}

/** Undefined: nothing is missing, or this node never had metadata. Throws DiskError where a file cannot be read. */
export function inspectMetadata(disk: Disk, dataDirectory: string): MetadataDamage | undefined {
  const directory = `${dataDirectory}/${METADATA_DIRECTORY}`;
  const names = disk.exists(directory) ? disk.list(directory) : [];
  const state = names.includes(QUORUM_STATE_FILE) ? parseQuorumState(disk.readFile(`${directory}/${QUORUM_STATE_FILE}`)) : undefined;
  const snapshots = readSnapshots(disk, directory, names);
  const extent = readExtent(disk, directory, names);
  let lastEpoch = extent.lastEpoch;
  for (const { epoch } of snapshots.whole) lastEpoch = Math.max(lastEpoch, epoch);
  lastEpoch = Math.max(lastEpoch, readAcknowledgedEnd(disk, directory)?.epoch ?? 0);
  const epoch = Math.max(1, typeof state === 'object' ? state.epoch : 0, lastEpoch);
  const found =
    votingDefect(disk, { directory, dataDirectory, names, state, lastEpoch }) ?? contentDefect(disk, directory, extent, snapshots);
  return found && { ...found, epoch };
}

/** Undefined where the file is missing or cannot be read. Throws DiskError. */
export function readQuorumState(disk: Disk, dataDirectory: string): VoteState | undefined {
  const path = `${dataDirectory}/${METADATA_DIRECTORY}/${QUORUM_STATE_FILE}`;
  const state = disk.exists(path) ? parseQuorumState(disk.readFile(path)) : undefined;
  return typeof state === 'object' ? state : undefined;
}

/** Why the vote is unknown. */
function votingDefect(
  disk: Disk,
  at: {
    directory: string;
    dataDirectory: string;
    names: readonly string[];
    state: ReturnType<typeof parseQuorumState> | undefined;
    lastEpoch: number;
  },
): Found | undefined {
  const { directory, dataDirectory, names, state, lastEpoch } = at;
  const file = `${directory}/${QUORUM_STATE_FILE}`;
  if (typeof state === 'string') return { file, reason: `cannot be read: ${state}` };
  if (state !== undefined) {
    return state.epoch < lastEpoch ? { file, reason: `is of epoch ${state.epoch}, and the log of epoch ${lastEpoch}` } : undefined;
  }
  // Records, snapshots and the acknowledged end are written only after the file of their epoch.
  const isUsed = names.some((name) => {
    if (name === ACKNOWLEDGED_END_FILE || parseSnapshotFileName(name) !== undefined) return true;
    return name.endsWith(LOG_SUFFIX) && disk.size(`${directory}/${name}`) > 0;
  });
  if (isUsed) return { file, reason: 'is missing' };
  // A broker creates the directories of partitions after it has read the metadata.
  const served = disk.exists(dataDirectory) && disk.list(dataDirectory).some((name) => isPartitionDirectory(disk, dataDirectory, name));
  return served ? { file: names.length === 0 ? directory : file, reason: 'is missing' } : undefined;
}

function isPartitionDirectory(disk: Disk, dataDirectory: string, name: string): boolean {
  return parsePartitionDirectory(name) !== undefined && disk.isDirectory(`${dataDirectory}/${name}`);
}

/** Why the log and the snapshots do not hold the acknowledged records. */
function contentDefect(disk: Disk, directory: string, extent: Extent, { whole, damaged }: Snapshots): Found | undefined {
  const { startOffset, endOffset, stop, isForged } = extent;
  if (isForged && stop !== undefined) return stop;
  const latest = whole.at(-1);
  if (startOffset > (latest?.endOffset ?? 0n)) {
    const reason = `is missing, and the log begins at offset ${startOffset}`;
    return damaged[0] ?? { file: `${directory}/${offsetFileName(0n, LOG_SUFFIX)} or a snapshot up to ${startOffset}`, reason };
  }
  const witness = readAcknowledgedEnd(disk, directory);
  if (witness === undefined) return undefined;
  const end = latest !== undefined && latest.endOffset > endOffset ? latest.endOffset : endOffset;
  if (end < witness.endOffset) {
    const lacks = `the log ends at offset ${end}, and this node acknowledged it up to ${witness.endOffset}`;
    if (stop !== undefined) return { file: stop.file, reason: `${stop.reason}: ${lacks}` };
    if (damaged[0] !== undefined) return damaged[0];
    const next = offsetFileName(end, LOG_SUFFIX);
    return { file: lastLogFile(disk, directory), reason: `is cut, or ${next} is missing: ${lacks}` };
  }
  const found = epochBefore(extent, whole, witness.endOffset);
  if (found === undefined || found === witness.epoch) return undefined;
  const reason = `has a record of epoch ${found} before offset ${witness.endOffset}, and this node acknowledged one of epoch ${witness.epoch}`;
  return { file: lastLogFile(disk, directory), reason };
}

/**
 * Undefined where only a snapshot that ends elsewhere holds the record. A snapshot that ends there is checked before the log: after a crash
 * while it was received, the log may still be the longer, diverged one that it replaces.
 */
function epochBefore({ startOffset, endOffset, epochs }: Extent, whole: readonly SnapshotId[], offset: bigint): number | undefined {
  const snapshot = whole.findLast((id) => id.endOffset === offset);
  if (snapshot !== undefined) return snapshot.epoch;
  return offset > startOffset && offset <= endOffset ? epochs.findLast((one) => one.startOffset < offset)?.epoch : undefined;
}

function lastLogFile(disk: Disk, directory: string): string {
  const name = disk.list(directory).findLast((one) => one.endsWith(LOG_SUFFIX));
  return `${directory}/${name ?? offsetFileName(0n, LOG_SUFFIX)}`;
}

interface Snapshots {
  /** Oldest first. */
  readonly whole: readonly SnapshotId[];
  readonly damaged: readonly Found[];
}

function readSnapshots(disk: Disk, directory: string, names: readonly string[]): Snapshots {
  const whole: SnapshotId[] = [];
  const damaged: Found[] = [];
  for (const name of names) {
    const id = parseSnapshotFileName(name);
    if (id === undefined) continue;
    const file = `${directory}/${name}`;
    const defect = snapshotDefect(disk.readFile(file));
    if (defect === undefined) whole.push(id);
    else damaged.push({ file, reason: `is damaged: ${defect}` });
  }
  return { whole, damaged: damaged.reverse() };
}

function readExtent(disk: Disk, directory: string, names: readonly string[]): Extent {
  const bases = names.map((name) => offsetOfFile(name, LOG_SUFFIX)).filter((base) => base !== undefined);
  const startOffset = bases[0] ?? 0n;
  const epochs: { epoch: number; startOffset: bigint }[] = [];
  let endOffset = startOffset;
  let lastEpoch = 0;
  const stopped = (stop: Found | undefined, isForged = false): Extent => ({ startOffset, endOffset, lastEpoch, epochs, stop, isForged });
  for (const base of bases) {
    const file = `${directory}/${offsetFileName(base, LOG_SUFFIX)}`;
    if (base !== endOffset) {
      return stopped({ file: `${directory}/${offsetFileName(endOffset, LOG_SUFFIX)}`, reason: `ends before offset ${base} or is missing` });
    }
    const bytes = disk.readFile(file);
    let position = 0;
    for (const batch of iterateBatches(bytes)) {
      const defect = verifyBatch(batch)?.reason;
      if (defect !== undefined) return stopped({ file, reason: `is damaged at byte ${position} (${defect})` });
      // Remains of a truncated end can line up behind the batches that were written over it.
      if (batch.partitionLeaderEpoch < lastEpoch || batch.baseOffset < endOffset) {
        return stopped({ file, reason: `holds a batch of an earlier epoch or offset at byte ${position}` });
      }
      if (batch.baseOffset > endOffset)
        return stopped({ file, reason: `has offset ${batch.baseOffset} at byte ${position}, and ${endOffset} is next` }, true);
      if (batch.partitionLeaderEpoch > lastEpoch) {
        // The first batch may follow a snapshot within an epoch.
        if (endOffset !== startOffset && !isLeaderChange(batch)) {
          const reason = `has epoch ${batch.partitionLeaderEpoch} at byte ${position} without the LeaderChange that opens an epoch`;
          return stopped({ file, reason }, true);
        }
        lastEpoch = batch.partitionLeaderEpoch;
        epochs.push({ epoch: lastEpoch, startOffset: batch.baseOffset });
      }
      endOffset = batch.lastOffset + 1n;
      position += batch.sizeInBytes;
    }
    if (position !== bytes.length) return stopped({ file, reason: `is cut in the midst of a batch at byte ${position}` });
  }
  return stopped(undefined);
}

function isLeaderChange(batch: BatchView): boolean {
  if (!batch.isControl) return false;
  for (const { key, value } of decodeRecords(batch, MAX_METADATA_BATCH_BYTES)) {
    return key !== null && decodeControlRecord({ key, value })?.type === 'LeaderChange';
  }
  return false;
}
