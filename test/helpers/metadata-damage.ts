import type { Disk } from '../../electron/cluster/lib/disk.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';

export const METADATA_WAYS = ['missing', 'empty', 'cut', 'flipped'] as const;
export type MetadataWay = (typeof METADATA_WAYS)[number];

/** Damages a file of a node that is down, durably. A log is cut where a batch ends: nothing in the file shows it. */
export function damageFile(disk: Disk, path: string, way: MetadataWay, random: Random): void {
  if (way === 'missing') {
    disk.remove(path);
    disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    return;
  }
  const bytes = disk.readFile(path);
  if (way === 'empty') disk.writeFileAtomic(path, Buffer.alloc(0));
  else if (way === 'cut') {
    const ends = path.endsWith('.log') ? [...iterateBatches(bytes)].map(({ position }) => position) : [bytes.length >> 1];
    disk.writeFileAtomic(path, bytes.subarray(0, ends[random.int(Math.max(1, ends.length))] ?? 0));
  } else if (bytes.length > 0) {
    const at = random.int(bytes.length);
    bytes[at] = (bytes[at] as number) ^ 0xff;
    disk.writeFileAtomic(path, bytes);
  }
}

/** Damages one file of a metadata directory, or removes all of it. Returns what it did. */
export function damageMetadata(disk: Disk, directory: string, random: Random): string {
  const names = disk.list(directory).filter((name) => /\.log$|\.checkpoint$|^quorum-state$|^acknowledged-end$/.test(name));
  const name = names[random.int(names.length + 1)];
  if (name === undefined) {
    disk.remove(directory);
    disk.syncDirectory(directory.slice(0, directory.lastIndexOf('/')));
    return `${directory} removed`;
  }
  const way = METADATA_WAYS[random.int(METADATA_WAYS.length)] as MetadataWay;
  damageFile(disk, `${directory}/${name}`, way, random);
  return `${name} ${way}`;
}
