/**
 * Key 22, InitProducerId 0–5, for idempotent producers. A transactional id is refused as FindCoordinator refuses it: there is no transaction
 * coordinator here.
 */
import type { initProducerId } from '../../protocol/apis/init-producer-id.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { DataContext, DataRequestContext } from '../replica-manager-context.ts';

type Request = RequestOf<typeof initProducerId>;
type Response = ResponseIn<typeof initProducerId>;

export async function handleInitProducerId(request: Request, _context: DataRequestContext, broker: DataContext): Promise<Response> {
  const { transactionalId, producerId, producerEpoch } = request;
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

/** The answer when the request was refused. */
export function onInitProducerIdError(_request: Request, errorCode: number): Response {
  return { errorCode, producerId: -1n, producerEpoch: -1 };
}
