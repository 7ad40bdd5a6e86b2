/** Bytes of a log that are not what was written there. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';

export interface LogDamage {
  /**
   * What found it: the recovery after an unclean stop, which cuts the log there; the comparison of closed segments with their manifest at an
   * open, which leaves the files as they are; a read, which is refused; or whatever has to understand the records (a coordinator that loads,
   * compaction, producer state), which passes over those that it cannot decode.
   */
  foundBy: 'recovery' | 'open' | 'read' | 'decode';
  /** Of the first record that is concerned. */
  offset: bigint;
  /** After the last one, where that is known. */
  endOffset?: bigint;
  /** The file, without its directory, and where in it the first damaged batch begins. */
  segment: string;
  position: number;
  /** What is wrong with it, in plain words. */
  reason: string;
  /** Cut off, later segments included; 0 where the files stay as they are. */
  bytes: number;
  /** How many records were passed over, where that is known. */
  records?: number;
}

/** Records that pass the checksum and cannot be decoded. */
export interface UnreadableRecords {
  /** Of the first one. */
  offset: bigint;
  count: number;
  reason: string;
}

/** A read has come to bytes that are no whole batch. They are not handed on: nobody ever sent them. */
export class DamagedBatchError extends KafkaError {
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
