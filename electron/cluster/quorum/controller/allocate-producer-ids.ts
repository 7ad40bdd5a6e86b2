import type { allocateProducerIds as api } from '../../protocol/apis/allocate-producer-ids.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { currentBroker, type Decision, type DecisionContext } from './decision.ts';

/** Ids of one block; a broker that crashes loses the rest of its block. There are 2⁶³ ids. */
export const PRODUCER_ID_BLOCK = 1000;

/** Allocates the next block of producer ids to a broker (KIP-730). */
export function allocateProducerIds(context: DecisionContext, request: RequestOf<typeof api>): Decision<ResponseIn<typeof api>> {
  const { brokerId, brokerEpoch } = request;
  currentBroker(context.image, brokerId, brokerEpoch);
  const producerIdStart = context.image.nextProducerId;
  const nextProducerId = producerIdStart + BigInt(PRODUCER_ID_BLOCK);
  return {
    records: [{ type: 'ProducerIdsRecord', value: { brokerId, brokerEpoch, nextProducerId } }],
    response: { errorCode: ErrorCode.NONE, producerIdStart, producerIdLen: PRODUCER_ID_BLOCK },
    events: [],
  };
}
