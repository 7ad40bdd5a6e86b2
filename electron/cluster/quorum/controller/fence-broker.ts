import type { BrokerRegistration } from '../image.ts';
import { moveAwayFrom, moveEvents } from './partition-moves.ts';
import type { Decision, DecisionContext } from './decision.ts';

/** Fences a broker: it leads no partition and is in no ISR until it is unfenced (KIP-631). `reason` is shown on the timeline. */
export function fenceBroker(context: DecisionContext, broker: BrokerRegistration, reason: string): Decision<void> {
  if (broker.fenced) return { records: [], response: undefined, events: [] };
  const moves = moveAwayFrom(context.image, context.properties, broker.id);
  return {
    records: [
      {
        type: 'BrokerRegistrationChangeRecord',
        value: { brokerId: broker.id, brokerEpoch: broker.epoch, fenced: 1, inControlledShutdown: 0 },
      },
      ...moves.map((move) => move.record),
    ],
    response: undefined,
    events: [
      { type: 'cluster/brokerFenced', broker: broker.id, reason },
      ...moveEvents(moves, 'fencing', `broker ${broker.id} was fenced`, broker.id),
    ],
  };
}
