import type { Disk } from '../lib/disk.ts';
import { PARTITION_METADATA_FILE } from './log-files.ts';

/** The file that ties a partition's directory to the id of its topic (KIP-516), so that a recreated topic does not inherit the old one's data. */

/** Undefined when the directory has none yet. Throws when the file is not what it should be. */
export function readPartitionMetadata(disk: Disk, directory: string): string | undefined {
  const path = `${directory}/${PARTITION_METADATA_FILE}`;
  if (!disk.exists(path)) return undefined;
  const match = /^version: 0\r?\ntopic_id: ([\w-]{22})\s*$/.exec(disk.readFile(path).toString('utf8'));
  if (match === null) throw new Error(`${path}: neither version nor topic id can be read`);
  return match[1];
}

export function writePartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  disk.writeFileAtomic(`${directory}/${PARTITION_METADATA_FILE}`, Buffer.from(`version: 0\ntopic_id: ${topicId}\n`));
}
