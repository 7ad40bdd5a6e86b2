/**
 * The metadata log on disk: `__cluster_metadata-0`, an ordinary Kafka log that `kafka-dump-log --cluster-metadata-decoder` reads. Records
 * are metadata records in Kafka's framing; each epoch opens with a LeaderChange control batch.
 */
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../log/log-config.ts';
import { Log } from '../log/log.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { iterateBatches } from '../protocol/record-batch.ts';
import { encodeControlRecord } from '../protocol/records/control-records.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import type { CommittedBatch, EpochEnd, LeaderChange, RaftLog } from './raft-log.ts';

export const METADATA_DIRECTORY = '__cluster_metadata-0';

/** One segment's worth of metadata is plenty; nothing is ever deleted, since there are no snapshots to stand in for it. */
const CONFIG: LogConfig = { ...DEFAULT_LOG_CONFIG, segmentBytes: 64 * 1024 ** 2, retentionMs: -1, retentionBytes: -1 };
const READ_BYTES = 1024 * 1024;
/** No single decision is larger; a bound for what a damaged batch might claim to hold. */
const MAX_BATCH_BYTES = 64 * 1024 ** 2;

export class MetadataLog implements RaftLog {
  private readonly log: Log;
  private readonly disk: Disk;

  private constructor(log: Log, disk: Disk) {
    this.log = log;
    this.disk = disk;
  }

  /** Opens or makes the log in `dataDirectory`. All of it is checked: a torn end is cut off. Throws KafkaError KAFKA_STORAGE_ERROR. */
  static open(options: { disk: Disk; dataDirectory: string; clock: Clock; logger: Logger }): MetadataLog {
    const { disk, dataDirectory, clock, logger } = options;
    makeDurableDirectory(disk, dataDirectory, METADATA_DIRECTORY);
    const log = Log.open({
      disk,
      directory: `${dataDirectory}/${METADATA_DIRECTORY}`,
      clock,
      logger,
      config: CONFIG,
      cleanShutdown: false,
    });
    // After a crash of the process alone, the end may be in the operating system's memory only; a vote counts on it being durable.
    log.flush();
    return new MetadataLog(log, disk);
  }

  get startOffset(): bigint {
    return this.log.logStartOffset;
  }
  get endOffset(): bigint {
    return this.log.logEndOffset;
  }
  get flushedOffset(): bigint {
    return this.log.recoveryPoint;
  }
  get lastEpoch(): number {
    return Math.max(0, this.log.latestEpoch);
  }

  endOffsetForEpoch(epoch: number): EpochEnd {
    const starts = this.log.epochStarts;
    const index = starts.findLastIndex((start) => start.epoch <= epoch);
    const found = starts[index];
    if (found === undefined) return { epoch: 0, endOffset: this.startOffset };
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
  }

  truncate(offset: bigint): void {
    this.log.truncateTo(offset);
    this.log.flush();
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
          for (const record of decodeRecords(batch, MAX_BATCH_BYTES)) if (record.value !== null) values.push(record.value);
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

  admit(bytes: number): Promise<void> | undefined {
    return this.disk.admit(bytes);
  }

  close(): void {
    this.log.close();
  }
}

/** A vote in a file counts for nothing when a power cut can take the directory that the file is in. */
function makeDurableDirectory(disk: Disk, dataDirectory: string, name: string): void {
  disk.makeDirectory(`${dataDirectory}/${name}`);
  disk.syncDirectory(dataDirectory);
  const slash = dataDirectory.lastIndexOf('/');
  if (slash >= 0) disk.syncDirectory(dataDirectory.slice(0, slash) || '/');
}
