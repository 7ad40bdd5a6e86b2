import type { unregisterBroker as api } from '../../protocol/apis/unregister-broker.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { moveAwayFrom, moveEvents } from './partition-moves.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';

/** Unregisters a broker that was removed. A broker that still runs finds its epoch unknown and registers again. */
export function unregisterBroker(context: DecisionContext, request: RequestOf<typeof api>): Decision<ResponseIn<typeof api>> {
  const broker = context.image.brokers.get(request.brokerId);
  if (broker === undefined) {
    throw new KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, `There is no broker with id ${request.brokerId} in this cluster.`);
  }
  const moves = moveAwayFrom(context.image, context.properties, broker.id);
  const fenced: ControllerEvent = {
    type: 'cluster/brokerFenced',
    broker: broker.id,
    reason: 'removed from the cluster',
    details: { trigger: 'removal' },
  };
  return {
    records: [
      ...moves.map((move) => move.record),
      { type: 'UnregisterBrokerRecord', value: { brokerId: broker.id, brokerEpoch: broker.epoch } },
    ],
    response: { errorCode: ErrorCode.NONE },
    events: [
      ...(broker.fenced ? [] : [fenced]),
      ...moveEvents(moves, 'removal', `broker ${broker.id} was removed from the cluster`, broker.id),
    ],
  };
}
