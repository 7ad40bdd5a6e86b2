/**
 * Key 23, OffsetForLeaderEpoch 2–4: where a leader epoch ends in this leader's log (KIP-101, KIP-279). Only the leader answers, in the
 * epoch that the client assumes (KIP-320).
 */
import { offsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { missingPartitionError } from '../partition-reads.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';

type Request = RequestOf<typeof offsetForLeaderEpoch>;
type Topic = Request['topics'][number];
type Response = ResponseIn<typeof offsetForLeaderEpoch>;
/** Other brokers act on the cluster, consumers on the topic. */
const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC, orOnCluster: Operation.CLUSTER_ACTION };

type PartitionResponse = Response['topics'][number]['partitions'][number];

export function handleOffsetForLeaderEpoch(request: Request, { session }: DataRequestContext, broker: DataContext): Response {
  return {
    topics: request.topics.map(({ topic, partitions }) => {
      if (!isAllowed(broker.authorizer, session, DESCRIBE_TOPIC, topic))
        return refusedTopic({ topic, partitions }, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
      return { topic, partitions: partitions.map((asked) => endOfEpoch(topic, asked, broker)) };
    }),
  };
}

function endOfEpoch(topic: string, asked: Topic['partitions'][number], { replicas }: DataContext): PartitionResponse {
  const partition = replicas.partition(topic, asked.partition);
  const errorCode =
    partition === undefined ? missingPartitionError(replicas, topic, asked.partition) : partition.checkLeader(asked.currentLeaderEpoch);
  if (partition === undefined || errorCode !== ErrorCode.NONE) return { errorCode, partition: asked.partition };
  const { leaderEpoch, endOffset } = partition.log.endOffsetForEpoch(asked.leaderEpoch);
  return { errorCode: ErrorCode.NONE, partition: asked.partition, leaderEpoch, endOffset };
}

export const offsetForLeaderEpochApi: BrokerApi<typeof offsetForLeaderEpoch> = {
  api: offsetForLeaderEpoch,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_TOPIC] },
  handle: handleOffsetForLeaderEpoch,
  failed: (request, { errorCode }) => ({ topics: request.topics.map((topic) => refusedTopic(topic, errorCode)) }),
};

function refusedTopic({ topic, partitions }: Pick<Topic, 'topic' | 'partitions'>, errorCode: number): Response['topics'][number] {
  return { topic, partitions: partitions.map(({ partition }) => ({ errorCode, partition })) };
}
