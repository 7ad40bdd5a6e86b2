/** The app's own ZooKeeper sessions on the embedded cluster, and actions on them. */
import { shallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { ScopedPayload } from '#shared/ipc';
import type { ZooKeeperClients } from '#shared/models/zookeeper-clients';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';

type Verb =
  | 'zookeeper/openSession'
  | 'zookeeper/create'
  | 'zookeeper/set'
  | 'zookeeper/delete'
  | 'zookeeper/watch'
  | 'zookeeper/suspendSession'
  | 'zookeeper/resumeSession'
  | 'zookeeper/closeSession';

export const useZooKeeperSessionsStore = defineScopedStore('zookeeperSessions', (scope) => {
  /** Null while unknown, and on a remote cluster, where the app has no sessions. */
  const clients = shallowRef<ZooKeeperClients | null>(null);

  function take(answer: Result<ZooKeeperClients>): AppError | null {
    if (!answer.ok) return answer.error;
    clients.value = answer.value;
    return null;
  }

  async function load(): Promise<void> {
    if (take(await scope.request('zookeeper/clients', {})) !== null) clients.value = null;
  }

  /** Null when it is done. */
  const act = async <V extends Verb>(verb: V, payload: ScopedPayload<V>): Promise<AppError | null> =>
    take(await scope.request<V>(verb, payload));

  function start(): () => void {
    if (!scope.embedded) return () => undefined;
    const stops = [
      scope.listen('zookeeper/clientsChanged', (changed) => (clients.value = changed)),
      scope.listen('connection/reopened', () => void load()),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((end) => end());
  }

  return { clients, act, start };
});
