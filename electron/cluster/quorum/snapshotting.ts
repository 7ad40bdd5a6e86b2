/**
 * Writes snapshots of the metadata: after a number of committed bytes, or after a time with new records, each node for itself. The image does
 * not change, so it is written in steps between which the node does other work. A failed snapshot is abandoned and retried later: the log
 * still has all records.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { DiskError } from '../lib/disk.ts';
import { encodeMetadataRecord } from '../protocol/records/metadata-records.ts';
import type { MetadataLoader, SnapshotContent } from './metadata-loader.ts';
import type { CommittedBatch, RaftLog, SnapshotId, SnapshotWriter } from './raft-log.ts';

export interface SnapshottingOptions {
  readonly nodeId: number;
  readonly log: RaftLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  /** The committed metadata. */
  readonly metadata: Pick<MetadataLoader, 'snapshotContent' | 'onApplied' | 'onLoaded'>;
  /** `metadata.log.max.record.bytes.between.snapshots`. */
  readonly maxBytes: number;
  /** `metadata.log.max.snapshot.interval.ms`; 0: only by bytes. */
  readonly maxIntervalMs: number;
}

/** One step is one batch of the file: so many records or bytes, whichever comes first. */
const PIECE_RECORDS = 500;
const PIECE_BYTES = 256 * 1024;
/** Of the newest snapshot's size: so much is logged before the next, or an image of 100 MB would be written every few commits. */
const AMORTIZED_SHARE = 0.5;
const BATCH_OVERHEAD_BYTES = 61;
const RETRY_MS = 60_000;

interface Writing {
  readonly id: SnapshotId;
  readonly writer: SnapshotWriter;
  readonly records: SnapshotContent['records'];
  written: number;
  timer: Timer | undefined;
}

export class Snapshotting {
  private readonly options: SnapshottingOptions;
  /** Committed since the newest snapshot. */
  private bytes = 0;
  /** Of the newest snapshot that this node has written; 0: none yet. */
  private lastSizeBytes = 0;
  private lastTimestamp = 0;
  private due: Timer | undefined;
  private notBefore = -Infinity;
  private writing: Writing | undefined;
  private stopped = false;

  constructor(options: SnapshottingOptions) {
    this.options = options;
    options.metadata.onApplied((batches) => this.onApplied(batches));
    options.metadata.onLoaded(() => this.onLoaded());
  }

  private onApplied(batches: readonly CommittedBatch[]): void {
    const { clock, maxBytes, maxIntervalMs } = this.options;
    for (const batch of batches) {
      this.lastTimestamp = batch.timestamp;
      if (batch.control) continue;
      this.bytes += batch.values.reduce((sum, value) => sum + value.length, BATCH_OVERHEAD_BYTES);
    }
    if (this.bytes >= Math.max(maxBytes, this.lastSizeBytes * AMORTIZED_SHARE) && clock.monotonic() >= this.notBefore) this.begin();
    else if (this.bytes > 0 && maxIntervalMs > 0 && this.due === undefined) this.due = clock.setTimer(maxIntervalMs, () => this.begin());
  }

  /** Another snapshot has replaced the log of this node. */
  private onLoaded(): void {
    this.giveUp();
    this.settled();
  }

  stop(): void {
    this.stopped = true;
    this.giveUp();
    this.settled();
  }

  private settled(): void {
    this.bytes = 0;
    this.due?.cancel();
    this.due = undefined;
  }

  private begin(): void {
    if (this.stopped || this.writing !== undefined) return;
    const { log } = this.options;
    const { id, records, isComplete } = this.options.metadata.snapshotContent();
    this.settled();
    if (log.latestSnapshot !== undefined && log.latestSnapshot.endOffset >= id.endOffset) return;
    if (!isComplete) {
      this.options.logger.warn('Wrote no metadata snapshot: this node does not hold all unapplied records; the log keeps them', { ...id });
      return;
    }
    this.trying(() => {
      const writer = log.writeSnapshot(id, this.lastTimestamp);
      this.writing = { id, writer, records, written: 0, timer: undefined };
      this.later(this.writing);
    });
  }

  /** Schedules the next step after other pending work. */
  private later(writing: Writing): void {
    const { clock, log } = this.options;
    const goOn = (): void => {
      if (this.writing === writing) writing.timer = clock.setTimer(0, () => this.trying(() => this.writePiece(writing)));
    };
    const wait = log.admit(PIECE_BYTES);
    if (wait === undefined) goOn();
    else void wait.then(goOn, goOn);
  }

  private writePiece(writing: Writing): void {
    const values: Buffer[] = [];
    let bytes = 0;
    let done = false;
    while (values.length < PIECE_RECORDS && bytes < PIECE_BYTES && !done) {
      const next = writing.records.next();
      done = next.done === true;
      if (next.done === true) break;
      const value = encodeMetadataRecord(next.value);
      bytes += value.length;
      values.push(value);
    }
    writing.writer.append(values);
    writing.written += values.length;
    if (done) this.finish(writing);
    else this.later(writing);
  }

  private finish({ id, writer, written }: Writing): void {
    const { nodeId, clock, events, logger } = this.options;
    const sizeBytes = writer.finish();
    this.writing = undefined;
    this.lastSizeBytes = sizeBytes;
    const facts = { endOffset: Number(id.endOffset), epoch: id.epoch, records: written, sizeBytes };
    logger.info('Wrote a metadata snapshot', facts);
    const reason = `covers the first ${id.endOffset} records of the metadata log`;
    events({ type: 'quorum/snapshotWritten', at: clock.now(), broker: nodeId, reason, details: facts });
  }

  /** Runs a step; abandons the snapshot when the disk fails. */
  private trying(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskError) && !(error instanceof KafkaError)) throw error;
      const { logger, clock, maxBytes } = this.options;
      logger.warn('Could not write a metadata snapshot', { error, retryMs: RETRY_MS });
      this.giveUp();
      this.bytes = Math.max(this.bytes, maxBytes);
      this.notBefore = clock.monotonic() + RETRY_MS;
      this.due ??= clock.setTimer(RETRY_MS, () => this.begin());
    }
  }

  private giveUp(): void {
    const { writing } = this;
    this.writing = undefined;
    writing?.timer?.cancel();
    writing?.writer.abandon();
  }
}
