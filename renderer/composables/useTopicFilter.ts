/** The topics page's filter, kept in the address so that a link to it shows the same. */
import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { plural } from '../format/numbers.ts';
import { topicFacts } from '../topics/topic-facts.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { usePreferencesStore } from '../stores/preferences.ts';
import { useTopicsStore } from '../stores/topics.ts';

export function useTopicFilter() {
  const cluster = useClusterStore();
  const topics = useTopicsStore();
  const preferences = usePreferencesStore();
  const route = useRoute();
  const router = useRouter();

  function put(change: Record<string, string | undefined>): void {
    void router.replace({ query: { ...route.query, ...change } });
  }
  const text = computed({
    get: () => (typeof route.query['q'] === 'string' ? route.query['q'] : ''),
    set: (next) => put({ q: next === '' ? undefined : next }),
  });
  const onlyAttention = computed({
    get: () => route.query['show'] === 'attention',
    set: (next) => put({ show: next ? 'attention' : undefined }),
  });
  /** From a link to one kind of partition; it is removed, not chosen, on the page. */
  const only = computed(() =>
    route.query['show'] === 'offline' || route.query['show'] === 'under-replicated' ? route.query['show'] : null,
  );
  const showEvery = (): void => put({ show: undefined });
  const showInternal = computed({
    get: () => preferences.showInternal,
    set: (next) => (preferences.showInternal = next),
  });

  const shown = computed(() => {
    const query = text.value.trim().toLowerCase();
    return cluster.topicList.filter((topic) => {
      // The figures that lead here count internal topics.
      if (topic.internal && !showInternal.value && only.value === null && !onlyAttention.value) return false;
      if (query !== '' && !topic.name.toLowerCase().includes(query)) return false;
      const { health, waiting } = topicFacts(topic);
      if (only.value === 'offline') return health.offline > 0;
      if (only.value === 'under-replicated') return health.underReplicated > 0;
      if (!onlyAttention.value) return true;
      return health.offline + health.refusing + health.underReplicated + waiting > 0;
    });
  });
  const counts = computed(() =>
    cluster.ready ? `${plural(topics.visible.length, 'topic')}, ${plural(topics.totals.partitions, 'partition')}` : undefined,
  );

  return { text, only, showEvery, onlyAttention, showInternal, shown, counts };
}
