import type { Disk } from '../lib/disk.ts';

/** Text files in Kafka's checkpoint format: a version line, a count line, then one line per entry. */

/** The lines of a checkpoint; undefined when there is no such file. Throws when it is not whole. */
export function readCheckpoint(disk: Disk, path: string): string[] | undefined {
  if (!disk.exists(path)) return undefined;
  const lines = disk.readFile(path).toString('utf8').split('\n');
  const [version, count, ...entries] = lines;
  if (version?.trim() !== '0') throw new Error(`${path}: version ${version ?? ''} is not 0`);
  const expected = Number(count);
  // An entry without a line end may be torn.
  if (entries.pop() !== '') throw new Error(`${path}: it does not end with a line`);
  if (!Number.isInteger(expected) || entries.length !== expected)
    throw new Error(`${path}: ${entries.length} entries, ${count ?? '?'} announced`);
  return entries;
}

export function writeCheckpoint(disk: Disk, path: string, entries: readonly string[]): void {
  disk.writeFileAtomic(path, Buffer.from(['0', String(entries.length), ...entries, ''].join('\n')));
}
