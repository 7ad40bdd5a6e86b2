/**
 * The log that Raft replicates, as Raft sees it: whole record batches with an epoch, in offset order. On disk it is
 * `metadata-log.ts`; tests keep one in memory.
 */
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
  /** Appends batches as a leader sent them. Throws, with nothing appended, when they are damaged or do not follow on. */
  appendReplicated(batches: Buffer): void;
  /** Makes everything appended durable. */
  flush(): void;
  /** Removes all records from `offset` on, durably. */
  truncate(offset: bigint): void;
  /** Whole batches from the one that holds `from`, about `maxBytes` of them and at least one; empty at the end of the log. */
  read(from: bigint, maxBytes: number): Buffer;
  /** The batches of [from, to), opened, a bounded number at a time: call again from the last one's `lastOffset + 1`. */
  readBatches(from: bigint, to: bigint): CommittedBatch[];
  /** The newest snapshot: what all records below its end amount to. Undefined: there is none. */
  readonly latestSnapshot: SnapshotId | undefined;
  /** The oldest one kept. Where the log does not begin at 0 it begins at its end. */
  readonly earliestSnapshot: SnapshotId | undefined;
  /** A slice of a snapshot as it is sent; undefined when there is no such snapshot. Throws POSITION_OUT_OF_RANGE. */
  readSnapshot(id: SnapshotId, position: bigint, maxBytes: number): { size: bigint; bytes: Buffer } | undefined;
  /** The records of a snapshot, some at a time. Throws CORRUPT_MESSAGE where it is damaged. */
  snapshotRecords(id: SnapshotId): Iterable<readonly Uint8Array[]>;
  /**
   * Begins to write a snapshot of what is committed; `timestamp`: wall-clock ms of the last record in it. When it is finished, and
   * durable, the beginning of the log goes.
   */
  writeSnapshot(id: SnapshotId, timestamp: number): SnapshotWriter;
  /** Begins to take in a leader's snapshot. When it is finished, and durable, it replaces all of the log. */
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
  /** Lets go of it; safe after `finish`. */
  abandon(): void;
}

export interface SnapshotReceiver {
  /** How many bytes have come. */
  readonly position: number;
  append(bytes: Uint8Array): void;
  /**
   * The records of what has come, batch by batch, once all of it has; each batch is checked before it is yielded, and after the last one `finish`
   * checks nothing again. Throws CORRUPT_MESSAGE when it is not whole.
   */
  records(): Iterable<Uint8Array[]>;
  /** Makes it durable and valid. Throws CORRUPT_MESSAGE, having let go of it, when it is not whole. */
  finish(): void;
  /** Lets go of it; safe after `finish`. */
  abandon(): void;
}

export interface EpochEnd {
  epoch: number;
  endOffset: bigint;
}

/** What opens an epoch in the log (KIP-595). */
export interface LeaderChange {
  leaderId: number;
  voters: readonly number[];
  grantingVoters: readonly number[];
}

export interface CommittedBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly epoch: number;
  /** Wall-clock milliseconds at the leader that wrote it. */
  readonly timestamp: number;
  /** Raft's own (LeaderChange); `values` is empty then. */
  readonly control: boolean;
  readonly values: readonly Uint8Array[];
}
