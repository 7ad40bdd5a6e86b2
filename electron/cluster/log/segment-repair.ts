import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { checkFollowerAppend, markerOf } from './append-checks.ts';
import { REPAIR_SUFFIX } from './log-files.ts';
import type { LogCore } from './log-core.ts';
import type { ProducerState } from './producer-state.ts';
import { applyToProducers, producersAt, REPORTED } from './recovery.ts';
import { removeUnfinished } from './segment-swap.ts';
import type { Segment } from './segment.ts';

/**
 * Puts what another replica holds of `[baseOffset, endOffset)` in the place of a closed segment that is damaged. The files change as they do
 * in compaction: the old ones stay, and are read from, until the new ones are on the medium. Other batches than those that were written
 * here may come where the other replica is compacted further; offsets are the same on all replicas.
 */
export class SegmentRepair {
  readonly baseOffset: bigint;
  readonly endOffset: bigint;
  /** Offset to fetch from. */
  nextOffset: bigint;
  private readonly log: LogCore;
  private readonly damaged: Segment;
  private readonly cleaned: Segment;
  private readonly producers: ProducerState;

  /** For the oldest damaged segment; the active one is closed first. Throws KAFKA_STORAGE_ERROR. */
  static begin(log: LogCore): SegmentRepair | undefined {
    const [first] = log.damagedSegments;
    if (first === undefined) return undefined;
    const { storage } = log;
    const damaged = storage.segments.all.find(({ baseOffset }) => baseOffset === first.baseOffset) as Segment;
    if (damaged === storage.segments.active) log.roll();
    return new SegmentRepair(log, damaged, first.endOffset);
  }

  private constructor(log: LogCore, damaged: Segment, endOffset: bigint) {
    const { storage, directory } = log;
    const { baseOffset } = damaged;
    this.log = log;
    this.damaged = damaged;
    this.baseOffset = baseOffset;
    this.endOffset = endOffset;
    this.nextOffset = baseOffset > log.startOffset ? baseOffset : log.startOffset;
    this.producers = producersAt(storage.disk, directory, storage.segments.all, baseOffset);
    this.cleaned = storage.guard(() => {
      removeUnfinished(storage.disk, directory, baseOffset, REPAIR_SUFFIX);
      const segment = storage.makeSegment(baseOffset, 0, true, REPAIR_SUFFIX);
      segment.file.truncate(0);
      return segment;
    });
  }

  /** True when nothing more is to be fetched. */
  get isComplete(): boolean {
    return this.nextOffset >= this.endOffset;
  }

  /**
   * Takes whole batches from `nextOffset` on; those beyond the segment are left out. Throws CORRUPT_MESSAGE for bytes that are no batches,
   * OFFSET_OUT_OF_RANGE for batches that do not fit in between, KAFKA_STORAGE_ERROR.
   */
  append(records: Buffer): void {
    let bytes = 0;
    const taken: BatchView[] = [];
    for (const batch of checkFollowerAppend(records)) {
      if (batch.lastOffset < this.nextOffset && taken.length === 0) continue;
      if (batch.baseOffset >= this.endOffset) {
        this.nextOffset = this.endOffset;
        break;
      }
      if (batch.baseOffset < this.baseOffset || batch.lastOffset >= this.endOffset) {
        const text = `offsets ${batch.baseOffset} to ${batch.lastOffset} reach out of the segment ${this.baseOffset} to ${this.endOffset}`;
        throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, text);
      }
      taken.push(batch);
      bytes = batch.position + batch.sizeInBytes;
      this.nextOffset = batch.lastOffset + 1n;
    }
    const [first] = taken;
    if (first === undefined) return;
    this.log.storage.guard(() => this.cleaned.append(records.subarray(first.position, bytes), taken));
    for (const batch of taken) applyToProducers(this.producers, this.cleaned, batch, markerOf(batch, REPORTED));
  }

  /** The other replica holds nothing up to `offset`: compaction took it there. */
  skipTo(offset: bigint): void {
    if (offset > this.nextOffset) this.nextOffset = offset;
  }

  /** Swaps the files. False when the segment is not part of the log any more. Throws KAFKA_STORAGE_ERROR. */
  finish(): boolean {
    const { log, damaged, cleaned } = this;
    const { storage } = log;
    if (!this.isStillThere) {
      this.abandon();
      return false;
    }
    storage.guard(() => {
      storage.swapIn([damaged], cleaned, this.endOffset, REPAIR_SUFFIX);
      log.tail.clear();
    });
    log.repaired(damaged);
    return true;
  }

  /** Removes what was written so far; the damaged segment stays as it is. */
  abandon(): void {
    const { storage, directory } = this.log;
    this.cleaned.release();
    if (!storage.closed && storage.failure === undefined)
      storage.guard(() => removeUnfinished(storage.disk, directory, this.baseOffset, REPAIR_SUFFIX));
  }

  private get isStillThere(): boolean {
    const { storage, endOffset } = this.log;
    if (storage.closed || storage.failure !== undefined) return false;
    const { all, active } = storage.segments;
    const index = all.indexOf(this.damaged);
    return index >= 0 && this.damaged !== active && (all[index + 1]?.baseOffset ?? endOffset) === this.endOffset;
  }
}
