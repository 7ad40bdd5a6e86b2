/**
 * Flips bits in a replica's log on disk, below the node and without its knowledge, as a failing medium does. Data that the node has in memory,
 * and serves from there, is not changed.
 */
import { ClusterError } from './cluster-errors.ts';
import type { Disk, DiskFile } from './lib/disk.ts';
import type { Random } from './lib/random.ts';
import { BATCH_HEADER_BYTES, BatchView } from './protocol/record-batch.ts';

export interface Corruption {
  detail: string;
  /** Restores the bytes if they are still the flipped ones. Returns whether they were. */
  undo(): boolean;
}

/** Number of bytes in the middle of a batch's records; fewer in a smaller batch. */
const FLIPPED_BYTES = 8;
const FLIP = 0xff;

interface Target {
  path: string;
  position: number;
  length: number;
}

/** Throws `ClusterError`: NO_SUCH_REPLICA, or WRONG_STATE without a matching file or record. */
export function corrupt(
  disk: Disk,
  random: Random,
  nodeDirectory: string,
  { node, topic, partition, where }: { node: number; topic: string; partition: number; where: 'closedSegment' | 'tail' },
): Corruption {
  const name = `${topic}-${partition}`;
  const directory = `${nodeDirectory}/${name}`;
  if (!disk.isDirectory(directory)) throw new ClusterError('NO_SUCH_REPLICA', `broker ${node} has no replica of ${name}`);
  const segments = disk.list(directory).filter((file) => file.endsWith('.log'));
  const closed = segments.slice(0, -1);
  const segment = where === 'tail' ? segments.at(-1) : closed[random.int(closed.length)];
  if (segment === undefined) throw new ClusterError('WRONG_STATE', `the log of ${name} on broker ${node} has no closed segment yet`);
  const path = `${directory}/${segment}`;
  const target = choose(disk, path, where === 'tail' ? (count) => count - 1 : (count) => random.int(count));
  if (target === undefined) throw new ClusterError('WRONG_STATE', `${name}/${segment} on broker ${node} holds no record yet`);
  const flipped = flip(disk, target);
  return {
    detail: `${target.length} bytes of ${name}/${segment} flipped, from byte ${target.position} on`,
    undo: () => {
      if (!disk.exists(path)) return false;
      const now = readAt(disk, target);
      if (now === undefined || !now.equals(flipped)) return false;
      flip(disk, target);
      return true;
    },
  };
}

/** Within the records of a batch that is chosen at random from the complete ones of the file. */
function choose(disk: Disk, path: string, pick: (count: number) => number): Target | undefined {
  const file = disk.open(path);
  try {
    const batches: { position: number; size: number }[] = [];
    const end = file.size();
    for (let position = 0; position + BATCH_HEADER_BYTES <= end;) {
      const size = batchSize(file, position);
      if (size < BATCH_HEADER_BYTES || position + size > end) break;
      if (size > BATCH_HEADER_BYTES) batches.push({ position, size });
      position += size;
    }
    const batch = batches[pick(batches.length)];
    if (batch === undefined) return undefined;
    const body = batch.size - BATCH_HEADER_BYTES;
    const length = Math.min(FLIPPED_BYTES, body);
    return { path, position: batch.position + BATCH_HEADER_BYTES + Math.floor((body - length) / 2), length };
  } finally {
    file.close();
  }
}

function batchSize(file: DiskFile, position: number): number {
  const header = Buffer.alloc(BATCH_HEADER_BYTES);
  return file.read(header, position) === header.length ? new BatchView(header, 0).sizeInBytes : 0;
}

/** Returns the current bytes. */
function flip(disk: Disk, target: Target): Buffer {
  const bytes = readAt(disk, target);
  if (bytes === undefined) throw new ClusterError('WRONG_STATE', `${target.path} was truncated meanwhile`);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ FLIP;
  const file = disk.open(target.path);
  try {
    file.write([bytes], target.position);
  } finally {
    file.close();
  }
  return bytes;
}

function readAt(disk: Disk, { path, position, length }: Target): Buffer | undefined {
  const file = disk.open(path);
  try {
    const bytes = Buffer.alloc(length);
    return file.read(bytes, position) === length ? bytes : undefined;
  } finally {
    file.close();
  }
}
