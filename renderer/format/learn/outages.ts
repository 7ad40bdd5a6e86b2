/** The buttons of "What goes wrong": one thing to break, and the way back for whatever is broken. */
import type { BrokerRow } from '#shared/models/cluster';
import { faultOf } from '../faults.ts';
import type { LearnState, Outage } from './concept.ts';

const DOWN = ['stop', 'kill', 'powerCut'] as const;

/** For each broker that is down or frozen: how it comes back. */
export function waysBack(state: LearnState): Outage[] {
  return state.brokers.flatMap((broker): Outage[] => {
    const frozen = faultOf(state.faults, broker.id, ['freeze']);
    if (frozen !== null) return [{ key: `thaw-${broker.id}`, label: `Thaw broker ${broker.id}`, danger: false, act: { heal: frozen.id } }];
    if (broker.lab === null || broker.lab.running || isOnItsWay(broker)) return [];
    const ended = faultOf(state.faults, broker.id, [...DOWN]);
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

/** Shutting down or starting: what is asked of it then is refused, so nothing is offered. */
const isOnItsWay = ({ state }: BrokerRow): boolean => state === 'shuttingDown' || state === 'starting';

/** The ways back alone where something is broken already; nothing while a broker is on its way down or up. */
export function waysBackOr(state: LearnState, offers: () => Outage[]): Outage[] {
  if (state.brokers.some(isOnItsWay)) return [];
  const back = waysBack(state);
  return back.length > 0 ? back : offers();
}

/** Kill that one, unless something is broken already. */
export function killOrMend(state: LearnState, node: number | null): Outage[] {
  return waysBackOr(state, () => (node === null ? [] : [killOf(node)]));
}

export const isDown = (broker: BrokerRow): boolean => broker.lab?.running === false;
