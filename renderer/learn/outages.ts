/** The fault buttons of a page, and the buttons that heal faults. */
import type { BrokerRow } from '#shared/models/cluster';
import { PROCESS_FAULTS, faultOf } from '../faults/faults.ts';
import type { LearnState, Outage } from './concept.ts';

/** Buttons that start or thaw each broker that is down or frozen. */
export function recoveries(state: LearnState): Outage[] {
  return state.brokers.flatMap((broker): Outage[] => {
    const frozen = faultOf(state.faults, broker.id, ['freeze']);
    if (frozen !== null) return [{ key: `thaw-${broker.id}`, label: `Thaw broker ${broker.id}`, danger: false, act: { heal: frozen.id } }];
    if (broker.lab === null || broker.lab.running || isInTransition(broker)) return [];
    const ended = faultOf(state.faults, broker.id, PROCESS_FAULTS);
    return [
      {
        key: `start-${broker.id}`,
        label: `Start broker ${broker.id}`,
        danger: false,
        act: ended === null ? { start: broker.id } : { heal: ended.id },
      },
    ];
  });
}

export function killOf(node: number): Outage {
  return { key: `kill-${node}`, label: `Kill broker ${node}`, danger: true, act: { inject: { type: 'kill', node } } };
}

/** A broker that is shutting down or starting refuses other actions. */
const isInTransition = ({ state }: BrokerRow): boolean => state === 'shuttingDown' || state === 'starting';

/** Only the buttons that heal, if a broker is down; no buttons while a broker is starting or shutting down. */
export function recoveriesOr(state: LearnState, offers: () => Outage[]): Outage[] {
  if (state.brokers.some(isInTransition)) return [];
  const back = recoveries(state);
  return back.length > 0 ? back : offers();
}

/** A button that kills the broker, or the buttons that heal. */
export function killOrRecover(state: LearnState, node: number | null): Outage[] {
  return recoveriesOr(state, () => (node === null ? [] : [killOf(node)]));
}

export const isDown = (broker: BrokerRow): boolean => broker.lab?.running === false;
