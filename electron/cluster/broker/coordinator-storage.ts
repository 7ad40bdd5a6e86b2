/** The log of a coordinator: the partitions of its internal topic that this broker leads (`coordinator/storage.ts`). */
import type { CoordinatorStorage } from '../coordinator/storage.ts';
import { sleep, type Clock } from '../lib/clock.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Partition } from './partition.ts';
import type { ReplicaManager } from './replica-manager.ts';

export interface CoordinatorStorageOptions {
  replicas: ReplicaManager;
  clock: Clock;
  /** An internal topic (`internal-topics.ts`). */
  topic: string;
  /** Timeout for an append to be committed. */
  commitTimeoutMs: number;
}

/** Bytes of one read while a coordinator loads. */
const READ_BYTES = 1024 * 1024;

export function createCoordinatorStorage({ replicas, clock, topic, commitTimeoutMs }: CoordinatorStorageOptions): CoordinatorStorage {
  return {
    partitionCount: () => replicas.image().topics.get(topic)?.partitions.length,

    append(index, leaderEpoch, batch) {
      const partition = leading(replicas, topic, index, leaderEpoch);
      const { result, committed } = replicas.appends.appendAs(partition, leaderEpoch, batch, {
        requiredAcks: -1,
        timeoutMs: commitTimeoutMs,
        origin: 'coordinator',
      });
      return {
        nextOffset: result.nextOffset,
        committed: committed.then((code) => {
          if (code !== ErrorCode.NONE) throw new KafkaError(code);
        }),
      };
    },

    highWatermark: (index) => replicas.partition(topic, index)?.log.highWatermark ?? 0n,

    async *read(index) {
      const partition = leading(replicas, topic, index, -1);
      const { leaderEpoch } = partition;
      const { replacements } = partition.log;
      let next = partition.log.logStartOffset;
      for (;;) {
        if (partition.checkLeader(leaderEpoch) !== ErrorCode.NONE) throw new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER);
        // A value read before a repair, without its tombstone read after it, would restore a deleted group or offset.
        if (partition.log.replacements !== replacements)
          throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, 'the log was repaired meanwhile');
        // Up to the log end, not to the high watermark: that of a new leader lags behind the records that its predecessor acknowledged, and the
        // coordinator would not load those. While this broker leads, none of these records is truncated.
        const end = partition.log.logEndOffset;
        if (next >= end) return;
        const slice = partition.log.read(next, READ_BYTES, { maxOffset: end, minOneMessage: true });
        if (slice.sizeBytes === 0) return;
        yield* slice.records;
        next = slice.nextOffset;
        // Lets requests run between two reads: a long log is read over many turns.
        await sleep(clock, 0);
      }
    },

    unreadable(index, records) {
      replicas.partition(topic, index)?.log.reportUnreadable(records);
    },
  };
}

/** A coordinator does not distinguish the reasons why this broker does not lead in that epoch. */
function leading(replicas: ReplicaManager, topic: string, index: number, leaderEpoch: number): Partition {
  const partition = replicas.partition(topic, index);
  if (partition === undefined || partition.checkLeader(leaderEpoch) !== ErrorCode.NONE)
    throw new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  return partition;
}
