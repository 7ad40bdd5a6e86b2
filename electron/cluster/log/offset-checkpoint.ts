import type { Disk } from '../lib/disk.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';

/** One offset for each partition of a data directory, in Kafka's text form: `topic partition offset` by line. */
export class OffsetCheckpoint {
  private readonly disk: Disk;
  private readonly path: string;
  private written: string | undefined;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  /** By `partitionKey`; empty when there is no file. Throws when the file is incomplete. */
  read(): Map<string, bigint> {
    const offsets = new Map<string, bigint>();
    for (const line of readCheckpoint(this.disk, this.path) ?? []) {
      const match = /^(\S+) (\d+) (\d+)$/.exec(line);
      if (match === null) throw new Error(`${this.path}: not an entry: ${line}`);
      offsets.set(partitionKey(match[1] as string, Number(match[2])), BigInt(match[3] as string));
    }
    return offsets;
  }

  /** Durable on return; does nothing when no offset has changed since the last write. */
  write(entries: Iterable<{ topic: string; partition: number; offset: bigint }>): void {
    const lines: string[] = [];
    for (const { topic, partition, offset } of entries) lines.push(`${topic} ${partition} ${offset}`);
    const text = lines.join('\n');
    if (text === this.written) return;
    writeCheckpoint(this.disk, this.path, lines);
    this.written = text;
  }
}

/** A partition's name, which is also the name of its directory. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}
