/**
 * Key 8, OffsetCommit 2–10. Offsets of partitions that do not exist are refused one by one, the others go to the coordinator, which knows
 * topics by name. v10: topics come by id (KIP-848); an unknown one is UNKNOWN_TOPIC_ID.
 */
import { commitError } from '../../coordinator/group/offset-requests.ts';
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { offsetCommit } from '../../protocol/apis/offset-commit.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { MetadataImage, TopicImage } from '../../quorum/image.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi, Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

type Topic = RequestOf<typeof offsetCommit>['topics'][number];
type Answer = ResponseIn<typeof offsetCommit>;

const READ_TOPIC: ItemRule = { operation: Operation.READ, resource: Resource.TOPIC };

export const handleOffsetCommit: Handler<typeof offsetCommit> = async (request, context, broker) => {
  const image = broker.image();
  const byId = context.version >= 10;
  const accepted: Topic[] = [];
  const denied = new Set<Topic>();
  for (const topic of request.topics) {
    const known = topicOf(image, topic, byId);
    const name = byId ? known?.name : topic.name;
    if (name !== undefined && !isAllowed(broker.authorizer, context.session, READ_TOPIC, name)) {
      denied.add(topic);
      continue;
    }
    const partitions = topic.partitions.filter(({ partitionIndex }) => known?.partitions[partitionIndex] !== undefined);
    if (known !== undefined && partitions.length > 0) accepted.push({ name: known.name, topicId: known.id, partitions });
  }
  const nothingToDo = accepted.length === 0 && request.topics.length > 0;
  const answer = nothingToDo ? { topics: [] } : await broker.groups.offsetCommit({ ...request, topics: accepted }, groupClient(context));
  const codes = codesByPartition(answer);
  return {
    ...answer,
    topics: request.topics.map((topic) => {
      const known = topicOf(image, topic, byId);
      if (denied.has(topic)) return deniedTopic(topic);
      const missing = byId && known === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      const found = known === undefined ? undefined : codes.get(known.name);
      return {
        name: topic.name,
        topicId: topic.topicId,
        partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: found?.get(partitionIndex) ?? missing })),
      };
    }),
  };
};

function deniedTopic({ name, topicId, partitions }: Topic): Answer['topics'][number] {
  const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
  return { name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) };
}

export const offsetCommitApi: BrokerApi<typeof offsetCommit> = {
  api: offsetCommit,
  listeners: ['broker'],
  authorization: { ...onGroup(Operation.READ), items: [READ_TOPIC] },
  handle: handleOffsetCommit,
  failed: (request, { errorCode }) => commitError(request, errorCode),
};

function topicOf(image: MetadataImage, { name, topicId }: Topic, byId: boolean): TopicImage | undefined {
  return byId ? image.topicsById.get(topicId) : image.topics.get(name);
}

function codesByPartition(answer: Answer): Map<string, Map<number, number>> {
  const topics = new Map<string, Map<number, number>>();
  for (const { name, partitions } of answer.topics) {
    const codes = topics.get(name ?? '') ?? new Map<number, number>();
    for (const { partitionIndex, errorCode } of partitions) codes.set(partitionIndex, errorCode);
    topics.set(name ?? '', codes);
  }
  return topics;
}
