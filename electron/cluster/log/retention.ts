import type { LogConfig } from './log-config.ts';

/** What retention needs to know of a segment. */
export interface SegmentFacts {
  size: number;
  /** −1 when its records have no time. */
  largestTimestamp: bigint;
  /** Wall-clock milliseconds when it was opened, for want of a better age. */
  openedAt: number;
  /** Where the next segment starts, or the log ends. */
  endOffset: bigint;
}

/**
 * How many segments, from the oldest on, may go. `segments` are in order, the active one last. Nothing at or above the high
 * watermark goes, so that no acknowledged record goes before it was committed; compaction alone deletes nothing by age or size.
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
    // An empty active segment has nothing to give up.
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
