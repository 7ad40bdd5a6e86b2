/** Stop, kill and start, as the embedded cluster allows them now. Stop and kill ask first. */
import type { BrokerRow } from '#shared/models/cluster';
import { useBrokersStore } from '../stores/brokers.ts';
import { faultOf } from '../faults/faults.ts';
import { useDialogsStore } from '../stores/dialogs.ts';
import { useLabStore } from '../stores/lab.ts';
import { useToastsStore } from '../stores/toasts.ts';

export interface BrokerAction {
  verb: 'start' | 'stop' | 'kill' | 'thaw';
  label: string;
  danger: boolean;
  run: () => void;
}

export function useBrokerActions() {
  const brokers = useBrokersStore();
  const dialogs = useDialogsStore();
  const toasts = useToastsStore();
  const lab = useLabStore();

  async function start(node: number): Promise<void> {
    const error = await brokers.act('start', node);
    if (error !== null) toasts.addError(error);
  }

  async function thaw(fault: number): Promise<void> {
    const error = await lab.heal(fault);
    if (error !== null) toasts.addError(error);
  }

  function actionsFor(broker: BrokerRow): BrokerAction[] {
    if (broker.lab === null) return [];
    if (!broker.lab.running) return [{ verb: 'start', label: 'Start', danger: false, run: () => void start(broker.id) }];
    const frozen = faultOf(lab.faults, broker.id, ['freeze']);
    if (frozen !== null) {
      return [
        { verb: 'thaw', label: 'Thaw', danger: false, run: () => void thaw(frozen.id) },
        { verb: 'kill', label: 'Kill', danger: true, run: () => (dialogs.confirming = { verb: 'kill', broker: broker.id }) },
      ];
    }
    return [
      { verb: 'stop', label: 'Stop', danger: false, run: () => (dialogs.confirming = { verb: 'stop', broker: broker.id }) },
      { verb: 'kill', label: 'Kill', danger: true, run: () => (dialogs.confirming = { verb: 'kill', broker: broker.id }) },
    ];
  }

  return { actionsFor, start, pending: (node: number) => brokers.pending.get(node) ?? null };
}
