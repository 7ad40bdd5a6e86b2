import { DiskError } from '../lib/disk.ts';
import { runWhole } from '../lib/work-slices.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import { checkFollowerAppend, markerOf } from './append-checks.ts';
import { REPAIR_SUFFIX } from './log-files.ts';
import type { EpochStart } from './leader-epochs.ts';
import type { LogState } from './log-state.ts';
import { max } from './offsets.ts';
import { findsNoGap, OffsetRun } from './offset-gaps.ts';
import { correctProducers } from './producer-correction.ts';
import { producersAt } from './producer-loading.ts';
import { applyToProducers, REPORTED } from './producer-replay.ts';
import type { ProducerState } from './producer-state.ts';
import type { ClosedSegment } from './segment-manifest.ts';
import { replaceEach } from './segment-replacement.ts';
import { removeUnfinished } from './segment-swap.ts';
import type { Segment } from './segment.ts';

/** Scope of a repair: the oldest corrupt segment, or the whole log as it is when the repair begins. */
export type RepairScope = 'segment' | 'log';

/** A closed segment, and the one that is written to replace it. */
interface Part {
  readonly old: Segment;
  readonly endOffset: bigint;
  readonly corrupt: boolean;
  cleaned: Segment | undefined;
  /** Offset after the last batch of `cleaned`. */
  filledTo: bigint;
  /** Bytes of `cleaned` that came from the other replica. */
  fetchedBytes: number;
  /** Set when `cleaned` is complete and durable. */
  entry: ClosedSegment | undefined;
}

/**
 * Replaces corrupt closed segments with the records of another replica. The files change as they do in compaction: the old ones stay, and
 * are read, until the new ones are durable. Then a segment is unreadable until the swap, which yields, has replaced it.
 *
 * Each replica compacts by itself, so a segment of replica S among segments of replica D can restore a deleted key: S removed the tombstone
 * of the key with its value and D still has the value in an older segment, or S still has the value and D removed it with a tombstone in a
 * later segment. Two rules exclude that; the content decides which one applies, since the topic's policy may have changed.
 *
 * 1. **One segment**, where it and all later segments of D have a record at every offset. Proof: every record of these offsets that was
 *    ever written is in the log afterwards. The newest record of a key is among them, or it lies in an older segment of D, where D itself
 *    has removed a tombstone only with all older records of its key.
 * 2. **The log**: all offsets from the log's start to its end X come from S, as S was at one point in time. They are read twice. Replicas
 *    only remove records, so two readings that are equal are the state of S between both. Proof: S itself has removed a tombstone only
 *    with all older records of its key, so the state restores none. A record that S removed for a newer one at or above X is followed by
 *    that one here too: D has appended everything above X itself, as a replica that is made from S is.
 *
 * Before the first file of a whole log changes, the manifest marks all of its segments as ones that lack every record, durably; a mark is
 * removed once the new segment is in place, durably. So a crash leaves no segment of the old state that can be read: what can be read below the first marked segment is the
 * state of S, rule 1 holds for the marked ones, and none of them counts as whole before it was replaced. A reader in the middle of the log
 * sees what it would see after a change of the leader.
 *
 * A disk that cannot take the new files (no space, for example) is no failure of the log: until `finish` its own files are unchanged. Such a
 * failure is thrown as DiskError.
 */
export class SegmentRepair {
  readonly baseOffset: bigint;
  readonly endOffset: bigint;
  /** Offset to fetch from. */
  nextOffset: bigint;
  private readonly log: LogState;
  private startOffset: bigint;
  private newLogStart: bigint | undefined;
  private readonly parts: readonly Part[];
  private readonly producers: ProducerState;
  /** Leader epochs of the first reading, oldest first. */
  private readonly epochs: EpochStart[] = [];
  private run: OffsetRun;
  private readonly fillsGaps: boolean;
  /** Where in `parts` the next batch belongs. */
  private index = 0;
  /** Of the second reading: number of equal bytes of the current part. Undefined during the first. */
  private compared: number | undefined;
  private differs = false;
  /** Count of changes of the segments for which `findsNoGap` holds. */
  private gaplessAt: number | undefined;

