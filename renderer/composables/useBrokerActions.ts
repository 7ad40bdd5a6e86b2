/** Stop, kill and start, as the embedded cluster allows them now. Stop and kill ask first. */
import type { BrokerRow } from '#shared/models/cluster';
import { useBrokersStore } from '../stores/brokers.ts';
import { useDeskStore } from '../stores/desk.ts';

export interface BrokerAction {
  verb: 'start' | 'stop' | 'kill';
  label: string;
  danger: boolean;
  run: () => void;
}

export function useBrokerActions() {
  const brokers = useBrokersStore();
  const desk = useDeskStore();

  async function start(node: number): Promise<void> {
    const error = await brokers.act('start', node);
    if (error !== null) desk.complain(error);
  }

  function actionsFor(broker: BrokerRow): BrokerAction[] {
    if (broker.lab === null) return [];
    if (!broker.lab.running) return [{ verb: 'start', label: 'Start', danger: false, run: () => void start(broker.id) }];
    return [
      { verb: 'stop', label: 'Stop', danger: false, run: () => (desk.confirming = { verb: 'stop', broker: broker.id }) },
      { verb: 'kill', label: 'Kill', danger: true, run: () => (desk.confirming = { verb: 'kill', broker: broker.id }) },
    ];
  }

  return { actionsFor, start, underWay: (node: number) => brokers.underWay.get(node) ?? null };
}
