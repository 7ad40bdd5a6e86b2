/**
 * Key 9, OffsetFetch 1–10. v8: many groups (KIP-709). v10: topics by id (KIP-848): the coordinator uses names, so ids are mapped in requests
 * and responses; an unknown one is UNKNOWN_TOPIC_ID on each of its partitions, and where all topics are requested, deleted ones are left out.
 */
import { offsetFetch } from '../../protocol/apis/offset-fetch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { MetadataImage } from '../../quorum/image.ts';
import { authorizationError, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi, GroupApis, Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

type Request = RequestOf<typeof offsetFetch>;
type Answer = ResponseIn<typeof offsetFetch>;
type Group = Request['groups'][number];
type AnsweredGroup = NonNullable<ResponseIn<typeof offsetFetch>['groups']>[number];
type AnsweredTopic = AnsweredGroup['topics'][number];

export const handleOffsetFetch: Handler<typeof offsetFetch> = async (request, context, broker) => {
  const client = groupClient(context);
  const { authorizer, groups } = broker;
  const allows: Allows = (rule, name) => isAllowed(authorizer, context.session, rule, name);
  const fetch: Fetch = (asked) => groups.offsetFetch(asked, client);
  if (context.version < 8) return fetchOne(request, allows, fetch);
  if (context.version < 10) return fetchMany(request, allows, fetch);
  const image = broker.image();
  const named = { ...request, groups: request.groups.map((group) => withNames(group, image)) };
  const answer = await fetchMany(named, allows, fetch);
  const asked = new Map(request.groups.map((group) => [group.groupId, group]));
  return { ...answer, groups: (answer.groups ?? []).map((group) => withIds(group, asked.get(group.groupId), image)) };
};

type Allows = (rule: ItemRule, name: string) => boolean;
type Fetch = (request: Request) => ReturnType<GroupApis['offsetFetch']>;

const DESCRIBE_GROUP: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.GROUP };
const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC };

/** Before v8: the one group of the request. */
async function fetchOne(request: Request, allows: Allows, fetch: Fetch): Promise<Answer> {
  if (!allows(DESCRIBE_GROUP, request.groupId)) throw authorizationError(Resource.GROUP);
  const { topics: asked } = request;
  const topics = asked?.filter(({ name }) => allows(DESCRIBE_TOPIC, name)) ?? null;
  const answer = await fetch({ ...request, topics });
  if (asked === null) return { ...answer, topics: (answer.topics ?? []).filter(({ name }) => allows(DESCRIBE_TOPIC, name)) };
  if (topics?.length === asked.length || (answer.errorCode ?? ErrorCode.NONE) !== ErrorCode.NONE) return answer;
  const denied = asked.filter(({ name }) => !allows(DESCRIBE_TOPIC, name));
  return {
    ...answer,
    topics: [
      ...(answer.topics ?? []),
      ...denied.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map(deniedOffset) })),
    ],
  };
}

/** From v8 on; topics have names, in v10 too. */
async function fetchMany(request: Request, allows: Allows, fetch: Fetch): Promise<Answer> {
  const isAllowedWhole = ({ groupId, topics }: Group): boolean =>
    topics !== null && allows(DESCRIBE_GROUP, groupId) && topics.every(({ name }) => allows(DESCRIBE_TOPIC, name));
  if (request.groups.every(isAllowedWhole)) return fetch(request);
  const allowed = request.groups.filter(({ groupId }) => allows(DESCRIBE_GROUP, groupId));
  const groups = allowed.map((group) => ({
    ...group,
    topics: group.topics?.filter(({ name }) => allows(DESCRIBE_TOPIC, name)) ?? null,
  }));
  const answer = groups.length === 0 ? {} : await fetch({ ...request, groups });
  // A request may name a group any number of times; its offsets are shared, as the coordinator shares them.
  const visible = new Map<AnsweredGroup, AnsweredGroup>();
  let next = 0;
  const fetched = request.groups.map((asked): AnsweredGroup => {
    const found = asked === allowed[next] ? answer.groups?.[next++] : undefined;
    if (found === undefined) return { groupId: asked.groupId, topics: [], errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    if (asked.topics === null) {
      const known = visible.get(found) ?? { ...found, topics: found.topics.filter(({ name }) => allows(DESCRIBE_TOPIC, name ?? '')) };
      visible.set(found, known);
      return known;
    }
    const denied = asked.topics.filter(({ name }) => !allows(DESCRIBE_TOPIC, name));
    if (denied.length === 0 || (found.errorCode ?? ErrorCode.NONE) !== ErrorCode.NONE) return found;
    const refused = denied.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map(deniedOffset),
    }));
    return { ...found, topics: [...found.topics, ...refused] };
  });
  return { ...answer, groups: fetched };
}

function refusedOffset(partitionIndex: number, errorCode: number): AnsweredTopic['partitions'][number] {
  return { partitionIndex, committedOffset: -1n, metadata: '', errorCode };
}

const deniedOffset = (partitionIndex: number) => refusedOffset(partitionIndex, ErrorCode.TOPIC_AUTHORIZATION_FAILED);

export const offsetFetchApi: BrokerApi<typeof offsetFetch> = {
  api: offsetFetch,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_GROUP, DESCRIBE_TOPIC] },
  handle: handleOffsetFetch,
  // v1 has no top-level code; every partition has it.
  failed: (request, { errorCode }, version) => {
    if (version >= 8) return { groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })) };
    if (version >= 2) return { errorCode, topics: [] };
    return {
      topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => refusedOffset(partitionIndex, errorCode)),
      })),
    };
  },
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
  return refusedOffset(partitionIndex, ErrorCode.UNKNOWN_TOPIC_ID);
}