  /** The active segment is closed first where it is to be replaced. Throws KAFKA_STORAGE_ERROR, DiskError. */
  static begin(log: LogState, scope: RepairScope): SegmentRepair | undefined {
    log.storage.assertWritable();
    const [first] = log.corruptSegments;
    if (first === undefined) return undefined;
    const { segments } = log.storage;
    if (scope === 'log' || segments.active.baseOffset === first.baseOffset) log.roll();
    const { all } = segments;
    const chosen = scope === 'log' ? all.slice(0, -1) : all.filter(({ baseOffset }) => baseOffset === first.baseOffset);
    const parts = chosen.map((old) => ({
      old,
      endOffset: all[all.indexOf(old) + 1]?.baseOffset ?? log.logEndOffset,
      corrupt: old.lack !== undefined || old.refused,
      cleaned: undefined,
      filledTo: old.baseOffset,
      fetchedBytes: 0,
      entry: undefined,
    }));
    return new SegmentRepair(log, parts, scope === 'log');
  }

  private constructor(log: LogState, parts: readonly Part[], fillsGaps: boolean) {
    const { storage, directory } = log;
    const [first, last] = [parts[0] as Part, parts.at(-1) as Part];
    this.log = log;
    this.parts = parts;
    this.fillsGaps = fillsGaps;
    this.baseOffset = first.old.baseOffset;
    this.endOffset = last.endOffset;
    this.startOffset = max(this.baseOffset, log.logStartOffset);
    this.nextOffset = this.startOffset;
    this.run = new OffsetRun(this.startOffset);
    this.producers = producersAt(storage.disk, directory, storage.segments.all, this.baseOffset);
    this.openPart(first);
  }

  /** True when nothing remains to be fetched. */
  get isComplete(): boolean {
    return this.nextOffset >= this.endOffset;
  }

  /** Of a complete first reading: every offset has a record, so compaction has removed none. */
  get hasEveryOffset(): boolean {
    return this.run.reaches(this.endOffset);
  }

  /** Of a whole log, before its first batch: records that the other replica has deleted at its log start are deleted here as well. */
  startAt(offset: bigint): void {
    if (offset <= this.startOffset || offset >= this.endOffset) return;
    this.newLogStart = offset;
    this.startOffset = offset;
    this.nextOffset = offset;
    this.run = new OffsetRun(offset);
  }

  /** Of one segment: whether rule 1 holds for those behind it. `finish` then swaps only if no segment of the log has changed since. */
  *findsNoGap(): Generator<undefined, boolean> {
    const { changes } = this.log.storage.segments;
    const found = yield* findsNoGap(this.log, this.endOffset);
    this.gaplessAt = changes;
    return found;
  }

  /** Segments of the log were replaced, cut or removed since `findsNoGap` began. */
  get hasLogChanged(): boolean {
    return this.gaplessAt !== undefined && this.gaplessAt !== this.log.storage.segments.changes;
  }

  /**
   * Writes whole batches from `nextOffset` on; those beyond the end are left out. Throws CORRUPT_MESSAGE for bytes that are no batches,
   * OFFSET_OUT_OF_RANGE for batches that do not fit into their segment, FENCED_LEADER_EPOCH for batches of another history,
   * KAFKA_STORAGE_ERROR, DiskError.
   */
  append(records: Buffer): void {
    this.log.storage.assertWritable();
    let taken: BatchView[] = [];
    const write = (): void => {
      this.write(records, taken);
      taken = [];
    };
    for (const batch of checkFollowerAppend(records)) {
      if (batch.lastOffset < this.nextOffset) continue;
      if (batch.baseOffset >= this.endOffset) {
        this.nextOffset = this.endOffset;
        break;
      }
      const isFiller = batch.recordCount === 0 && !batch.hasProducerId;
      if (isFiller || batch.baseOffset >= (this.parts[this.index] as Part).endOffset) write();
      if (!isFiller) {
        this.enter(batch);
        taken.push(batch);
      }
      this.nextOffset = batch.lastOffset + 1n;
    }
    write();
  }

  /** The other replica holds no record up to `offset`: compaction has removed them. */
  skipTo(offset: bigint): void {
    if (offset > this.nextOffset) this.nextOffset = offset;
  }

