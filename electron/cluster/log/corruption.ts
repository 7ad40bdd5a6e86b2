/** Corruption of a log: bytes that differ from what was written, or records that are missing. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';

export interface LogCorruption {
  /**
   * What found it: the recovery after an unclean stop, which truncates the log there; an open, which compares closed segments with their
   * manifest and leaves the files unchanged; a read, which is refused; or code that decodes records (a coordinator that loads, compaction,
   * producer state), which skips records that it cannot decode.
   */
  foundBy: 'recovery' | 'open' | 'read' | 'decode';
  /** Offset of the first affected record. */
  offset: bigint;
  /** Offset after the last affected record, where it is known. */
  endOffset?: bigint;
  /** Name of the file, and the position in it at which the first corrupt batch begins. */
  segment: string;
  position: number;
  /** The defect, in plain words. */
  reason: string;
  /** Bytes cut off, later segments included; 0 where the files stay unchanged. */
  bytes: number;
  /** Number of skipped records, where it is known. */
  records?: number;
}

/** Records that pass the checksum and cannot be decoded. */
export interface UnreadableRecords {
  /** Of the first one. */
  offset: bigint;
  count: number;
  reason: string;
}

/** A read has found bytes that are no whole batch. They are not returned, because no client sent them. */
export class CorruptBatchError extends KafkaError {
  readonly path: string;
  readonly position: number;
  readonly reason: string;
  /** Of the batch, where its header says so and can be believed. */
  readonly offset: bigint | undefined;

  constructor(path: string, position: number, reason: string, offset?: bigint) {
    super(ErrorCode.CORRUPT_MESSAGE, `${path} at byte ${position}: ${reason}`);
    this.path = path;
    this.position = position;
    this.reason = reason;
    this.offset = offset;
  }

  get segment(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }
}
