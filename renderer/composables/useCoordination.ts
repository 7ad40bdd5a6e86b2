/** The quorum and the brokers' sessions, as the pages need them. */
import { computed } from 'vue';
import { isAlive } from '../format/replicas.ts';
import { useClusterStore } from '../stores/cluster.ts';

export function useCoordination() {
  const cluster = useClusterStore();
  const quorum = computed(() => cluster.scalars?.quorum ?? null);
  const controllerId = computed(() => cluster.scalars?.controllerId ?? null);

  /** Voters that take part: not known to be down. */
  const votersHeard = computed(
    () =>
      (quorum.value?.voters ?? []).filter((voter) => {
        const broker = cluster.brokers.get(voter.id);
        return broker === undefined || (broker.lab === null ? isAlive(broker) : broker.lab.running && broker.state !== 'frozen');
      }).length,
  );

  /** Null where sessions are not told (remote clusters); `live` is null while there is no controller that could say. */
  const sessions = computed(() => {
    const told = cluster.brokerList.filter((broker) => broker.sessionTimeoutMs !== null);
    if (told.length === 0) return null;
    if (controllerId.value === null) return { live: null, expired: 0 };
    const live = told.filter((broker) => broker.sessionAgeMs !== null && broker.sessionAgeMs <= (broker.sessionTimeoutMs ?? 0)).length;
    return { live, expired: told.length - live };
  });

  return { quorum, controllerId, votersHeard, sessions };
}
