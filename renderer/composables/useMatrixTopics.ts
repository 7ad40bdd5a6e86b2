/** Topics in the order of the partition map: users' topics by name, then internal ones. */
import { computed, type Ref } from 'vue';
import type { TopicRow } from '#shared/models/cluster';
import { compareText } from '../format/numbers.ts';
import { stableOrder } from '../tables/stable-order.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTopicsStore } from '../stores/topics.ts';

export function useMatrixTopics(showInternal: Ref<boolean>) {
  const cluster = useClusterStore();
  const topics = useTopicsStore();

  /** Sorted only when a topic is new: thousands of names with every patch cost. */
  let order: string[] = [];
  const inOrder = computed(() => {
    const known = rowsIn(order, cluster.topics, showInternal.value);
    if (known !== null) return known;
    const shown = cluster.topicList.filter((topic) => showInternal.value || !topic.internal);
    const sorted = stableOrder(
      order,
      shown,
      (topic) => topic.name,
      (a, b) => Number(a.internal) - Number(b.internal) || compareText(a.name, b.name),
    );
    order = sorted.map((topic) => topic.name);
    return sorted;
  });
  const internalCount = computed(() => cluster.topicList.length - topics.visible.length);
  const someElecting = computed(() => topics.totals.offline > topics.totals.silent);

  const someUnknown = computed(() => [...topics.load.brokers.values()].some(({ counts }) => counts.unknown > 0));

  return { topics: inOrder, internalCount, someElecting, someUnknown };
}

/** The rows of these names. Null where the cluster has other topics by now, or others are shown. */
function rowsIn(names: readonly string[], topics: ReadonlyMap<string, TopicRow>, withInternal: boolean): TopicRow[] | null {
  const rows: TopicRow[] = [];
  let internal = 0;
  for (const name of names) {
    const row = topics.get(name);
    if (row === undefined) return null;
    if (row.internal) internal += 1;
    rows.push(row);
  }
  if (withInternal) return rows.length === topics.size ? rows : null;
  if (internal > 0) return null;
  for (const row of topics.values()) if (row.internal) internal += 1;
  return rows.length + internal === topics.size ? rows : null;
}
