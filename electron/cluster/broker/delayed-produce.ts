/** A produce request that waits until its records are committed. The records are in the log: it holds results only. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { failAppended, type AppendResult } from './append-results.ts';
import type { Partition } from './partition.ts';
import type { DelayedOperation, Waking } from './purgatory.ts';

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
