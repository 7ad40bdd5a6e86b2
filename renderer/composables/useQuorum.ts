/** The KRaft quorum and the brokers' sessions with the controller. */
import { computed } from 'vue';
import { assessQuorum, isUnknown } from '#shared/health';
import { useClusterStore } from '../stores/cluster.ts';

export function useQuorum() {
  const cluster = useClusterStore();
  const quorum = computed(() => cluster.scalars?.quorum ?? null);
  const controllerId = computed(() => cluster.scalars?.controllerId ?? null);

  const majority = computed(() => assessQuorum(quorum.value, cluster.facts));
  /** Null where the voters are unknown, or no broker responds. */
  const respondingVoters = computed(() => (isUnknown(cluster.facts) ? null : (majority.value?.left ?? null)));

  /** Null where sessions are unknown (remote clusters); `live` is null while there is no controller that reports them. */
  const sessions = computed(() => {
    const known = cluster.brokerList.filter((broker) => broker.sessionTimeoutMs !== null);
    if (known.length === 0) return null;
    if (controllerId.value === null) return { live: null, expired: 0 };
    const live = known.filter((broker) => broker.sessionAgeMs !== null && broker.sessionAgeMs <= (broker.sessionTimeoutMs ?? 0)).length;
    return { live, expired: known.length - live };
  });

  return { quorum, majority, controllerId, respondingVoters, sessions };
}
