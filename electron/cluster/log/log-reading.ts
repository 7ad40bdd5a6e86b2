/** Reads of a log: from the memory of its tail or its segments. Corruption that blocks a read is reported to the log's owner. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { CorruptBatchError } from './corruption.ts';
import type { LogState } from './log-state.ts';
import type { FoundTime, ReadResult } from './log-types.ts';
import { min } from './offsets.ts';
import type { TimestampOffset } from './time-index.ts';

/** Starts of a search that the log was changed under. */
const MAX_SEARCH_STARTS = 4;

export interface ReadOptions {
  maxOffset: bigint;
  minOneMessage: boolean;
  readCommitted?: boolean;
}

/** See `Log.read`. */
export function readRecords(log: LogState, offset: bigint, maxBytes: number, options: ReadOptions): ReadResult {
  const { logStartOffset, logEndOffset, tail } = log;
  if (offset < logStartOffset || offset > logEndOffset) {
    throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is outside ${logStartOffset} to ${logEndOffset}`);
  }
  const { minOneMessage, readCommitted = false } = options;
  const limit = min(options.maxOffset, logEndOffset);
  if (offset >= limit || (maxBytes <= 0 && !minOneMessage)) return { records: [], sizeBytes: 0, nextOffset: offset };
  const maxOffset = readCommitted ? guardRead(log, offset, () => log.undecided.endOfDecided(offset, limit)) : limit;
  const hot = tail.read(offset, maxBytes, maxOffset, minOneMessage);
  if (hot !== undefined) return hot;
  const { storage } = log;
  const slice = guardRead(log, offset, () => storage.segments.read(offset, maxBytes, maxOffset, minOneMessage));
  // The next record is undecided: refused like a read of it, so that the reader gets the reason.
  if (slice === undefined && maxOffset < limit) guardRead(log, offset, () => log.undecided.endOfDecided(maxOffset, limit));
  if (slice === undefined) return { records: [], sizeBytes: 0, nextOffset: offset };
  return { records: [slice.bytes], sizeBytes: slice.bytes.length, nextOffset: slice.nextOffset };
}

/** See `Log.searchTimestamp`. */
export function* searchTimestamp(log: LogState, timestamp: bigint | 'largest'): Generator<undefined, FoundTime | null, undefined> {
  for (let starts = 1; ; starts++) {
    const { logStartOffset, logEndOffset, config } = log;
    if (logStartOffset === logEndOffset) return null;
    const { segments } = log.storage;
    const { changes } = segments;
    const { maxDecompressedBytes } = config;
    const search =
      timestamp === 'largest'
        ? segments.findLargestTimestamp(maxDecompressedBytes)
        : segments.findTimestamp(timestamp, logStartOffset, maxDecompressedBytes);
    for (;;) {
      const step = guardRead(log, logStartOffset, () => search.next());
      if (step.done === true) return withEpoch(log, step.value);
      // The last start is not interrupted, so that a log that changes all the time cannot hold a search up for good.
      if (starts >= MAX_SEARCH_STARTS) continue;
      yield;
      log.storage.assertWritable();
      if (log.storage.segments !== segments || segments.changes !== changes || log.logStartOffset !== logStartOffset) break;
    }
  }
}

function withEpoch({ epochs }: LogState, found: TimestampOffset | undefined): FoundTime | null {
  return found === undefined ? null : { ...found, leaderEpoch: epochs.epochAt(found.offset) };
}

/** Reports corruption that blocks the read to the owner of the log. `offset`: its position, if the error does not hold it. */
export function guardRead<T>(log: LogState, offset: bigint, read: () => T): T {
  try {
    return log.storage.guard(read);
  } catch (error) {
    if (error instanceof CorruptBatchError) log.corruption.refused(error, offset);
    throw error;
  }
}
