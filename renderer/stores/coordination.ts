/** The app's own ZooKeeper sessions on the cluster of this desk: what they are, and what can be done with them. */
import { shallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { ScopedPayload } from '#shared/ipc';
import type { CoordinationClients } from '#shared/models/coordination';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';

type Verb = 'zk/open' | 'zk/create' | 'zk/set' | 'zk/delete' | 'zk/watch' | 'zk/silence' | 'zk/speak' | 'zk/close';

export const useCoordinationStore = defineScopedStore('coordination', (scope) => {
  /** Null before they are known, and where there are none: on a cluster somewhere else. */
  const clients = shallowRef<CoordinationClients | null>(null);

  function take(answer: Result<CoordinationClients>): AppError | null {
    if (!answer.ok) return answer.error;
    clients.value = answer.value;
    return null;
  }

  async function load(): Promise<void> {
    if (take(await scope.request('zk/clients', {})) !== null) clients.value = null;
  }

  /** Null when it is done. */
  const act = async <V extends Verb>(verb: V, payload: ScopedPayload<V>): Promise<AppError | null> =>
    take(await scope.request<V>(verb, payload));

  function start(): () => void {
    if (!scope.embedded) return () => undefined;
    const stops = [
      scope.listen('coordination/clientsChanged', (changed) => (clients.value = changed)),
      scope.listen('connection/reopened', () => void load()),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((end) => end());
  }

  return { clients, act, start };
});
