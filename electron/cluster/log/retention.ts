import type { LogConfig } from './log-config.ts';

/** The properties of a segment that retention needs. */
export interface SegmentFacts {
  size: number;
  /** −1 when its records have no time. */
  largestTimestamp: bigint;
  /** Wall-clock milliseconds when it was opened, for segments without timestamps. */
  openedAt: number;
  /** Where the next segment starts, or the log ends. */
  endOffset: bigint;
}

/**
 * Number of segments, from the oldest on, that may be deleted. `segments` are in order, the active one last. Never deletes records at or
 * above the high watermark, so that no record is deleted before it is committed; with cleanup.policy=compact alone nothing is deleted by age
 * or size.
 */
export function expiredSegments(
  segments: readonly SegmentFacts[],
  config: LogConfig,
  bounds: { logStartOffset: bigint; highWatermark: bigint; nowMs: number },
): number {
  const byAge = config.cleanupPolicy.has('delete') && config.retentionMs >= 0;
  let excess = -1;
  if (config.cleanupPolicy.has('delete') && config.retentionBytes >= 0) {
    excess = segments.reduce((sum, segment) => sum + segment.size, 0) - config.retentionBytes;
  }
  let count = 0;
  for (const segment of segments) {
    if (segment.endOffset > bounds.highWatermark) break;
    // An empty active segment has no records to delete.
    if (segment.size === 0 && count === segments.length - 1) break;
    const belowStart = segment.endOffset <= bounds.logStartOffset;
    const age = bounds.nowMs - (segment.largestTimestamp >= 0n ? Number(segment.largestTimestamp) : segment.openedAt);
    const bySize = excess >= 0 && excess >= segment.size;
    if (!belowStart && !bySize && !(byAge && age > config.retentionMs)) break;
    excess -= segment.size;
    count++;
  }
  return count;
}
