/**
 * The metadata log on disk: `__cluster_metadata-0`, a Kafka log that `kafka-dump-log --cluster-metadata-decoder` reads. Records are metadata
 * records in Kafka's framing; each epoch opens with a LeaderChange control batch. Once two snapshots cover its beginning, the log starts at
 * the end of the older one: a follower that is not far behind needs no snapshot.
 */
import type { Clock } from '../lib/clock.ts';
import { DiskError, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../log/log-config.ts';
import { openLog, type Log } from '../log/log.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { iterateBatches } from '../protocol/record-batch.ts';
import { encodeControlRecord } from '../protocol/records/control-records.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { AcknowledgedEndFile } from './acknowledged-end.ts';
import { METADATA_DIRECTORY, prepareMetadataDirectory } from './metadata-directory.ts';
import { MetadataSnapshots } from './metadata-snapshots.ts';
import {
  MAX_METADATA_BATCH_BYTES,
  type CommittedBatch,
  type EpochEnd,
  type LeaderChange,
  type RaftLog,
  type SnapshotId,
  type SnapshotReceiver,
  type SnapshotWriter,
} from './raft-log.ts';

/** Retention by age or size is off: snapshots alone decide what is deleted. */
const CONFIG: LogConfig = { ...DEFAULT_LOG_CONFIG, segmentBytes: 64 * 1024 ** 2, retentionMs: -1, retentionBytes: -1 };
const READ_BYTES = 1024 * 1024;

export class MetadataLog implements RaftLog {
  private readonly log: Log;
  private readonly snapshots: MetadataSnapshots;
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly acknowledged: AcknowledgedEndFile;
  private readonly logger: Logger;

  private constructor(
    log: Log,
    snapshots: MetadataSnapshots,
    acknowledged: AcknowledgedEndFile,
    options: { disk: Disk; clock: Clock; logger: Logger },
  ) {
    this.log = log;
    this.snapshots = snapshots;
    this.acknowledged = acknowledged;
    this.disk = options.disk;
    this.logger = options.logger;
    this.clock = options.clock;
  }

  /**
   * Opens or creates the log in `dataDirectory`. All of it is checked: a torn end is truncated, a corrupt snapshot is not used. `inspectMetadata`
   * checks before whether acknowledged records are missing. Throws KafkaError KAFKA_STORAGE_ERROR, also when neither the log nor a snapshot
   * holds the beginning of the metadata.
   */
  static open(options: { disk: Disk; dataDirectory: string; clock: Clock; logger: Logger }): MetadataLog {
    const { disk, dataDirectory, clock, logger } = options;
    const directory = `${dataDirectory}/${METADATA_DIRECTORY}`;
    prepareMetadataDirectory(disk, dataDirectory);
    const snapshots = openSnapshots(disk, directory, logger);
    const { latest, earliest } = snapshots;
    const logStartOffset = snapshots.count > 1 ? earliest?.endOffset : undefined;
    const log = openLog({ disk, directory, clock, logger, config: CONFIG, cleanShutdown: false, logStartOffset });
    if ((latest?.endOffset ?? 0n) < log.logStartOffset) {
      throw new KafkaError(
        ErrorCode.KAFKA_STORAGE_ERROR,
        `${directory} begins at offset ${log.logStartOffset}, and no snapshot that can be read holds what was before; remove this ` +
          `node's data, and it will take the metadata from the others`,
      );
    }
    const acknowledged = new AcknowledgedEndFile(disk, directory, { clock, logger });
    // The node ended after it had received a leader's snapshot and before it had removed the log that it replaces. Lowered first, as there.
    if (latest !== undefined && (latest.epoch > log.latestEpoch || latest.endOffset > log.logEndOffset)) {
      acknowledged.write(latest.endOffset, latest.epoch, true);
      log.truncateFullyAndStartAt(latest.endOffset);
    }
    snapshots.removeOld(log.logStartOffset);
    const opened = new MetadataLog(log, snapshots, acknowledged, options);
    // After a crash of the process, the end may be in the page cache only; a vote relies on it being durable.
    opened.flush();
    return opened;
  }

  get startOffset(): bigint {
    return this.log.logStartOffset;
  }
  get endOffset(): bigint {
    return this.log.logEndOffset;
  }
  get flushedOffset(): bigint {
    // A roll flushes too: records beyond the acknowledged end are not acknowledged yet.
    const { recoveryPoint } = this.log;
    return recoveryPoint < this.acknowledged.endOffset ? recoveryPoint : this.acknowledged.endOffset;
  }
  get lastEpoch(): number {
    return Math.max(0, this.log.latestEpoch, this.snapshots.latest?.epoch ?? 0);
  }

  endOffsetForEpoch(epoch: number): EpochEnd {
    const starts = this.log.epochStarts;
    const index = starts.findLastIndex((start) => start.epoch <= epoch);
    const found = starts[index];
    if (found === undefined) {
      const { earliest } = this.snapshots;
      const before = earliest?.endOffset === this.startOffset && earliest.epoch <= epoch ? earliest.epoch : 0;
      return { epoch: before, endOffset: this.startOffset };
    }
    return { epoch: found.epoch, endOffset: starts[index + 1]?.startOffset ?? this.endOffset };
  }

  append(epoch: number, timestamp: number, values: readonly Uint8Array[]): bigint {
    const batch = buildBatch({ records: values.map((value) => ({ value })), timestamp: BigInt(Math.trunc(timestamp)) });
    return this.log.appendAsLeader(batch, epoch, { origin: 'raft' }).firstOffset;
  }

  appendLeaderChange(epoch: number, timestamp: number, change: LeaderChange): bigint {
    const voters = (ids: readonly number[]): { voterId: number }[] => ids.map((voterId) => ({ voterId }));
    const record = encodeControlRecord({
      type: 'LeaderChange',
      value: { leaderId: change.leaderId, voters: voters(change.voters), grantingVoters: voters(change.grantingVoters) },
    });
    const batch = buildBatch({ records: [record], timestamp: BigInt(Math.trunc(timestamp)), control: true });
    return this.log.appendAsLeader(batch, epoch, { origin: 'raft' }).firstOffset;
  }

  appendReplicated(batches: Buffer): void {
    const [first] = iterateBatches(batches);
    if (first !== undefined && first.baseOffset !== this.endOffset) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `batches at ${first.baseOffset} where ${this.endOffset} is next`);
    }
    if (this.log.appendAsFollower(batches) === undefined) {
      throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `${batches.length} bytes hold no whole batch`);
    }
  }

  flush(): void {
    this.log.flush();
    this.acknowledged.write(this.endOffset, this.lastEpoch);
  }

  truncate(offset: bigint): void {
    if (offset >= this.endOffset) return;
    // Before the log: a crash in between must not look like a loss. Above the flushed end nothing is acknowledged.
    if (offset < this.acknowledged.endOffset) {
      const epoch = offset > this.startOffset ? this.log.epochAt(offset - 1n) : (this.snapshots.earliest?.epoch ?? 0);
      this.acknowledged.write(offset, Math.max(0, epoch), true);
    }
    this.log.truncateTo(offset);
    this.log.flush();
    this.acknowledged.write(this.endOffset, this.lastEpoch, true);
  }

  read(from: bigint, maxBytes: number): Buffer {
    const { records } = this.log.read(from, maxBytes, { maxOffset: this.endOffset, minOneMessage: true });
    return records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records);
  }

  readBatches(from: bigint, to: bigint): CommittedBatch[] {
    const { records } = this.log.read(from, READ_BYTES, { maxOffset: to, minOneMessage: true });
    const batches: CommittedBatch[] = [];
    for (const chunk of records) {
      for (const batch of iterateBatches(chunk)) {
        const values: Buffer[] = [];
        if (!batch.isControl) {
          for (const record of decodeRecords(batch, MAX_METADATA_BATCH_BYTES)) if (record.value !== null) values.push(record.value);
        }
        batches.push({
          baseOffset: batch.baseOffset,
          lastOffset: batch.lastOffset,
          epoch: batch.partitionLeaderEpoch,
          timestamp: Number(batch.maxTimestamp),
          control: batch.isControl,
          values,
        });
      }
    }
    return batches;
  }

  get latestSnapshot(): SnapshotId | undefined {
    return this.snapshots.latest;
  }
  get earliestSnapshot(): SnapshotId | undefined {
    return this.snapshots.earliest;
  }

  readSnapshot(id: SnapshotId, position: bigint, maxBytes: number): { size: bigint; bytes: Buffer } | undefined {
    return this.snapshots.read(id, position, maxBytes);
  }

  snapshotRecords(id: SnapshotId): Iterable<readonly Uint8Array[]> {
    return this.snapshots.records(id);
  }

  writeSnapshot(id: SnapshotId, timestamp: number): SnapshotWriter {
    return this.snapshots.write(id, timestamp, () => this.cutHead());
  }

  receiveSnapshot(id: SnapshotId): SnapshotReceiver {
    return this.snapshots.receive(id, () => {
      this.acknowledged.write(id.endOffset, id.epoch, true);
      this.log.truncateFullyAndStartAt(id.endOffset);
      this.log.flush();
      this.snapshots.keepOnly(id);
    });
  }

  /** Deletes the segments that two snapshots cover. The active segment is rolled, so that it can be deleted with the next snapshot. */
  private cutHead(): void {
    const { log, snapshots } = this;
    log.roll();
    snapshots.removeOld();
    if (snapshots.count < 2 || snapshots.earliest === undefined) return;
    const { endOffset } = snapshots.earliest;
    log.updateHighWatermark(endOffset);
    log.maybeIncrementLogStartOffset(endOffset);
    log.applyRetention(this.clock.now());
  }

  admit(bytes: number): Promise<void> | undefined {
    return this.disk.admit(bytes);
  }

  close(): void {
    const isUsable = this.log.isUsable;
    this.log.close();
    try {
      if (isUsable) this.acknowledged.write(this.endOffset, this.lastEpoch, true);
      this.acknowledged.close();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.warn('Could not write the end of the metadata log; an older, lower one remains', { error });
    }
  }
}

function openSnapshots(disk: Disk, directory: string, logger: Logger): MetadataSnapshots {
  try {
    const snapshots = new MetadataSnapshots(disk, directory, logger);
    // A power cut may have restored some.
    snapshots.removeOld();
    return snapshots;
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, `${directory} cannot be read: ${cause.message}`, { cause });
  }
}
