/** What the overview opens with. */
import { computed, type Ref } from 'vue';
import { whatNeedsAttention } from '../format/attention.ts';
import { formatSum } from '../format/lag.ts';
import { compareText, formatCount, quantifyRate } from '../format/numbers.ts';
import { isAlive } from '../format/replicas.ts';
import { stableOrder } from '../format/stable-order.ts';
import type { Stat } from '../format/stat.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useTopicsStore } from '../stores/topics.ts';
import { useNow } from './useNow.ts';

export function useOverview(showInternal: Ref<boolean>) {
  const cluster = useClusterStore();
  const topics = useTopicsStore();
  const timeline = useTimelineStore();
  const now = useNow();

  const stats = computed<Stat[]>(() => {
    const scalars = cluster.scalars;
    const known = cluster.ready;
    const alive = cluster.brokerList.filter(isAlive).length;
    const all = cluster.brokerList.length;
    const { partitions, offline, silent, unknown, underReplicated } = topics.totals;
    const unanswered = 'No broker answers.';
    const rate = (label: string, bytes: number | null | undefined, trend: (number | null)[]): Stat => {
      const quantity = bytes === null || bytes === undefined ? null : quantifyRate(bytes);
      return {
        label,
        value: quantity?.value ?? null,
        ...(quantity === null ? {} : { unit: quantity.unit }),
        reason: 'Two rounds of answers are needed to measure it.',
        trend,
      };
    };
    return [
      {
        label: 'Brokers',
        value: known ? formatCount(alive) : null,
        unit: `of ${all}`,
        ...(known && alive < all ? { tone: 'bad' as const } : {}),
      },
      {
        label: 'Partitions',
        value: known ? formatCount(partitions) : null,
        unit: unknown > 0 ? '? offline' : `${formatCount(offline)} ${silent > 0 ? 'not served' : 'offline'}`,
        ...(offline > 0 ? { unitTone: 'bad' as const } : {}),
      },
      {
        label: 'Under-replicated',
        value: known && unknown === 0 ? formatCount(underReplicated) : null,
        reason: unanswered,
        ...(underReplicated > 0 && unknown === 0 ? { tone: 'warn' as const } : {}),
      },
      rate(
        'In',
        scalars?.rates.inBytesPerSecond,
        cluster.rates.map((sample) => sample.inBytes),
      ),
      rate(
        'Out',
        scalars?.rates.outBytesPerSecond,
        cluster.rates.map((sample) => sample.outBytes),
      ),
      {
        label: 'Lag, all groups',
        value: known && cluster.allLag.known !== null ? formatSum(cluster.allLag) : null,
        reason: 'No group has a known lag.',
        trend: cluster.rates.map((sample) => sample.lag),
      },
    ];
  });

  const attention = computed(() =>
    cluster.scalars === null
      ? []
      : whatNeedsAttention({
          brokers: cluster.brokerList,
          topics: cluster.topicList,
          groups: cluster.groupList,
          quorum: cluster.scalars.quorum,
          unreachable: cluster.scalars.unreachable,
          facts: cluster.facts,
          incidents: timeline.incidents,
          now: now.value,
        }),
  );

  /** Users' topics by name, then the internal ones. Sorted anew only when a topic came: thousands of names ten times a second cost. */
  let order: string[] = [];
  const matrixTopics = computed(() => {
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

  return { stats, attention, matrixTopics, internalCount, someElecting };
}
