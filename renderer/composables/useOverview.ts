/** What the overview opens with: the state of the cluster, and what needs attention. */
import { computed } from 'vue';
import { listAttention } from '../health/attention.ts';
import { describeStatus } from '../health/cluster-status.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useIncidentsStore } from '../stores/incidents.ts';
import { useTopicsStore } from '../stores/topics.ts';
import { useNow } from './useNow.ts';

export function useOverview() {
  const cluster = useClusterStore();
  const topics = useTopicsStore();
  const incidents = useIncidentsStore();
  const now = useNow();
  /** Ages are shown in seconds at most. */
  const second = computed(() => Math.floor(now.value / 1_000) * 1_000);

  const attention = computed(() =>
    cluster.scalars === null
      ? []
      : listAttention({
          brokers: cluster.brokerList,
          topics: cluster.topicList,
          groups: cluster.groupList,
          quorum: cluster.scalars.quorum,
          unreachable: cluster.scalars.unreachable,
          facts: cluster.facts,
          incidents: incidents.all,
          now: second.value,
        }),
  );
  const status = computed(() =>
    describeStatus({
      ready: cluster.ready,
      facts: cluster.facts,
      brokers: cluster.brokerList,
      totals: topics.totals,
      quorum: cluster.scalars?.quorum ?? null,
      controllerId: cluster.scalars?.controllerId ?? null,
      attention: attention.value,
      asOf: cluster.scalars?.asOf ?? 0,
    }),
  );

  return { status, attention };
}
