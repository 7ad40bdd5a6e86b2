/**
 * Key 75, DescribeTopicPartitions 0 (KIP-966): topics by name, page by page, with eligible leader replicas. A page ends in the middle of
 * a topic where the limit falls there; the cursor says where the next one starts.
 */
import { describeTopicPartitions } from '../../protocol/apis/describe-topic-partitions.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { authorizedOperations, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { viewPartition } from '../cluster-view.ts';
import type { BrokerApi, Handler } from '../context.ts';
import { isInternalTopic, topicNameProblem } from '../topic-rules.ts';

type Topic = ResponseIn<typeof describeTopicPartitions>['topics'][number];

const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC };

export const handleDescribeTopicPartitions: Handler<typeof describeTopicPartitions> = (request, { listener, session }, broker) => {
  const { cursor } = request;
  if (cursor !== null && cursor.partitionIndex < 0) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `A cursor cannot be at partition ${cursor.partitionIndex}.`);
  }
  const image = broker.image();
  const all = request.topics.length === 0;
  const asked = all ? [...image.topics.keys()] : [...new Set(request.topics.map(({ name }) => name))];
  const wanted = asked.filter((name) => cursor === null || name >= cursor.topicName).sort();
  const names = wanted.filter((name) => isAllowed(broker.authorizer, session, DESCRIBE_TOPIC, name));
  // Without a list of topics, those that the client may not describe are not revealed.
  const denied =
    all || names.length === wanted.length
      ? []
      : wanted.filter((name) => !names.includes(name)).map((name) => refusedTopic(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED));
  let room = Math.max(Math.min(broker.settings.maxRequestPartitionSizeLimit, request.responsePartitionLimit), 1);

  const topics: Topic[] = [];
  for (const name of names) {
    const topic = image.topics.get(name);
    const first = cursor !== null && name === cursor.topicName ? cursor.partitionIndex : 0;
    if (room === 0) return { topics: [...topics, ...denied], nextCursor: { topicName: name, partitionIndex: first } };
    if (topic === undefined) {
      const errorCode = topicNameProblem(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
      topics.push({ errorCode, name, topicId: ZERO_UUID, isInternal: isInternalTopic(name), partitions: [] });
      continue;
    }
    const page = topic.partitions.slice(first, first + room);
    topics.push({
      errorCode: ErrorCode.NONE,
      name,
      topicId: topic.id,
      isInternal: isInternalTopic(name),
      topicAuthorizedOperations: authorizedOperations(broker.authorizer, session, Resource.TOPIC, name),
      partitions: page.map((partition) => ({
        ...viewPartition(image, partition, listener),
        partitionIndex: partition.partition,
        leaderEpoch: partition.leaderEpoch,
        replicaNodes: partition.replicas,
        isrNodes: partition.isr,
        eligibleLeaderReplicas: partition.elr,
        lastKnownElr: partition.lastKnownElr,
      })),
    });
    room -= page.length;
    if (first + page.length < topic.partitions.length) {
      return { topics: [...topics, ...denied], nextCursor: { topicName: name, partitionIndex: first + page.length } };
    }
  }
  return { topics: [...topics, ...denied], nextCursor: null };
};

function refusedTopic(name: string, errorCode: number): Topic {
  return { errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] };
}

export const describeTopicPartitionsApi: BrokerApi<typeof describeTopicPartitions> = {
  api: describeTopicPartitions,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_TOPIC] },
  handle: handleDescribeTopicPartitions,
  failed: (request, { errorCode }) => ({ topics: request.topics.map(({ name }) => refusedTopic(name, errorCode)) }),
};
