/** What an append to a replica takes and returns, per partition. An error belongs to its entry: nothing is thrown for a whole request. */
import type { AppendOrigin } from '../log/producer-state.ts';
import { RecordsRefusedError } from '../log/record-refusal.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Partition } from './partition.ts';

export interface AppendParameters {
  requiredAcks: number;
  timeoutMs: number;
  origin: AppendOrigin;
  /** Whether a client may write to Kafka's internal topics. */
  internalTopicsAllowed?: boolean;
}

export interface AppendEntry {
  /** Undefined where the topic id is unknown. */
  topic: string | undefined;
  /** The topic id of the request; undefined where it named the topic. */
  topicId: string | undefined;
  partition: number;
  records: Buffer | null;
  /** Why the request cannot carry these records, found before the append. */
  refused?: KafkaError;
}

export interface AppendResult {
  topic: string | undefined;
  errorCode: number;
  /** A message that adds to the error code. */
  errorMessage: string | null;
  baseOffset: bigint;
  /** Offset after the last record, up to which records have to be committed. */
  nextOffset: bigint;
  /** −1 unless the topic's records carry the broker's time. */
  logAppendTimeMs: bigint;
  logStartOffset: bigint;
  recordErrors: readonly { batchIndex: number; batchIndexErrorMessage: string | null }[];
  /** Undefined where this broker has no such replica. */
  partition: Partition | undefined;
  /** Epoch of the leadership that the records were appended in. */
  leaderEpoch: number;
}

export function appendFailure(error: unknown, topic: string | undefined, partition: Partition | undefined): AppendResult {
  const known = error instanceof KafkaError;
  return {
    topic,
    errorCode: known ? error.code : ErrorCode.UNKNOWN_SERVER_ERROR,
    errorMessage: error instanceof Error ? error.message : String(error),
    baseOffset: -1n,
    nextOffset: -1n,
    logAppendTimeMs: -1n,
    logStartOffset: -1n,
    recordErrors:
      error instanceof RecordsRefusedError
        ? error.recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message }))
        : [],
    partition,
    leaderEpoch: -1,
  };
}

/** The records are in the log, but whether they stay is unknown: the client gets a retriable error. */
export function failAppended(result: AppendResult, errorCode: number): void {
  result.errorCode = errorCode;
  result.errorMessage = new KafkaError(errorCode).message;
  result.baseOffset = -1n;
  result.logAppendTimeMs = -1n;
}
