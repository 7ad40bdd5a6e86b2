/** Finds out whether compaction has removed records from a range of a log, from batch headers alone. */
import type { BatchView } from '../protocol/record-batch.ts';
import type { LogState } from './log-state.ts';

/** Bytes of batches between two pauses. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** Follows batches in order and notices an offset that has no record. */
export class OffsetRun {
  private next: bigint;
  private complete = true;

  constructor(startOffset: bigint) {
    this.next = startOffset;
  }

  /** The first batch may begin before the start. */
  add({ baseOffset, lastOffset, recordCount }: BatchView): void {
    if (baseOffset > this.next || BigInt(recordCount) !== lastOffset - baseOffset + 1n) this.complete = false;
    this.next = lastOffset + 1n;
  }

  /** Every offset from the start up to `endOffset` has a record. */
  reaches(endOffset: bigint): boolean {
    return this.complete && this.next >= endOffset;
  }
}

/**
 * Whether every offset from `fromOffset`, a segment's base, to the log end has a record; corrupt segments are not read. Yields between
 * slices; false where segments were replaced, truncated or removed meanwhile, even those already read. Throws KafkaError KAFKA_STORAGE_ERROR.
 */
export function* findsNoGap(log: LogState, fromOffset: bigint): Generator<undefined, boolean> {
  const { storage } = log;
  const { changes } = storage.segments;
  let bytes = 0;
  for (const segment of storage.segments.all.filter(({ baseOffset }) => baseOffset >= fromOffset)) {
    if (segment.lack !== undefined || segment.refused) continue;
    const { all } = storage.segments;
    const index = all.indexOf(segment);
    if (index < 0 || !isUnchanged(log, changes)) return false;
    const run = new OffsetRun(segment.baseOffset);
    const scanner = segment.scanner();
    const { size } = segment;
    const endOffset = all[index + 1]?.baseOffset ?? log.logEndOffset;
    for (let position = 0; position < size;) {
      const at = position;
      const batch = storage.guard(() => scanner.header(at));
      if (batch === undefined) return false;
      run.add(batch);
      position += batch.sizeInBytes;
      bytes += batch.sizeInBytes;
      if (bytes < SLICE_BYTES) continue;
      bytes = 0;
      yield;
      if (!isUnchanged(log, changes)) return false;
    }
    if (!run.reaches(endOffset)) return false;
  }
  return true;
}

function isUnchanged({ storage }: LogState, changes: number): boolean {
  return !storage.closed && storage.failure === undefined && storage.segments.changes === changes;
}
