/**
 * Key 22, InitProducerId 0–5, for idempotent producers. A transactional id is refused as FindCoordinator refuses it: there is no transaction
 * coordinator here.
 */
import { initProducerId } from '../../protocol/apis/init-producer-id.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { CLUSTER_NAME, authorizationError, Operation, Resource, type Authorizer } from '../../security/authorizer.ts';
import type { Session } from '../../security/session.ts';
import type { BrokerApi } from '../context.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';

type Request = RequestOf<typeof initProducerId>;
type Response = ResponseIn<typeof initProducerId>;

export async function handleInitProducerId(request: Request, { session }: DataRequestContext, broker: DataContext): Promise<Response> {
  const { transactionalId, producerId, producerEpoch } = request;
  if (transactionalId === null && !mayBeIdempotent(broker.authorizer, session)) throw authorizationError(Resource.CLUSTER);
  if (transactionalId === '') throw new KafkaError(ErrorCode.INVALID_REQUEST, 'The transactional id is empty.');
  if ((producerId === -1n) !== (producerEpoch === -1)) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, 'A producer id and its epoch go together.');
  }
  if (transactionalId !== null) {
    throw new KafkaError(
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      'This cluster has no transactions. Use an idempotent producer without a transactional id.',
    );
  }
  // Without a transactional id a producer always gets a new producer id.
  return { errorCode: ErrorCode.NONE, producerId: await broker.producerIds.next(), producerEpoch: 0 };
}

/** As in Apache Kafka, a client that may write to any topic may be idempotent (KIP-679). */
function mayBeIdempotent(authorizer: Authorizer, session: Session): boolean {
  return (
    authorizer.authorize(session, Operation.IDEMPOTENT_WRITE, Resource.CLUSTER, CLUSTER_NAME) ||
    authorizer.authorizeAny(session, Operation.WRITE, Resource.TOPIC)
  );
}

export const initProducerIdApi: BrokerApi<typeof initProducerId> = {
  api: initProducerId,
  listeners: ['broker'],
  authorization: { items: [{ operation: Operation.IDEMPOTENT_WRITE, resource: Resource.CLUSTER }] },
  handle: handleInitProducerId,
  failed: (_request, { errorCode }) => ({ errorCode, producerId: -1n, producerEpoch: -1 }),
};
