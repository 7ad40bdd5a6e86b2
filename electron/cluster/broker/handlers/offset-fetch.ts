/**
 * Key 9, OffsetFetch 1–10. v8: many groups (KIP-709). v10: topics by id (KIP-848): the coordinator uses names, so ids are mapped in requests
 * and responses; an unknown one is UNKNOWN_TOPIC_ID on each of its partitions, and where all topics are requested, deleted ones are left out.
 */
import type { offsetFetch } from '../../protocol/apis/offset-fetch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { MetadataImage } from '../../quorum/image.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

type Group = RequestOf<typeof offsetFetch>['groups'][number];
type AnsweredGroup = NonNullable<ResponseIn<typeof offsetFetch>['groups']>[number];
type AnsweredTopic = AnsweredGroup['topics'][number];

export const handleOffsetFetch: Handler<typeof offsetFetch> = async (request, context, broker) => {
  const client = groupClient(context);
  if (context.version < 10) return broker.groups.offsetFetch(request, client);
  const image = broker.image();
  const named = { ...request, groups: request.groups.map((group) => withNames(group, image)) };
  const answer = await broker.groups.offsetFetch(named, client);
  const asked = new Map(request.groups.map((group) => [group.groupId, group]));
  return { ...answer, groups: (answer.groups ?? []).map((group) => withIds(group, asked.get(group.groupId), image)) };
};

function withNames(group: Group, image: MetadataImage): Group {
  if (group.topics === null) return group;
  const topics = group.topics.flatMap((topic) => {
    const known = image.topicsById.get(topic.topicId);
    return known === undefined ? [] : [{ ...topic, name: known.name }];
  });
  return { ...group, topics };
}

function withIds(answer: AnsweredGroup, asked: Group | undefined, image: MetadataImage): AnsweredGroup {
  const topics: AnsweredTopic[] = [];
  for (const topic of answer.topics) {
    const topicId = image.topics.get(topic.name ?? '')?.id ?? ZERO_UUID;
    if (topicId !== ZERO_UUID) topics.push({ ...topic, topicId });
  }
  if (answer.errorCode !== undefined && answer.errorCode !== ErrorCode.NONE) return { ...answer, topics };
  for (const { topicId, partitionIndexes } of asked?.topics ?? []) {
    if (!image.topicsById.has(topicId)) topics.push({ topicId, partitions: partitionIndexes.map(unknownTopicId) });
  }
  return { ...answer, topics };
}

function unknownTopicId(partitionIndex: number): AnsweredTopic['partitions'][number] {
  return { partitionIndex, committedOffset: -1n, metadata: '', errorCode: ErrorCode.UNKNOWN_TOPIC_ID };
}
