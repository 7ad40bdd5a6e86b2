import type {
  CommittedBatch,
  EpochEnd,
  RaftLog,
  SnapshotId,
  SnapshotReceiver,
  SnapshotWriter,
} from '../../electron/cluster/quorum/raft-log.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../electron/cluster/protocol/kafka-error.ts';

/** A Raft log in memory. `crash` loses what was not flushed. Batches cross the wire as JSON. */
export class MemoryRaftLog implements RaftLog {
  batches: CommittedBatch[] = [];
  private flushed = 0n;
  /** Lower than `flushed` on a disk that lies. */
  private durable = 0n;
  private readonly honest: boolean;
  startOffset = 0n;
  /** Oldest first; the two newest are kept, as on disk. */
  snapshots: { id: SnapshotId; bytes: Buffer }[] = [];

  /** One that is not honest says that it has flushed, and has not. */
  constructor(honest = true) {
    this.honest = honest;
  }

  get endOffset(): bigint {
    const last = this.batches.at(-1);
    return last === undefined ? this.startOffset : last.lastOffset + 1n;
  }
  get flushedOffset(): bigint {
    return this.flushed;
  }
  get lastEpoch(): number {
    return this.batches.at(-1)?.epoch ?? this.latestSnapshot?.epoch ?? 0;
  }

  endOffsetForEpoch(epoch: number): EpochEnd {
    const last = this.batches.findLast((batch) => batch.epoch <= epoch);
    if (last === undefined) {
      const earliest = this.earliestSnapshot;
      const known = earliest?.endOffset === this.startOffset && earliest.epoch <= epoch;
      return { epoch: known ? earliest.epoch : 0, endOffset: this.startOffset };
    }
    return { epoch: last.epoch, endOffset: last.lastOffset + 1n };
  }

  append(epoch: number, timestamp: number, values: readonly Uint8Array[]): bigint {
    const baseOffset = this.endOffset;
    const lastOffset = baseOffset + BigInt(values.length) - 1n;
    this.batches.push({ baseOffset, lastOffset, epoch, timestamp, control: false, values });
    return baseOffset;
  }

  appendLeaderChange(epoch: number, timestamp: number): bigint {
    const baseOffset = this.endOffset;
    this.batches.push({ baseOffset, lastOffset: baseOffset, epoch, timestamp, control: true, values: [] });
    return baseOffset;
  }

  appendReplicated(bytes: Buffer): void {
    const sent = decode(bytes);
    if (sent[0]?.baseOffset !== this.endOffset) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, 'the batches do not follow on');
    this.batches.push(...sent);
  }

  flush(): void {
    this.flushed = this.endOffset;
    if (this.honest) this.durable = this.flushed;
  }

  truncate(offset: bigint): void {
    this.batches = this.batches.filter((batch) => batch.lastOffset < offset);
    if (this.flushed > this.endOffset) this.flushed = this.endOffset;
    if (this.durable > this.endOffset) this.durable = this.endOffset;
  }

  read(from: bigint, maxBytes: number): Buffer {
    const taken = this.batches.slice(this.indexOf(from), this.indexOf(from) + Math.max(1, maxBytes >> 12));
    return taken.length === 0 ? Buffer.alloc(0) : encode(taken);
  }

  readBatches(from: bigint, to: bigint): CommittedBatch[] {
    const at = this.indexOf(from);
    return this.batches.slice(at, at + 16).filter((batch) => batch.lastOffset < to);
  }

  private indexOf(offset: bigint): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.batches[middle] as CommittedBatch).lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get latestSnapshot(): SnapshotId | undefined {
    return this.snapshots.at(-1)?.id;
  }
  get earliestSnapshot(): SnapshotId | undefined {
    return this.snapshots[0]?.id;
  }

  readSnapshot(id: SnapshotId, position: bigint, maxBytes: number): { size: bigint; bytes: Buffer } | undefined {
    const found = this.find(id);
    if (found === undefined) return undefined;
    if (position >= BigInt(found.bytes.length)) throw new KafkaError(ErrorCode.POSITION_OUT_OF_RANGE, 'past the end');
    const bytes = found.bytes.subarray(Number(position), Number(position) + Math.max(1, maxBytes));
    return { size: BigInt(found.bytes.length), bytes };
  }

  snapshotRecords(id: SnapshotId): Buffer[][] {
    const found = this.find(id);
    if (found === undefined) throw new Error(`no snapshot ${id.endOffset}-${id.epoch}`);
    return [(JSON.parse(found.bytes.toString()) as string[]).map((value) => Buffer.from(value))];
  }

  writeSnapshot(id: SnapshotId): SnapshotWriter {
    const values: string[] = [];
    return {
      append: (more) => values.push(...more.map((value) => Buffer.from(value).toString())),
      finish: () => {
        const bytes = Buffer.from(JSON.stringify(values));
        this.snapshots = [...this.snapshots, { id, bytes }].slice(-2);
        const earliest = this.snapshots.length < 2 ? undefined : this.snapshots[0];
        if (earliest !== undefined) {
          this.batches = this.batches.filter((batch) => batch.lastOffset >= earliest.id.endOffset);
          this.startOffset = earliest.id.endOffset;
        }
        return bytes.length;
      },
      abandon: () => undefined,
    };
  }

  receiveSnapshot(id: SnapshotId): SnapshotReceiver {
    let bytes: Buffer = Buffer.alloc(0);
    return {
      get position() {
        return bytes.length;
      },
      append: (more) => {
        bytes = Buffer.concat([bytes, more]);
      },
      records: () => [],
      finish: () => {
        this.snapshots = [{ id, bytes }];
        this.batches = [];
        this.startOffset = this.flushed = this.durable = id.endOffset;
      },
      abandon: () => undefined,
    };
  }

  private find(id: SnapshotId): { id: SnapshotId; bytes: Buffer } | undefined {
    return this.snapshots.find((one) => one.id.endOffset === id.endOffset && one.id.epoch === id.epoch);
  }

  admit(): undefined {
    return undefined;
  }
  close(): void {
    this.flush();
  }

  /** Power is cut: what was not flushed is gone. A snapshot that goes further than the log replaces it. */
  crash(): void {
    this.truncate(this.durable);
    const latest = this.snapshots.at(-1);
    if (latest === undefined || latest.id.endOffset <= this.endOffset) return;
    this.snapshots = [latest];
    this.batches = [];
    this.startOffset = this.flushed = this.durable = latest.id.endOffset;
  }
}

function encode(batches: readonly CommittedBatch[]): Buffer {
  const plain = batches.map((batch) => [
    String(batch.baseOffset),
    String(batch.lastOffset),
    batch.epoch,
    batch.timestamp,
    batch.control,
    batch.values.map((value) => Buffer.from(value).toString('base64')),
  ]);
  return Buffer.from(JSON.stringify(plain));
}

function decode(bytes: Buffer): CommittedBatch[] {
  const plain = JSON.parse(bytes.toString()) as [string, string, number, number, boolean, string[]][];
  return plain.map(([baseOffset, lastOffset, epoch, timestamp, control, values]) => ({
    baseOffset: BigInt(baseOffset),
    lastOffset: BigInt(lastOffset),
    epoch,
    timestamp,
    control,
    values: values.map((value) => Buffer.from(value, 'base64')),
  }));
}
