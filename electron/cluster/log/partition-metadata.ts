import type { Disk } from '../lib/disk.ts';
import { PARTITION_METADATA_FILE } from './log-files.ts';

/**
 * The file that ties a partition's directory to the id of its topic (KIP-516), so that a recreated topic does not inherit the data of the
 * deleted one. It is created with the directory and becomes durable with the first flush of the log: a power cut that takes it takes only
 * records that were never reported as durable.
 */

/** Undefined when the directory has none yet. Throws when the file is malformed. */
export function readPartitionMetadata(disk: Disk, directory: string): string | undefined {
  const path = pathIn(directory);
  if (!disk.exists(path)) return undefined;
  const match = /^version: 0\r?\ntopic_id: ([\w-]{22})\s*$/.exec(disk.readFile(path).toString('utf8'));
  if (match === null) throw new Error(`${path}: neither version nor topic id can be read`);
  return match[1];
}

/** Writes the file into a directory that has none. */
export function makePartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  const file = disk.open(pathIn(directory), { create: true });
  try {
    file.write([content(topicId)], 0);
  } finally {
    file.close();
  }
}

/** Makes it durable, whatever of it there is by now. */
export function syncPartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  const file = disk.open(pathIn(directory), { create: true });
  try {
    if (file.size() === 0) file.write([content(topicId)], 0);
    file.sync();
  } finally {
    file.close();
  }
}

/** Durable on return. */
export function writePartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  disk.writeFileAtomic(pathIn(directory), content(topicId));
}

function content(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}\n`);
}
function pathIn(directory: string): string {
  return `${directory}/${PARTITION_METADATA_FILE}`;
}
