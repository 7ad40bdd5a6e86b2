/**
 * Corrupts closed segments on a machine whose node is down, and records which replicas have not been repaired since. Nothing is guaranteed for a
 * segment that two replicas lack at the same time, so only one replica of a partition is corrupted at a time.
 */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { CorruptBatchError } from '../../electron/cluster/log/corruption.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { readLog, replicasOf } from './inspect.ts';
import { DATA, type Machine } from './machine.ts';
import type { Hole, Watch } from './watch.ts';

export type SegmentDamage = 'lost' | 'emptied' | 'cut' | 'flipped';
export const SEGMENT_DAMAGES: readonly SegmentDamage[] = ['lost', 'emptied', 'cut', 'flipped'];

interface Closed {
  readonly topic: string;
  readonly partition: number;
  readonly path: string;
  readonly baseOffset: bigint;
  /** Where the next segment starts. */
  readonly endOffset: bigint;
}

export class Segments {
  private readonly machines: readonly Machine[];
  private readonly watch: Watch;
  private readonly random: Random;
  private readonly trace: (text: string) => void;
  /** By partition: the machine of the replica that was corrupted last. */
  private readonly damaged = new Map<string, { machine: Machine; topic: string; partition: number }>();

  constructor(options: { machines: readonly Machine[]; watch: Watch; random: Random; trace: (text: string) => void }) {
    this.machines = options.machines;
    this.watch = options.watch;
    this.random = options.random;
    this.trace = options.trace;
  }

  /** `killed`: the node did not stop cleanly, so unflushed records are cut off where they are corrupt. */
  damage(machine: Machine, way: SegmentDamage, killed: boolean): void {
    const unsettled = this.unsettled();
    const eligible = closedSegments(machine).filter(({ topic, partition }) => !unsettled.includes(`${topic}-${partition}`));
    const victim = eligible[this.random.int(Math.max(1, eligible.length))];
    if (victim === undefined) return;
    const { topic, partition, path, baseOffset: from, endOffset: to } = victim;
    const { disk } = machine;
    const batches = [...iterateBatches(disk.readFile(path))];
    const batch = batches[this.random.int(batches.length)];
    if (batch === undefined) return;
    this.trace(`SEGMENT ${machine.name} ${path} ${way}, batch at ${batch.position}`);
    if (way === 'lost') {
      disk.remove(path);
      disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    } else {
      const file = disk.open(path);
      if (way === 'flipped') {
        // Only bytes that the checksum of a batch covers: a flipped bit in the offset or the epoch before it is undetectable.
        const at = batch.position + 17 + this.random.int(batch.sizeInBytes - 17);
        const byte = new Uint8Array(1);
        file.read(byte, at);
        file.write([Uint8Array.of((byte[0] ?? 0) ^ (1 << this.random.int(8)))], at);
      } else file.truncate(way === 'emptied' ? 0 : batch.position);
      file.sync();
      file.close();
    }
    this.damaged.set(`${topic}-${partition}`, { machine, topic, partition });
    this.watch.segmentDamaged(topic, partition, { id: machine.id, from, to });
    if (killed) this.watch.tailDamaged(topic, partition, machine.id);
  }

  /** Whether another assigned replica holds all records of the hole on its disk. One replica of a partition is corrupted at a time. */
  isHeldElsewhere(topic: string, partition: number, { id, to }: Hole): boolean {
    const replicas = this.watch.image?.topics.get(topic)?.partitions[partition]?.replicas ?? [];
    return this.machines.some(
      (machine) => machine.id !== id && replicas.includes(machine.id) && endOnDisk(machine, `${topic}-${partition}`) >= to,
    );
  }

  /** Partitions with a replica that is not whole, as far as known: a replica that is down is unknown. */
  unsettled(): string[] {
    return [...this.damaged.keys()].filter((key) => !this.isSettled(key));
  }

  private isSettled(key: string): boolean {
    const found = this.damaged.get(key);
    if (found === undefined) return true;
    if (!this.isWhole(found)) return false;
    this.damaged.delete(key);
    this.watch.segmentsWhole(key);
    return true;
  }

  private isWhole(found: { machine: Machine; topic: string; partition: number }): boolean {
    const { machine, topic, partition } = found;
    const { node, running, ready, departed } = machine;
    if (departed) return true;
    if (node === undefined || !running || !ready) return false;
    const replicas = this.watch.image?.topics.get(topic)?.partitions[partition]?.replicas ?? [];
    const replica = replicasOf(node)?.partition(topic, partition);
    if (!replicas.includes(machine.id)) return true;
    return replica !== undefined && replica.log.corruptSegments.length === 0 && isReadable(replica);
  }
}

/** A read of the whole log finds flipped bits. */
function isReadable(replica: Parameters<typeof readLog>[0]): boolean {
  try {
    readLog(replica, replica.log.logEndOffset);
    return true;
  } catch (error) {
    if (error instanceof CorruptBatchError) return false;
    throw error;
  }
}

function closedSegments({ disk }: Machine): Closed[] {
  const found: Closed[] = [];
  for (const name of disk.exists(DATA) ? disk.list(DATA) : []) {
    const [, topic, partition] = /^(.*)-(\d+)$/.exec(name) ?? [];
    const directory = `${DATA}/${name}`;
    if (topic === undefined || topic === '__cluster_metadata' || !disk.isDirectory(directory)) continue;
    const logs = disk.list(directory).filter((file) => file.endsWith('.log'));
    for (const [index, file] of logs.slice(0, -1).entries()) {
      const path = `${directory}/${file}`;
      const baseOffset = BigInt(file.slice(0, -'.log'.length));
      const endOffset = BigInt((logs[index + 1] as string).slice(0, -'.log'.length));
      if (disk.size(path) > 0) found.push({ topic, partition: Number(partition), path, baseOffset, endOffset });
    }
  }
  return found;
}

/** Offset after the last batch of a replica's log, 0 where there is none. */
function endOnDisk({ disk }: Machine, name: string): bigint {
  const directory = `${DATA}/${name}`;
  const last = disk.isDirectory(directory) ? disk.list(directory).findLast((file) => file.endsWith('.log')) : undefined;
  if (last === undefined) return 0n;
  let end = BigInt(last.slice(0, -'.log'.length));
  for (const { lastOffset } of iterateBatches(disk.readFile(`${directory}/${last}`))) end = lastOffset + 1n;
  return end;
}
