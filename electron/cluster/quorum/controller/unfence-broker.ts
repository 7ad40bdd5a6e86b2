import type { BrokerRegistration } from '../image.ts';
import { electForLeaderless, moveEvents } from './partition-moves.ts';
import { isActive, type Decision, type DecisionContext } from './decision.ts';

/** Unfences a broker. Partitions without a leader elect one; it rejoins the ISRs of the others once it has caught up. */
export function unfenceBroker(context: DecisionContext, broker: BrokerRegistration): Decision<void> {
  const { image, properties } = context;
  const moves = electForLeaderless(image, properties, (id) =>
    id === broker.id ? !broker.inControlledShutdown : isActive(image.brokers.get(id)),
  );
  return {
    records: [
      {
        type: 'BrokerRegistrationChangeRecord',
        value: { brokerId: broker.id, brokerEpoch: broker.epoch, fenced: -1, inControlledShutdown: 0 },
      },
      ...moves.map((move) => move.record),
    ],
    response: undefined,
    events: [
      { type: 'cluster/brokerUnfenced', broker: broker.id, reason: 'caught up with the metadata log' },
      ...moveEvents(moves, 'unfencing', `broker ${broker.id} was unfenced`, broker.id),
    ],
  };
}
