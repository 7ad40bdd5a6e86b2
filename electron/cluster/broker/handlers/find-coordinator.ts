/**
 * Key 10, FindCoordinator 0–6. A group's coordinator is the leader of the partition of `__consumer_offsets` that the hash of its id falls on;
 * the topic is created when it is first needed.
 *
 * v4: many keys at once (KIP-699). Share groups (key type 2, v6) have no coordinator here: INVALID_REQUEST, which clients do not retry.
 * Transactional ids (1) are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED: librdkafka retries after any other error until
 * its timeout, and Java's producer ends at once too.
 */
import { findCoordinator } from '../../protocol/apis/find-coordinator.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { TopicImage } from '../../quorum/image.ts';
import { authorizationError, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { aliveEndpoint } from '../cluster-view.ts';
import type { BrokerApi, BrokerContext, Handler } from '../context.ts';
import { INTERNAL_TOPICS, type InternalTopic } from '../internal-topics.ts';

const DESCRIBE_GROUP: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.GROUP };
const TRANSACTION = 1;

export const handleFindCoordinator: Handler<typeof findCoordinator> = async (request, { version, listener, session }, broker) => {
  if (request.keyType === TRANSACTION)
    throw new KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'This cluster does not support transactions.');
  const internal = INTERNAL_TOPICS.find(({ keyType }) => keyType === request.keyType);
  if (internal === undefined) throw new KafkaError(ErrorCode.INVALID_REQUEST, refusal(request.keyType));
  const isVisible = (key: string): boolean => isAllowed(broker.authorizer, session, DESCRIBE_GROUP, key);
  // The topic is not created for a client that may see no group.
  const topic = (version >= 4 ? request.coordinatorKeys : [request.key]).some(isVisible) ? await createdTopic(internal, broker) : undefined;
  const find = (key: string): Coordinator => (isVisible(key) ? coordinatorOf(key, internal, topic, broker, listener) : REFUSED);
  if (version >= 4) return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...find(key) })) };
  return find(request.key);
};

export const findCoordinatorApi: BrokerApi<typeof findCoordinator> = {
  api: findCoordinator,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_GROUP] },
  handle: handleFindCoordinator,
  failed: (request, { errorCode, errorMessage }, version) =>
    version >= 4
      ? { coordinators: request.coordinatorKeys.map((key) => ({ key, ...noCoordinator(errorCode, errorMessage) })) }
      : noCoordinator(errorCode, errorMessage),
};

interface Coordinator {
  errorCode: number;
  errorMessage: string | null;
  nodeId: number;
  host: string;
  port: number;
}

function refusal(keyType: number): string {
  if (keyType === 2) return 'This cluster does not support share groups.';
  return `Coordinator type ${keyType} is unknown.`;
}

async function createdTopic({ name }: InternalTopic, broker: BrokerContext): Promise<TopicImage | undefined> {
  const found = broker.image().topics.get(name);
  if (found !== undefined) return found;
  await broker.autoTopics.create([name]);
  return broker.image().topics.get(name);
}

function coordinatorOf(
  key: string,
  internal: InternalTopic,
  topic: TopicImage | undefined,
  broker: BrokerContext,
  listener: string,
): Coordinator {
  const { name } = internal;
  if (topic === undefined) return unavailable(`${name} is being created.`);
  const partition = internal.partitionFor(key, topic.partitions.length);
  const leader = topic.partitions[partition]?.leader ?? -1;
  const endpoint = aliveEndpoint(broker.image(), leader, listener);
  if (endpoint === undefined) return unavailable(`${name}-${partition} has no leader.`);
  return { errorCode: ErrorCode.NONE, errorMessage: null, nodeId: endpoint.nodeId, host: endpoint.host, port: endpoint.port };
}

function unavailable(errorMessage: string): Coordinator {
  return noCoordinator(ErrorCode.COORDINATOR_NOT_AVAILABLE, errorMessage);
}

function noCoordinator(errorCode: number, errorMessage: string): Coordinator {
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 };
}

const { code, message } = authorizationError(Resource.GROUP);
const REFUSED = noCoordinator(code, message);
