/** Removes records of a log: at its end by truncation, at its start by retention or DeleteRecords. */
import { retentionMayBeDue } from './log-closing.ts';
import type { LogCore } from './log-core.ts';
import { max, min } from './offsets.ts';
import { loadProducers } from './recovery.ts';
import { expiredSegments } from './retention.ts';

/** See `Log.truncateTo`. */
export function truncateTo(log: LogCore, offset: bigint, keepsMissing: boolean): bigint {
  const { storage } = log;
  storage.assertWritable();
  if (offset >= log.endOffset) {
    // An epoch that this replica led without a write may contradict the new leader's epochs.
    log.epochs.truncateFromEnd(offset);
    return log.endOffset;
  }
  if (offset < storage.segments.first.baseOffset) {
    log.startOver(offset);
    return log.endOffset;
  }
  return storage.guard(() => {
    log.options.rewriting?.(offset);
    storage.cutLacking(offset);
    storage.removeAbove(offset);
    const end = keepsMissing && storage.closeLacking(offset) ? offset : cutActive(log, offset);
    log.shrunk(end);
    if (log.producers.entries.size > 0) loadProducers(log.recoveryContext(), storage.segments.all, end);
    else storage.removeSnapshots((snapshot) => snapshot > end);
    return end;
  });
}

/** Returns the new log end: at the batch that holds `offset`, or before the first missing record. */
function cutActive({ storage }: LogCore, offset: bigint): bigint {
  const { active } = storage.segments;
  const position = active.positionOf(offset) ?? active.size;
  const cut = position < active.size ? active.scanner().header(position) : undefined;
  const reach = min(offset, active.lack?.from ?? offset);
  const end = cut === undefined ? reach : min(cut.baseOffset, reach);
  active.lack = undefined;
  // A read finds a kept corrupt batch again. Without such a batch nothing in this segment would be repaired.
  active.refused = false;
  active.truncate(end, position);
  active.sync();
  storage.forgetActive();
  return end;
}

/** See `Log.maybeIncrementLogStartOffset`. */
export function incrementLogStart(log: LogCore, offset: bigint): void {
  const start = min(offset, log.endOffset);
  if (start <= log.startOffset) return;
  log.startOffset = start;
  log.highWatermark = max(log.highWatermark, start);
  log.epochs.truncateFromStart(start);
  log.changedSinceOpen = true;
  log.options.checkpointNeeded?.('logStartOffset');
}

/** See `Log.applyRetention`. */
export function applyRetention(log: LogCore, nowMs: number): { segments: number; bytes: number } {
  const { storage, config } = log;
  if (storage.failure !== undefined || storage.closed || !retentionMayBeDue(log, nowMs)) return { segments: 0, bytes: 0 };
  return storage.guard(() => {
    log.producers.expire(BigInt(Math.trunc(nowMs - config.producerIdExpirationMs)));
    const { all } = storage.segments;
    const facts = all.map((segment, index) => ({
      size: segment.size,
      openedAt: segment.openedAt,
      endOffset: all[index + 1]?.baseOffset ?? log.endOffset,
      get largestTimestamp() {
        return segment.largestTimestamp.timestamp;
      },
    }));
    const count = expiredSegments(facts, config, { logStartOffset: log.startOffset, highWatermark: log.highWatermark, nowMs });
    if (count === 0) return { segments: 0, bytes: 0 };
    if (count === all.length) log.roll();
    const bytes = storage.removeOldest(count);
    incrementLogStart(log, storage.segments.first.baseOffset);
    return { segments: count, bytes };
  });
}
