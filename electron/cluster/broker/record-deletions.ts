/** DeleteRecords (KIP-107): the leader raises its log start at once; the request completes when all live replicas have. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Partition } from './partition.ts';
import { Purgatory, type DelayedOperation, type Waking } from './purgatory.ts';
import { missingPartitionError, type PartitionLookup } from './partition-reads.ts';
import { isInternalTopic } from './topic-rules.ts';

export interface DeleteEntry {
  topic: string;
  partition: number;
  /** Records below it are deleted; −1: all that are committed. */
  offset: bigint;
}

export interface DeleteResult {
  errorCode: number;
  /** The least log start of all live replicas; −1 with an error that left the log unchanged. */
  lowWatermark: bigint;
}

interface Deletion extends DeleteResult {
  partition: Partition | undefined;
  leaderEpoch: number;
  /** The value that the low watermark has to reach. */
  requiredOffset: bigint;
}

const TO_HIGH_WATERMARK = -1n;

/** The DeleteRecords requests in progress. */
export class RecordDeletions {
  private readonly lookup: PartitionLookup;
  private readonly waiting: Purgatory<Partition>;

  constructor(lookup: PartitionLookup, options: { clock: Clock; maxOperations: number }) {
    this.lookup = lookup;
    this.waiting = new Purgatory({ ...options, ordered: false });
  }

  /** Results in the order of `entries`; errors are per entry. */
  delete(entries: readonly DeleteEntry[], timeoutMs: number): Promise<readonly DeleteResult[]> {
    const deletions = entries.map((entry) => this.begin(entry));
    const pending = deletions.filter((one) => !settle(one));
    if (pending.length === 0) return Promise.resolve(deletions);
    const partitions = pending.map(({ partition }) => partition).filter((partition) => partition !== undefined);
    return new Promise((resolve) => {
      this.waiting.watch(new DelayedDelete(pending, () => resolve(deletions)), partitions, timeoutMs);
    });
  }

  /** The partition's followers, its leader or the live brokers have changed. */
  wake(partition: Partition): void {
    this.waiting.wake(partition);
  }

  close(): void {
    this.waiting.close();
  }

  private begin({ topic, partition: index, offset }: DeleteEntry): Deletion {
    const partition = this.lookup.partition(topic, index);
    try {
      if (isInternalTopic(topic)) throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION);
      if (partition === undefined) throw new KafkaError(missingPartitionError(this.lookup, topic, index));
      partition.requireLeader(-1);
      const { log } = partition;
      // A compacted topic without the delete policy keeps the newest record of every key, whatever its age.
      if (!log.config.cleanupPolicy.has('delete')) throw new KafkaError(ErrorCode.POLICY_VIOLATION);
      const requiredOffset = offset === TO_HIGH_WATERMARK ? log.highWatermark : offset;
      if (requiredOffset < 0n) throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE);
      log.deleteRecordsBefore(requiredOffset);
      const { leaderEpoch, lowWatermark } = partition;
      return { partition, leaderEpoch, requiredOffset, errorCode: ErrorCode.NONE, lowWatermark };
    } catch (error) {
      const errorCode = error instanceof KafkaError ? error.code : ErrorCode.UNKNOWN_SERVER_ERROR;
      return { partition, leaderEpoch: -1, requiredOffset: -1n, errorCode, lowWatermark: -1n };
    }
  }
}

/** True when nothing remains to wait for. */
function settle(deletion: Deletion): boolean {
  const { partition, leaderEpoch, requiredOffset, errorCode } = deletion;
  if (errorCode !== ErrorCode.NONE || partition === undefined) return true;
  if (partition.checkLeader(-1) !== ErrorCode.NONE || partition.leaderEpoch !== leaderEpoch) {
    deletion.errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER;
    deletion.lowWatermark = -1n;
    return true;
  }
  deletion.lowWatermark = partition.lowWatermark;
  return deletion.lowWatermark >= requiredOffset;
}

class DelayedDelete implements DelayedOperation<Partition> {
  private readonly pending: Set<Deletion>;
  private readonly answer: () => void;

  constructor(pending: readonly Deletion[], answer: () => void) {
    this.pending = new Set(pending);
    this.answer = answer;
  }

  wake(partition: Partition): Waking {
    let left = false;
    for (const deletion of this.pending) {
      if (deletion.partition !== partition) continue;
      if (settle(deletion)) this.pending.delete(deletion);
      else left = true;
    }
    if (this.pending.size === 0) {
      this.answer();
      return 'done';
    }
    return left ? 'waiting' : 'keyDone';
  }

  expire(): void {
    for (const deletion of this.pending) deletion.errorCode = ErrorCode.REQUEST_TIMED_OUT;
    this.answer();
  }
}