  /** Starts the second reading, which has to return the same batches. */
  compareAgain(): void {
    this.nextOffset = this.startOffset;
    this.index = 0;
    this.compared = 0;
  }

  /** Of a complete second reading. */
  get isConfirmed(): boolean {
    if (this.compared === undefined || this.differs) return false;
    const rest = this.parts.slice(this.index);
    return rest.every(({ fetchedBytes }, index) => fetchedBytes === (index === 0 ? this.compared : 0));
  }

  /**
   * Makes durable what is to be swapped, and the log behind it: recovery could not read records from segments that are marked. Requests a write
   * of the recovery point. False as `finish`. Throws KAFKA_STORAGE_ERROR, DiskError.
   */
  prepare(): boolean {
    const { log } = this;
    if (!this.isPartOfLog || this.hasLogChanged) {
      this.abandon();
      return false;
    }
    for (const part of this.parts) this.closePart(part);
    log.epochs.learn(this.epochs);
    log.flush();
    log.options.checkpointNeeded?.('recoveryPoint');
    return true;
  }

  /** See `finishInSteps`, all at once. */
  finish(): boolean {
    return runWhole(this.finishInSteps());
  }

  /**
   * Swaps the files, with yields that let other work run. False when the segments are not part of the log any more; some of them may be
   * replaced by then, and the others count as ones that lack their records. Throws KAFKA_STORAGE_ERROR, DiskError.
   */
  *finishInSteps(): Generator<undefined, boolean, undefined> {
    if (!this.prepare()) return false;
    const { log, parts } = this;
    const { storage } = log;
    const swaps = parts.map((part) => ({ old: part.old, entry: this.closePart(part) }));
    const steps = replaceEach(storage, swaps, REPAIR_SUFFIX);
    storage.guard(() => {
      storage.beginRewrite(this.baseOffset);
      log.tail.clear();
      log.replacements++;
    });
    let step = storage.guard(() => steps.next());
    // Before a reader reaches new segments without records below it: it would skip the deleted records.
    if (this.newLogStart !== undefined) log.raiseStart(this.newLogStart);
    for (; step.done !== true; step = storage.guard(() => steps.next())) yield;
    if (!step.value) {
      this.abandon();
      return false;
    }
    for (const { old, corrupt } of parts) if (corrupt) log.corruption.repaired(old);
    storage.guard(() => correctProducers(log, this.producers, this.endOffset));
    return true;
  }

  /** Removes the files written so far; the corrupt segments stay unchanged. */
  abandon(): void {
    const { directory, options, storage } = this.log;
    for (const { cleaned } of this.parts) cleaned?.release();
    if (storage.closed || storage.failure !== undefined) return;
    try {
      for (const { old, cleaned } of this.parts)
        if (cleaned !== undefined) removeUnfinished(storage.disk, directory, old.baseOffset, REPAIR_SUFFIX);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // The next repair and the next open remove them.
      options.logger.warn('files of an abandoned repair were not removed', { directory, error });
    }
  }

