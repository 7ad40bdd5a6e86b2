import type { Disk } from '../lib/disk.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { LEADER_EPOCH_FILE } from './log-files.ts';

export interface EpochStart {
  epoch: number;
  startOffset: bigint;
}

export interface EpochEnd {
  /** −1 when the requested epoch is newer than all known ones. */
  leaderEpoch: number;
  /** Exclusive; −1 with leaderEpoch −1. */
  endOffset: bigint;
}

/**
 * Which leader epoch started at which offset (KIP-101, KIP-279), by which a replica finds where its log diverges from the leader's.
 * Both columns ascend strictly. Changes stay in memory until `save`; a crash before that loses nothing, since recovery reads
 * the epochs of unflushed batches from the batches.
 */
export class LeaderEpochs {
  private readonly disk: Disk;
  private readonly path: string;
  private entries: EpochStart[] = [];
  private dirty = false;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.path = `${directory}/${LEADER_EPOCH_FILE}`;
  }

  /** Restores entries that are known to be in the checkpoint. */
  restore(entries: readonly EpochStart[]): void {
    this.entries = [...entries];
    this.dirty = false;
  }

  /** Reads the checkpoint; an absent one counts as empty. Throws when it is incomplete. */
  load(): void {
    this.entries = (readCheckpoint(this.disk, this.path) ?? []).map((line) => {
      const match = /^(\d+) (\d+)$/.exec(line);
      if (match === null) throw new Error(`${this.path}: not an entry: ${line}`);
      return { epoch: Number(match[1]), startOffset: BigInt(match[2] as string) };
    });
    this.dirty = false;
  }

  /** Replaces the entries of the checkpoint with `entries`. */
  replace(entries: readonly EpochStart[]): void {
    const same =
      entries.length === this.entries.length &&
      entries.every((entry, i) => entry.epoch === this.entries[i]?.epoch && entry.startOffset === this.entries[i].startOffset);
    this.entries = [...entries];
    this.dirty ||= !same;
  }

  /** Makes the current entries durable. */
  save(): void {
    if (!this.dirty) return;
    writeCheckpoint(
      this.disk,
      this.path,
      this.entries.map((entry) => `${entry.epoch} ${entry.startOffset}`),
    );
    this.dirty = false;
  }

  get list(): readonly EpochStart[] {
    return this.entries;
  }

  /** −1 when there is none. */
  get latest(): number {
    return this.entries.at(-1)?.epoch ?? -1;
  }

  /** Records that `epoch` starts at `startOffset`, if it is newer than the latest epoch. */
  assign(epoch: number, startOffset: bigint): void {
    const last = this.entries.at(-1);
    if (epoch < 0 || (last !== undefined && epoch <= last.epoch)) return;
    // The log holds no record of an epoch that started here or later.
    while ((this.entries.at(-1)?.startOffset ?? -1n) >= startOffset) this.entries.pop();
    this.entries.push({ epoch, startOffset });
    this.dirty = true;
  }

  /**
   * Adds epochs of records of the same history that were unreadable when the others were collected, oldest first. A known epoch
   * keeps the lower of both start offsets: its first records may be removed by compaction.
   */
  learn(starts: readonly EpochStart[]): void {
    for (const { epoch, startOffset } of starts) {
      const at = this.entries.findIndex((entry) => entry.epoch >= epoch);
      const index = at < 0 ? this.entries.length : at;
      const known = this.entries[index]?.epoch === epoch;
      const next = this.entries[known ? index + 1 : index];
      const fits = (this.entries[index - 1]?.startOffset ?? -1n) < startOffset && (next === undefined || startOffset < next.startOffset);
      if (epoch < 0 || !fits || (known && (this.entries[index] as EpochStart).startOffset <= startOffset)) continue;
      this.entries.splice(index, known ? 1 : 0, { epoch, startOffset });
      this.dirty = true;
    }
  }

  /**
   * Where `epoch` ends: with the largest known epoch at or below it, and the start of the next one (the log's end for the
   * latest). For an epoch below all known ones, itself and the start of the first.
   */
  endOffset(epoch: number, logEndOffset: bigint): EpochEnd {
    const none = { leaderEpoch: -1, endOffset: -1n };
    if (epoch < 0) return none;
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: logEndOffset };
    const next = this.entries.findIndex((entry) => entry.epoch > epoch);
    const higher = this.entries[next];
    if (higher === undefined) return none;
    return { leaderEpoch: this.entries[next - 1]?.epoch ?? epoch, endOffset: higher.startOffset };
  }

  /** Epoch of the record at `offset`; −1 when it is before the first known. */
  epochAt(offset: bigint): number {
    return this.entries.findLast((entry) => entry.startOffset <= offset)?.epoch ?? -1;
  }

  /** Forgets epochs that start at or after `endOffset`. */
  truncateFromEnd(endOffset: bigint): void {
    while ((this.entries.at(-1)?.startOffset ?? -1n) >= endOffset) {
      this.entries.pop();
      this.dirty = true;
    }
  }

  /** Forgets epochs that end at or before `startOffset`; the one that holds it now starts there. */
  truncateFromStart(startOffset: bigint): void {
    const holder = this.entries.findLast((entry) => entry.startOffset <= startOffset);
    if (holder === undefined || (holder === this.entries[0] && holder.startOffset === startOffset)) return;
    this.entries = [{ epoch: holder.epoch, startOffset }, ...this.entries.filter((entry) => entry.startOffset > startOffset)];
    this.dirty = true;
  }

  clear(): void {
    this.dirty ||= this.entries.length > 0;
    this.entries = [];
  }
}
