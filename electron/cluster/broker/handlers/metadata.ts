/**
 * Key 3, Metadata 0–13.
 *
 * v0: an empty list asks for all topics; since v1 null does, and an empty list asks for none.
 * v4: the client states whether a topic may be created automatically (KIP-204); before, it may.
 * v10: topic ids are returned; v12: topics may be requested by id (KIP-516). v13: a top-level error code (KIP-1102).
 */
import type { RequestContext } from '../../dispatch/request.ts';
import { metadata } from '../../protocol/apis/metadata.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { MetadataImage, TopicImage } from '../../quorum/image.ts';
import { authorizedOperations, isAllowed, Operation, OPERATIONS_NOT_ASKED, Resource, type ItemRule } from '../../security/authorizer.ts';
import { clusterOperations } from '../authorized-operations.ts';
import { aliveBrokers, aliveEndpoint, shownController, viewPartition } from '../cluster-view.ts';
import type { BrokerApi, BrokerContext, Handler } from '../context.ts';
import { isInternalTopic, topicNameProblem } from '../topic-rules.ts';

type Request = RequestOf<typeof metadata>;
type Topic = ResponseIn<typeof metadata>['topics'][number];

const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC };
const CREATE_TOPIC: ItemRule = { operation: Operation.CREATE, resource: Resource.TOPIC, orOnCluster: Operation.CREATE };

export const handleMetadata: Handler<typeof metadata> = async (request, context, broker) => {
  checkRequest(request, context.version);
  const all = request.topics === null || (context.version === 0 && request.topics.length === 0);
  const created = all ? NOTHING_CREATED : await createMissing(request, context, broker);
  // Read after the creation, which may take long: all of one response comes from one image.
  const view: View = { image: broker.image(), request, context, broker };
  const { image } = view;
  const { listener, session } = context;
  const topics: Topic[] = [];
  if (all) {
    // Topics that the client may not describe are not revealed.
    for (const topic of image.topics.values()) if (isDescribable(view, topic.name)) topics.push(viewTopic(view, topic));
  } else for (const asked of uniqueTopics(request)) topics.push(answerTopic(view, asked, created));
  return {
    brokers: aliveBrokers(image, listener),
    clusterId: broker.clusterId,
    controllerId: shownController(broker, image, listener),
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(broker.authorizer, session)
      : OPERATIONS_NOT_ASKED,
    errorCode: ErrorCode.NONE,
  };
};

export const metadataApi: BrokerApi<typeof metadata> = {
  api: metadata,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_TOPIC, CREATE_TOPIC] },
  handle: handleMetadata,
  // Before v13 there is no field for the code except on the requested topics.
  failed: (request, { errorCode }) => ({
    brokers: [],
    topics: (request.topics ?? []).map(({ name, topicId }) => ({ errorCode, name: name ?? '', topicId, partitions: [] })),
    errorCode,
  }),
};

const NOTHING_CREATED: ReadonlyMap<string, number> = new Map();

interface View {
  readonly image: MetadataImage;
  readonly request: Request;
  readonly context: RequestContext;
  readonly broker: BrokerContext;
}

function isDescribable({ broker, context }: Pick<View, 'broker' | 'context'>, name: string): boolean {
  return isAllowed(broker.authorizer, context.session, DESCRIBE_TOPIC, name);
}

interface AskedTopic {
  name: string | null;
  topicId: string;
}

function checkRequest(request: Request, version: number): void {
  for (const { name, topicId } of request.topics ?? []) {
    if (version < 12 && (name === null || topicId !== ZERO_UUID)) {
      throw new KafkaError(ErrorCode.INVALID_REQUEST, 'Topics can be requested by id since Metadata v12.');
    }
    if (name === null && topicId === ZERO_UUID)
      throw new KafkaError(ErrorCode.INVALID_REQUEST, 'A requested topic has neither name nor id.');
  }
}

