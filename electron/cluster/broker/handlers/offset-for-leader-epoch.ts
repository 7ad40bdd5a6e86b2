/**
 * Key 23, OffsetForLeaderEpoch 2–4: where a leader epoch ends in this leader's log (KIP-101, KIP-279). Only the leader answers, in the
 * epoch that the client assumes (KIP-320).
 */
import type { offsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { DataContext, DataRequestContext } from '../replica-manager-context.ts';
import { missingPartitionError } from '../replica-manager-fetch.ts';

type Request = RequestOf<typeof offsetForLeaderEpoch>;
type Response = ResponseIn<typeof offsetForLeaderEpoch>;
type PartitionResponse = Response['topics'][number]['partitions'][number];

export function handleOffsetForLeaderEpoch(request: Request, _context: DataRequestContext, broker: DataContext): Response {
  return {
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked): PartitionResponse => {
        const partition = broker.replicas.partition(topic, asked.partition);
        const errorCode =
          partition === undefined
            ? missingPartitionError(broker.replicas, topic, asked.partition)
            : partition.checkLeader(asked.currentLeaderEpoch);
        if (partition === undefined || errorCode !== ErrorCode.NONE) return { errorCode, partition: asked.partition };
        const { leaderEpoch, endOffset } = partition.log.endOffsetForEpoch(asked.leaderEpoch);
        return { errorCode: ErrorCode.NONE, partition: asked.partition, leaderEpoch, endOffset };
      }),
    })),
  };
}

/** The answer when the whole request was refused. */
export function onOffsetForLeaderEpochError(request: Request, errorCode: number): Response {
  return {
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ errorCode, partition })),
    })),
  };
}
