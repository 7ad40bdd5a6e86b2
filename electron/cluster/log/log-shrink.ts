/** Removes records of a log: at its end by truncation, at its start by retention or DeleteRecords. */
import { retentionMayBeDue } from './log-closing.ts';
import { recoveryContext } from './log-opening.ts';
import type { LogState } from './log-state.ts';
import { loadProducers } from './producer-loading.ts';
import { expiredSegments } from './retention.ts';
import { cutSegments } from './segment-truncation.ts';

/** See `Log.truncateTo`. */
export function truncateTo(log: LogState, offset: bigint, keepsMissing: boolean): bigint {
  const { storage } = log;
  storage.assertWritable();
  if (offset >= log.logEndOffset) {
    // An epoch that this replica led without a write may contradict the new leader's epochs.
    log.epochs.truncateFromEnd(offset);
    return log.logEndOffset;
  }
  if (offset < storage.segments.first.baseOffset) {
    log.startOver(offset);
    return log.logEndOffset;
  }
  return storage.guard(() => {
    const end = cutSegments(storage, offset, keepsMissing);
    log.shrunk(end);
    if (log.producers.entries.size > 0) loadProducers(recoveryContext(log), storage.segments.all, end);
    else storage.removeSnapshots((snapshot) => snapshot > end);
    return end;
  });
}

/** See `Log.applyRetention`. */
export function applyRetention(log: LogState, nowMs: number): { segments: number; bytes: number } {
  const { storage, config } = log;
  if (storage.failure !== undefined || storage.closed || !retentionMayBeDue(log, nowMs)) return { segments: 0, bytes: 0 };
  return storage.guard(() => {
    log.producers.expire(BigInt(Math.trunc(nowMs - config.producerIdExpirationMs)));
    const { all } = storage.segments;
    const facts = all.map((segment, index) => ({
      size: segment.size,
      openedAt: segment.openedAt,
      endOffset: all[index + 1]?.baseOffset ?? log.logEndOffset,
      get largestTimestamp() {
        return segment.largestTimestamp.timestamp;
      },
    }));
    const count = expiredSegments(facts, config, { logStartOffset: log.logStartOffset, highWatermark: log.highWatermark, nowMs });
    if (count === 0) return { segments: 0, bytes: 0 };
    if (count === all.length) log.roll();
    const bytes = storage.removeOldest(count);
    log.raiseStart(storage.segments.first.baseOffset);
    return { segments: count, bytes };
  });
}
