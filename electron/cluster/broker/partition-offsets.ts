/** Offset look-ups: the ends of a partition's log, or the first record at or after a timestamp. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Partition } from './partition.ts';

/** The end of the log as the request may see it. */
export type OffsetLimit = 'logEnd' | 'highWatermark' | 'lastStable';

export interface FoundOffset {
  /** Of the record found; −1 where none was requested or found. */
  timestamp: bigint;
  /** −1: there is none. */
  offset: bigint;
  /** Of the record at that offset; −1 where it is not known. */
  leaderEpoch: number;
}

const LATEST = -1n;
const EARLIEST = -2n;
const MAX_TIMESTAMP = -3n;
const EARLIEST_LOCAL = -4n;

const NOTHING: FoundOffset = { timestamp: -1n, offset: -1n, leaderEpoch: -1 };

/**
 * Throws OFFSET_NOT_AVAILABLE while a new leader does not know the high watermark: it still has the one that it knew as a
 * follower, and an answer with it could be lower than what consumers have already seen. Yields as `Log.searchTimestamp` does.
 */
export function* findOffset(partition: Partition, timestamp: bigint, limit: OffsetLimit): Generator<undefined, FoundOffset, undefined> {
  const { log } = partition;
  switch (timestamp) {
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { timestamp: -1n, ...log.earliest };
    case LATEST:
      if (limit !== 'logEnd') requireSettled(partition);
      return { timestamp: -1n, offset: endOf(partition, limit), leaderEpoch: partition.leaderEpoch };
    default: {
      if (timestamp < MAX_TIMESTAMP) return NOTHING;
      const found = yield* log.searchTimestamp(timestamp === MAX_TIMESTAMP ? 'largest' : timestamp);
      if (found !== null && found.offset < endOf(partition, limit)) return found;
      if (found !== null && limit !== 'logEnd') requireSettled(partition);
      return NOTHING;
    }
  }
}

function endOf(partition: Partition, limit: OffsetLimit): bigint {
  const { log } = partition;
  if (limit === 'logEnd') return log.logEndOffset;
  return limit === 'lastStable' ? log.lastStableOffset : log.highWatermark;
}

function requireSettled(partition: Partition): void {
  const start = partition.leaderEpochStartOffset;
  if (start !== undefined && partition.log.highWatermark < start) throw new KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE);
}
