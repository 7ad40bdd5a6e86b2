import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { KafkaError } from '../protocol/kafka-error.ts';
import type { LogCorruption } from './corruption.ts';
import type { FilePool } from './file-pool.ts';
import type { LogConfig } from './log-config.ts';
import type { LogSummary } from './log-summary.ts';
import type { ParentDirectory } from './parent-directory.ts';
import type { TailCache } from './tail-cache.ts';
import type { TimestampOffset } from './time-index.ts';

export interface LogOptions {
  disk: Disk;
  /** The partition's own directory; created if absent. */
  directory: string;
  clock: Clock;
  logger: Logger;
  config: LogConfig;
  /** False makes the log read and check everything from the recovery point on. */
  cleanShutdown: boolean;
  /** Whether the topic of the log has an id; after an unclean stop a log that has lost its id is emptied. */
  identified?: boolean;
  /** Everything below is known to be durable; 0 if absent. */
  recoveryPoint?: bigint | undefined;
  /** From the last checkpoint; the first segment's base if that is larger. */
  logStartOffset?: bigint | undefined;
  /** From the last checkpoint. */
  highWatermark?: bigint | undefined;
  /**
   * Opens no file until one is needed. `summary` is what a clean stop recorded of the log; `absent`: the directory does not exist yet, and is
   * created with the first record.
   */
  later?: { summary: LogSummary } | 'absent' | undefined;
  /** The summary of the last stop, a clean one, though the files differ from it by now. */
  lastSummary?: Pick<LogSummary, 'topicId' | 'snapshots'> | undefined;
  /** After an unclean stop: the log was last known to be one small segment from offset 0, of the topic with this id; saves the survey. */
  singleOf?: string | undefined;
  /** Shared by the logs of a node; one of its own if absent. */
  tailCache?: TailCache;
  /** Shared by the logs of a node, so that the files they keep open are bounded; one of its own if absent. */
  files?: FilePool;
  /** Shared by the logs that lie in it; one of its own if absent. */
  parent?: ParentDirectory;
  /** An offset changed whose loss in a crash would do harm: the owner should write its checkpoint before it continues. */
  checkpointNeeded?: (which: 'recoveryPoint' | 'logStartOffset') => void;
  /** Called before records at and above `offset` are removed or replaced: the compaction checkpoint above it is void. */
  rewriting?: (offset: bigint) => void;
  /** Corruption was found: called once for each position, while the log is being opened as well. */
  onCorruption?: (corruption: LogCorruption) => void;
  /** Called once, when the disk failed under this log. */
  storageFailed?: (error: KafkaError) => void;
}

export interface AppendResult {
  firstOffset: bigint;
  lastOffset: bigint;
  /** −1 when records keep the time of their creation. */
  logAppendTimeMs: number;
  logStartOffset: bigint;
  /** True when this very batch is in the log already: nothing was written, offsets are the original ones. */
  duplicate: boolean;
  recordCount: number;
  sizeBytes: number;
  maxTimestamp: bigint;
}

export interface ReadResult {
  /** Whole batches, one after another; views that must not be changed. */
  records: Buffer[];
  sizeBytes: number;
  /** Offset after the last batch; the requested offset when there is none. */
  nextOffset: bigint;
}

/** A record's time and offset; `leaderEpoch` −1 when unknown. */
export type FoundTime = TimestampOffset & { leaderEpoch: number };

export interface SegmentInfo {
  baseOffset: bigint;
  endOffset: bigint;
  sizeBytes: number;
  /** −1 when no record has a time. */
  largestTimestamp: bigint;
}
