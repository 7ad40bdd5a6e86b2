/**
 * Key 10, FindCoordinator 0–6. A group's coordinator is the leader of the partition of `__consumer_offsets` that the hash of its id falls on;
 * the topic is created when it is first needed.
 *
 * v4: many keys at once (KIP-699). Share groups (key type 2, v6) have no coordinator here: INVALID_REQUEST, which clients do not retry.
 * Transactional ids (1) are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED: librdkafka retries after any other error until
 * its timeout, and Java's producer ends at once too.
 */
import { partitionForKey } from '../../coordinator/java-hash.ts';
import { findCoordinator } from '../../protocol/apis/find-coordinator.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { TopicImage } from '../../quorum/image.ts';
import { authorizationError, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { aliveEndpoint } from '../cluster-view.ts';
import type { BrokerApi, BrokerContext, Handler } from '../context.ts';
import { OFFSETS_TOPIC } from '../topic-rules.ts';

const DESCRIBE_GROUP: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.GROUP };
const GROUP = 0;
const TRANSACTION = 1;

export const handleFindCoordinator: Handler<typeof findCoordinator> = async (request, { version, listener, session }, broker) => {
  if (request.keyType === TRANSACTION)
    throw new KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'This cluster does not support transactions.');
  if (request.keyType !== GROUP) throw new KafkaError(ErrorCode.INVALID_REQUEST, refusal(request.keyType));
  const isVisible = (key: string): boolean => isAllowed(broker.authorizer, session, DESCRIBE_GROUP, key);
  // The topic is not created for a client that may see no group.
  const topic = (version >= 4 ? request.coordinatorKeys : [request.key]).some(isVisible) ? await offsetsTopic(broker) : undefined;
  const find = (key: string): Coordinator => (isVisible(key) ? coordinatorOf(key, topic, broker, listener) : REFUSED);
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

async function offsetsTopic(broker: BrokerContext): Promise<TopicImage | undefined> {
  const found = broker.image().topics.get(OFFSETS_TOPIC);
  if (found !== undefined) return found;
  await broker.autoTopics.create([OFFSETS_TOPIC]);
  return broker.image().topics.get(OFFSETS_TOPIC);
}

function coordinatorOf(key: string, topic: TopicImage | undefined, broker: BrokerContext, listener: string): Coordinator {
  if (topic === undefined) return unavailable(`${OFFSETS_TOPIC} is being created.`);
  const partition = partitionForKey(key, topic.partitions.length);
  const leader = topic.partitions[partition]?.leader ?? -1;
  const endpoint = aliveEndpoint(broker.image(), leader, listener);
  if (endpoint === undefined) return unavailable(`${OFFSETS_TOPIC}-${partition} has no leader.`);
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
