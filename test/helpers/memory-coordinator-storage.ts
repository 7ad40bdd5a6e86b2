import type { CoordinatorStorage } from '../../electron/cluster/coordinator/storage.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../electron/cluster/protocol/kafka-error.ts';
import { BatchView, patchBatch, verifyBatch } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { decodeGroupRecord, type GroupRecord } from '../../electron/cluster/protocol/records/group-records.ts';

interface Waiting {
  nextOffset: bigint;
  resolve(): void;
  reject(error: KafkaError): void;
}

interface MemoryPartition {
  batches: Buffer[];
  end: bigint;
  committed: bigint;
  epoch: number;
  waiting: Waiting[];
}

/** A coordinator's topic in memory, as one log that whichever broker leads appends to. Commits at once unless held back. */
export class MemoryCoordinatorStorage implements CoordinatorStorage {
  count: number | undefined;
  /** While true, batches are appended but not committed. */
  hold = false;
  /** Error code of all appends from now on: refused, nothing is written. */
  refuse: number | null = null;
  /** What a read waits for before it yields. */
  readGate: Promise<void> | null = null;
  /** What coordinators passed over when they loaded. */
  readonly unreadableRecords: { partition: number; offset: bigint; count: number; reason: string }[] = [];
  private readonly partitions = new Map<number, MemoryPartition>();

  constructor(count: number | undefined = 1) {
    this.count = count;
  }

  partitionCount(): number | undefined {
    return this.count;
  }

  append(partition: number, leaderEpoch: number, batch: Buffer): { nextOffset: bigint; committed: Promise<void> } {
    const log = this.at(partition);
    if (leaderEpoch !== log.epoch) throw new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    if (this.refuse !== null) throw new KafkaError(this.refuse);
    const view = new BatchView(batch);
    const defect = verifyBatch(view);
    if (defect !== undefined) throw new Error(defect.reason);
    patchBatch(batch, 0, { baseOffset: log.end, partitionLeaderEpoch: leaderEpoch });
    log.batches.push(batch);
    log.end += BigInt(view.lastOffsetDelta + 1);
    const nextOffset = log.end;
    const committed = new Promise<void>((resolve, reject) => log.waiting.push({ nextOffset, resolve, reject }));
    if (!this.hold) this.commit(partition);
    return { nextOffset, committed };
  }

  highWatermark(partition: number): bigint {
    return this.at(partition).committed;
  }

  async *read(partition: number): AsyncIterable<Buffer> {
    const log = this.at(partition);
    const batches = [...log.batches];
    await this.readGate;
    // Two at a time, so that a buffer with more than one batch is the usual case.
    for (let i = 0; i < batches.length; i += 2) {
      await Promise.resolve();
      yield Buffer.concat(batches.slice(i, i + 2));
    }
  }

  unreadable(partition: number, records: { offset: bigint; count: number; reason: string }): void {
    this.unreadableRecords.push({ partition, ...records });
  }

  /** Commits the log up to `end`; absent: everything. */
  commit(partition: number, end = this.at(partition).end): void {
    const log = this.at(partition);
    log.committed = end;
    const waiting = log.waiting.splice(0);
    log.waiting = waiting.filter(({ nextOffset }) => nextOffset > end);
    for (const { nextOffset, resolve } of waiting) if (nextOffset <= end) resolve();
  }

  /** Fails the waits of everything uncommitted. What was appended stays in the log. */
  rejectWaiting(partition: number, code: number): void {
    for (const { reject } of this.at(partition).waiting.splice(0)) reject(new KafkaError(code));
  }

  /** A new leader epoch. `keep` false is a leader that never got what was not committed: it is gone. */
  elect(partition: number, keep = true): number {
    const log = this.at(partition);
    if (!keep) {
      log.batches = log.batches.filter((batch) => new BatchView(batch).lastOffset < log.committed);
      log.end = log.committed;
    }
    log.epoch++;
    log.committed = log.end;
    this.rejectWaiting(partition, ErrorCode.NOT_LEADER_OR_FOLLOWER);
    return log.epoch;
  }

  /** Every record of the partition. */
  records(partition: number): GroupRecord[] {
    return this.at(partition).batches.flatMap((batch) =>
      [...decodeRecords(new BatchView(batch), 1 << 20)].flatMap(({ key, value }) =>
        key === null ? [] : (decodeGroupRecord(key, value) ?? []),
      ),
    );
  }

  batches(partition: number): readonly Buffer[] {
    return this.at(partition).batches;
  }

  /** Appends committed bytes that the coordinator did not write. */
  inject(partition: number, batch: Buffer): void {
    void this.append(partition, this.at(partition).epoch, batch).committed.catch(() => undefined);
  }

  private at(partition: number): MemoryPartition {
    let log = this.partitions.get(partition);
    if (log === undefined) {
      log = { batches: [], end: 0n, committed: 0n, epoch: 0, waiting: [] };
      this.partitions.set(partition, log);
    }
    return log;
  }
}