/** A topic that a request names twice is returned once. */
function uniqueTopics(request: Request): AskedTopic[] {
  const unique = new Map<string, AskedTopic>();
  for (const topic of request.topics ?? []) unique.set(topic.topicId === ZERO_UUID ? `n${topic.name ?? ''}` : topic.topicId, topic);
  return [...unique.values()];
}

/** Creates missing topics, where the client, its authorization and this broker's configuration allow it. Error codes by topic. */
async function createMissing(request: Request, context: RequestContext, broker: BrokerContext): Promise<ReadonlyMap<string, number>> {
  if (!request.allowAutoTopicCreation || !broker.settings.autoCreateTopicsEnable) return NOTHING_CREATED;
  const { topics } = broker.image();
  const missing = new Set<string>();
  for (const { name, topicId } of request.topics ?? []) {
    if (name !== null && topicId === ZERO_UUID && !topics.has(name) && topicNameProblem(name) === null) missing.add(name);
  }
  const refused = new Map<string, number>();
  for (const name of missing) {
    if (!isDescribable({ broker, context }, name)) missing.delete(name);
    else if (!isAllowed(broker.authorizer, context.session, CREATE_TOPIC, name)) {
      missing.delete(name);
      refused.set(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    }
  }
  if (missing.size === 0) return refused;
  const created = await broker.autoTopics.create([...missing]);
  return refused.size === 0 ? created : new Map([...created, ...refused]);
}

function answerTopic(view: View, { name, topicId }: AskedTopic, created: ReadonlyMap<string, number>): Topic {
  const { image } = view;
  if (topicId !== ZERO_UUID) {
    const found = image.topicsById.get(topicId);
    if (found === undefined) return failedTopic(ErrorCode.UNKNOWN_TOPIC_ID, null, topicId);
    return isDescribable(view, found.name) ? viewTopic(view, found) : failedTopic(ErrorCode.TOPIC_AUTHORIZATION_FAILED, null, topicId);
  }
  const asked = name ?? '';
  if (!isDescribable(view, asked)) return failedTopic(ErrorCode.TOPIC_AUTHORIZATION_FAILED, asked, ZERO_UUID);
  const found = image.topics.get(asked);
  if (found !== undefined) return viewTopic(view, found);
  if (topicNameProblem(asked) !== null) return failedTopic(ErrorCode.INVALID_TOPIC_EXCEPTION, asked, ZERO_UUID);
  const creation = created.get(asked);
  if (creation === undefined) return failedTopic(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, asked, ZERO_UUID);
  // Created, but not in this broker's image yet: the client retries.
  return failedTopic(creation === ErrorCode.NONE ? ErrorCode.LEADER_NOT_AVAILABLE : creation, asked, ZERO_UUID);
}

function failedTopic(errorCode: number, name: string | null, topicId: string): Topic {
  return { errorCode, name, topicId, isInternal: name !== null && isInternalTopic(name), partitions: [] };
}

function viewTopic({ image, request, context, broker }: View, topic: TopicImage): Topic {
  const { listener, version, session } = context;
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations
      ? authorizedOperations(broker.authorizer, session, Resource.TOPIC, topic.name)
      : OPERATIONS_NOT_ASKED,
    partitions: topic.partitions.map((partition) => {
      const view = viewPartition(image, partition, listener);
      const { partition: partitionIndex, leaderEpoch, replicas, isr } = partition;
      if (version > 0) return { ...view, partitionIndex, leaderEpoch, replicaNodes: replicas, isrNodes: isr };
      // Clients of v0 look every replica up among the brokers, so only live replicas are returned.
      const alive = (id: number): boolean => aliveEndpoint(image, id, listener) !== undefined;
      const shown = { ...view, partitionIndex, leaderEpoch, replicaNodes: replicas.filter(alive), isrNodes: isr.filter(alive) };
      const partial = shown.replicaNodes.length < replicas.length || shown.isrNodes.length < isr.length;
      return view.errorCode === ErrorCode.NONE && partial ? { ...shown, errorCode: ErrorCode.REPLICA_NOT_AVAILABLE } : shown;
    }),
  };
}
