/** The app's own ZooKeeper sessions on the cluster of this desk: what they are, and what can be done with them. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError, Result } from '#shared/errors';
import type { Payload } from '#shared/ipc';
import type { CoordinationClients } from '#shared/models/coordination';
import { listen, onReopened, request } from '../api.ts';

type Verb = 'zk/open' | 'zk/create' | 'zk/set' | 'zk/delete' | 'zk/watch' | 'zk/silence' | 'zk/speak' | 'zk/close';

export const useCoordinationStore = defineStore('coordination', () => {
  /** Null before they are known, and where there are none: on a cluster somewhere else. */
  const clients = shallowRef<CoordinationClients | null>(null);

  function take(answer: Result<CoordinationClients>): AppError | null {
    if (!answer.ok) return answer.error;
    clients.value = answer.value;
    return null;
  }

  async function load(): Promise<void> {
    if (take(await request('zk/clients', {})) !== null) clients.value = null;
  }

  /** Null when it is done. */
  const act = async <V extends Verb>(verb: V, payload: Payload<V>): Promise<AppError | null> => take(await request<Verb>(verb, payload));

  function start(): () => void {
    const stops = [
      listen('coordination/clientsChanged', (told) => (clients.value = told)),
      listen('connection/changed', () => void load()),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((end) => end());
  }

  return { clients, act, start };
});
