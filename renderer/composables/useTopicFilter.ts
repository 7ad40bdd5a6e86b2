/** The topics page's filter, kept in the address so that a link to it shows the same. */
import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { plural } from '../format/numbers.ts';
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
  const showInternal = computed({
    get: () => preferences.showInternal,
    set: (next) => (preferences.showInternal = next),
  });

  const shown = computed(() => {
    const query = text.value.trim().toLowerCase();
    return cluster.topicList.filter((topic) => {
      if (topic.internal && !showInternal.value) return false;
      if (query !== '' && !topic.name.toLowerCase().includes(query)) return false;
      if (!onlyAttention.value) return true;
      const health = topics.healthByName.get(topic.name);
      return health !== undefined && health.offline + health.refusing + health.underReplicated > 0;
    });
  });
  const counts = computed(() =>
    cluster.ready ? `${plural(topics.visible.length, 'topic')}, ${plural(topics.totals.partitions, 'partition')}` : undefined,
  );

  return { text, onlyAttention, showInternal, shown, counts };
}
