/** The quorum and the brokers' sessions, as the pages need them. */
import { computed } from 'vue';
import { assessQuorum, isUnknown } from '#shared/health';
import { useClusterStore } from '../stores/cluster.ts';

export function useCoordination() {
  const cluster = useClusterStore();
  const quorum = computed(() => cluster.scalars?.quorum ?? null);
  const controllerId = computed(() => cluster.scalars?.controllerId ?? null);

  const majority = computed(() => assessQuorum(quorum.value, cluster.facts));
  /** Null where the voters are not known, or no broker answers. */
  const votersHeard = computed(() => (isUnknown(cluster.facts) ? null : (majority.value?.left ?? null)));

  /** Null where sessions are not told (remote clusters); `live` is null while there is no controller that could say. */
  const sessions = computed(() => {
    const told = cluster.brokerList.filter((broker) => broker.sessionTimeoutMs !== null);
    if (told.length === 0) return null;
    if (controllerId.value === null) return { live: null, expired: 0 };
    const live = told.filter((broker) => broker.sessionAgeMs !== null && broker.sessionAgeMs <= (broker.sessionTimeoutMs ?? 0)).length;
    return { live, expired: told.length - live };
  });

  return { quorum, majority, controllerId, votersHeard, sessions };
}