  /** Moves to the part that holds the batch. */
  private enter(batch: BatchView): void {
    while (batch.baseOffset >= (this.parts[this.index] as Part).endOffset) {
      const left = this.parts[this.index++] as Part;
      if (this.compared === undefined) this.closePart(left);
      else {
        this.differs ||= this.compared !== left.fetchedBytes;
        this.compared = 0;
        left.cleaned?.release();
      }
    }
    const { old, endOffset } = this.parts[this.index] as Part;
    const follows = this.nextOffset === this.startOffset || batch.baseOffset >= this.nextOffset;
    if (follows && batch.baseOffset >= old.baseOffset && batch.lastOffset < endOffset) {
      this.assertSameHistory(batch, endOffset);
      return;
    }
    const text = `offsets ${batch.baseOffset} to ${batch.lastOffset} are outside the segment ${old.baseOffset} to ${endOffset}`;
    throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, text);
  }

  /**
   * One of both replicas may not have been cut yet where its log and the leader's part; below the other's old high watermark it would still
   * send what it has there. An epoch that begins in a segment that could not be read may be unknown here.
   */
  private assertSameHistory({ baseOffset, partitionLeaderEpoch: epoch }: BatchView, endOffset: bigint): void {
    const { epochs } = this.log;
    const [least, most] = [epochs.epochAt(baseOffset), epochs.epochAt(endOffset)];
    if (epoch >= least && epoch <= most) return;
    const text = `the batch at offset ${baseOffset} is of leader epoch ${epoch}, where this replica had epoch ${least} to ${most}`;
    throw new KafkaError(ErrorCode.FENCED_LEADER_EPOCH, text);
  }

  /** Batches that lie next to one another in `records`, all of the current part. */
  private write(records: Buffer, batches: readonly BatchView[]): void {
    const [first, last] = [batches[0], batches.at(-1)];
    if (first === undefined || last === undefined) return;
    const bytes = records.subarray(first.position, last.position + last.sizeInBytes);
    const part = this.parts[this.index] as Part;
    if (this.compared !== undefined) {
      this.compare(part, bytes);
      return;
    }
    const cleaned = this.openPart(part);
    if (!cleaned.fits(last.lastOffset, bytes.length)) {
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `the records of the other replica do not fit into ${cleaned.path}`);
    }
    cleaned.append(bytes, batches);
    part.fetchedBytes = cleaned.size;
    part.filledTo = last.lastOffset + 1n;
    for (const batch of batches) {
      this.run.add(batch);
      const { partitionLeaderEpoch: epoch, baseOffset } = batch;
      if (epoch !== this.epochs.at(-1)?.epoch) this.epochs.push({ epoch, startOffset: max(baseOffset, this.startOffset) });
      applyToProducers(this.producers, cleaned, batch, markerOf(batch, REPORTED));
    }
  }

  private compare({ cleaned, fetchedBytes }: Part, bytes: Buffer): void {
    const position = this.compared ?? 0;
    this.compared = position + bytes.length;
    if (this.differs || cleaned === undefined || fetchedBytes < this.compared) {
      this.differs = true;
      return;
    }
    const written = Buffer.allocUnsafe(bytes.length);
    const count = cleaned.file.read(written, position);
    this.differs = count !== bytes.length || !written.equals(bytes);
  }

  private openPart(part: Part): Segment {
    const { storage, directory } = this.log;
    storage.assertWritable();
    if (part.cleaned !== undefined) return part.cleaned;
    removeUnfinished(storage.disk, directory, part.old.baseOffset, REPAIR_SUFFIX);
    part.cleaned = storage.makeSegment(part.old.baseOffset, 0, true, REPAIR_SUFFIX);
    part.cleaned.file.truncate(0);
    return part.cleaned;
  }

  /** Completes the new segment and makes it durable. It keeps neither a file handle nor index entries in memory. */
  private closePart(part: Part): ClosedSegment {
    const cleaned = this.openPart(part);
    if (part.entry !== undefined) return part.entry;
    if (this.fillsGaps && part.filledTo < part.endOffset) this.fillGap(part, cleaned);
    part.entry = cleaned.close(part.endOffset);
    return part.entry;
  }

  /**
   * A batch without records, as compaction leaves one at the end of a segment: between segments offsets have no gap. Those of the other
   * replica, whose segments end elsewhere, are left out.
   */
  private fillGap({ filledTo, endOffset }: Part, cleaned: Segment): void {
    const bytes = buildBatch({
      records: [],
      baseOffset: filledTo,
      lastOffsetDelta: Number(endOffset - 1n - filledTo),
      timestamp: -1n,
      partitionLeaderEpoch: Math.max(0, this.log.epochs.epochAt(endOffset - 1n)),
    });
    cleaned.append(bytes, [...checkFollowerAppend(bytes)]);
  }

  private get isPartOfLog(): boolean {
    const { storage, logEndOffset } = this.log;
    if (storage.closed || storage.failure !== undefined) return false;
    const { all, active } = storage.segments;
    const from = all.indexOf(this.parts[0]?.old as Segment);
    const listed = from >= 0 && this.parts.every(({ old }, index) => all[from + index] === old && old !== active);
    return listed && (all[from + this.parts.length]?.baseOffset ?? logEndOffset) === this.endOffset;
  }
}
