/** Appends for a produce request, and waits until the records are committed. */
import { RecordsRefusedError } from '../log/record-refusal.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Partition } from './partition.ts';
import type { DelayedOperation, Waking } from './purgatory.ts';

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

/** A produce request with acks=all whose records are appended and not yet committed. */
export class DelayedProduce implements DelayedOperation<Partition> {
  private readonly results: readonly AppendResult[];
  /** By partition: a request may hold thousands, each of which is woken by itself. */
  private readonly waiting = new Map<Partition | undefined, AppendResult[]>();
  private readonly answer: (results: readonly AppendResult[]) => void;

  constructor(results: readonly AppendResult[], waiting: Iterable<AppendResult>, answer: (results: readonly AppendResult[]) => void) {
    this.results = results;
    this.answer = answer;
    for (const result of waiting) {
      const list = this.waiting.get(result.partition);
      if (list === undefined) this.waiting.set(result.partition, [result]);
      else list.push(result);
    }
  }

  wake(partition: Partition): Waking {
    const left = (this.waiting.get(partition) ?? []).filter((result) => {
      const outcome = partition.commitOutcome(result.nextOffset, result.leaderEpoch);
      if (outcome !== undefined && outcome !== ErrorCode.NONE) failAppended(result, outcome);
      return outcome === undefined;
    });
    if (left.length > 0) {
      this.waiting.set(partition, left);
      return 'waiting';
    }
    this.waiting.delete(partition);
    if (this.waiting.size > 0) return 'keyDone';
    this.answer(this.results);
    return 'done';
  }

  expire(): void {
    for (const result of [...this.waiting.values()].flat()) {
      // Behind a later write in the order of waiting requests, a committed one may not have been woken.
      if (result.partition?.commitOutcome(result.nextOffset, result.leaderEpoch) === ErrorCode.NONE) continue;
      failAppended(
        result,
        result.partition?.underMinIsr === true ? ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND : ErrorCode.REQUEST_TIMED_OUT,
      );
    }
    this.waiting.clear();
    this.answer(this.results);
  }
}

/** The records are in the log, but whether they stay is unknown: the client gets a retriable error. */
export function failAppended(result: AppendResult, errorCode: number): void {
  result.errorCode = errorCode;
  result.errorMessage = new KafkaError(errorCode).message;
  result.baseOffset = -1n;
  result.logAppendTimeMs = -1n;
}
