/** Producer state of a log at an offset: from the newest usable snapshot below it, and the batches from there on. */
import { DiskError, type Disk } from '../lib/disk.ts';
import { markerOf } from './append-checks.ts';
import { applyToProducers, REPORTED } from './producer-replay.ts';
import { readProducerSnapshot, removeProducerSnapshot, snapshotOffsets } from './producer-snapshot.ts';
import { ProducerState } from './producer-state.ts';
import type { RecoveryContext } from './recovery-context.ts';
import type { Segment } from './segment.ts';

/**
 * Producer state as of `offset`: the newest snapshot at or below it, then the batches from there on. Snapshots above are removed,
 * unless the caller does it (`found.keepsLater`).
 * `found.names`: the names in the directory, where they are known. A clean shutdown writes a snapshot if there are producers, so after it a
 * log without any snapshot has no producers.
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
      logger.warn('producer snapshot is corrupt, and an older one is used', { directory, offset: candidate, error });
      removeProducerSnapshot(disk, directory, candidate);
      context.snapshotMissing();
    }
  }
  if (from === undefined && found?.clean === true && offsets.length === 0) return;
  replay(context, segments, from ?? 0n, offset);
  if (from === undefined && producers.entries.size > 0) context.snapshotMissing();
}

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
    // A search would compare the indexes, and during an open an index of aborted transactions cannot be rebuilt: it needs the segments below.
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
