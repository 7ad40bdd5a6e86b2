/**
 * The log that Raft replicates, as Raft sees it: whole record batches with an epoch, in offset order. On disk it is
 * `metadata-log.ts`; tests keep one in memory.
 */

/** Bounds the size that a corrupt batch may claim. No decision is larger than half of it. */
export const MAX_METADATA_BATCH_BYTES = 64 * 1024 ** 2;

export interface RaftLog {
  /** First offset held; above 0 once a snapshot has replaced the beginning. */
  readonly startOffset: bigint;
  /** Offset that the next record gets. */
  readonly endOffset: bigint;
  /** Everything below it survives a power cut. */
  readonly flushedOffset: bigint;
  /** Epoch of the last record; 0 when empty. */
  readonly lastEpoch: number;
  /** The largest epoch ≤ `epoch` in the log and the offset after its last record; {0, startOffset} when there is none. */
  endOffsetForEpoch(epoch: number): EpochEnd;
  /** Appends one data batch as leader of `epoch`; returns its base offset. */
  append(epoch: number, timestamp: number, values: readonly Uint8Array[]): bigint;
  /** Appends the LeaderChange control batch that opens an epoch; returns its offset. */
  appendLeaderChange(epoch: number, timestamp: number, change: LeaderChange): bigint;
  /** Appends batches of a leader. Throws, with nothing appended, when they are corrupt or not contiguous. */
  appendReplicated(batches: Buffer): void;
  /** Makes all appended records durable. */
  flush(): void;
  /** Removes all records from `offset` on, durably. */
  truncate(offset: bigint): void;
  /** Whole batches from the one that holds `from`, about `maxBytes` of them and at least one; empty at the end of the log. */
  read(from: bigint, maxBytes: number): Buffer;
  /** The batches of [from, to), decoded, a bounded number at a time: call again from the last one's `lastOffset + 1`. */
  readBatches(from: bigint, to: bigint): CommittedBatch[];
  /** The newest snapshot: the state of all records below its end. Undefined: none. */
  readonly latestSnapshot: SnapshotId | undefined;
  /** The oldest snapshot kept. A log that does not begin at 0 begins at the end of this snapshot. */
  readonly earliestSnapshot: SnapshotId | undefined;
  /** A slice of a snapshot as it is sent; undefined for an unknown snapshot. Throws POSITION_OUT_OF_RANGE. */
  readSnapshot(id: SnapshotId, position: bigint, maxBytes: number): { size: bigint; bytes: Buffer } | undefined;
  /** The records of a snapshot, some at a time. Throws CORRUPT_MESSAGE. */
  snapshotRecords(id: SnapshotId): Iterable<readonly Uint8Array[]>;
  /**
   * Begins to write a snapshot of the committed state; `timestamp`: wall-clock ms of its last record. Once it is finished and durable, the
   * beginning of the log is deleted.
   */
  writeSnapshot(id: SnapshotId, timestamp: number): SnapshotWriter;
  /** Begins to receive a leader's snapshot. Once it is finished and durable, it replaces the whole log. */
  receiveSnapshot(id: SnapshotId): SnapshotReceiver;
  /** See `Disk.admit`. */
  admit(bytes: number): Promise<void> | undefined;
  close(): void;
}

/** A snapshot holds everything below `endOffset`; `epoch` is that of the last record in it (KIP-630). */
export interface SnapshotId {
  readonly endOffset: bigint;
  readonly epoch: number;
}

export function isNewerSnapshot(a: SnapshotId, b: SnapshotId): boolean {
  return a.endOffset > b.endOffset || (a.endOffset === b.endOffset && a.epoch > b.epoch);
}

export interface SnapshotWriter {
  append(values: readonly Uint8Array[]): void;
  /** Makes it durable and valid; returns its size in bytes. */
  finish(): number;
  /** Closes and removes the file; safe after `finish`. */
  abandon(): void;
}

export interface SnapshotReceiver {
  /** Bytes received. */
  readonly position: number;
  append(bytes: Uint8Array): void;
  /**
   * The records of a completely received snapshot, batch by batch; each batch is checked before it is yielded, and after the last one `finish`
   * does not check again. Throws CORRUPT_MESSAGE when the snapshot is incomplete.
   */
  records(): Iterable<Uint8Array[]>;
  /** Makes it durable and valid. Throws CORRUPT_MESSAGE, with the file removed, when it is incomplete. */
  finish(): void;
  /** Closes and removes the file; safe after `finish`. */
  abandon(): void;
}

export interface EpochEnd {
  epoch: number;
  endOffset: bigint;
}

/** The record that opens an epoch in the log (KIP-595). */
export interface LeaderChange {
  leaderId: number;
  voters: readonly number[];
  grantingVoters: readonly number[];
}

export interface CommittedBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly epoch: number;
  /** Wall-clock milliseconds of the leader that wrote it. */
  readonly timestamp: number;
  /** A control batch of Raft (LeaderChange); `values` is then empty. */
  readonly control: boolean;
  readonly values: readonly Uint8Array[];
}
