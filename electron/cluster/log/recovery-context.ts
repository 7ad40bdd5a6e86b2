import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { LogCorruption, UnreadableRecords } from './corruption.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { ProducerState } from './producer-state.ts';
import type { SegmentManifest } from './segment-manifest.ts';
import type { Segment } from './segment.ts';

/** What recovery reads and changes of the log that it opens. */
export interface RecoveryContext {
  disk: Disk;
  directory: string;
  logger: Logger;
  epochs: LeaderEpochs;
  producers: ProducerState;
  /**
   * Whether a segment may start after the end of the one before it, as compaction leaves it. Without compaction a power cut has taken
   * the tail of one file and spared the next; the records after the gap do not belong to the history of this log.
   */
  gapsAllowed: boolean;
  makeSegment: (baseOffset: bigint, size: number, freshIndexes: boolean) => Segment;
  /** The manifest entries of the closed segments. */
  manifest: SegmentManifest;
  /** Called at once, with the files in their final state. */
  cutOff: (corruption: LogCorruption) => void;
  /** Control records were skipped; `segment`: the path of their file. */
  unreadable: (records: UnreadableRecords, segment: string) => void;
  /** Called at once: the files stay unchanged. */
  found: (corruption: LogCorruption) => void;
  /** A producer snapshot is missing or was removed. A stop has to write one: the next open may take a log without any for one without producers. */
  snapshotMissing: () => void;
}
