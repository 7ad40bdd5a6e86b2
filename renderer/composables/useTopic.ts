/** One topic, its tabs, and its consumer groups. */
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { formatCount, plural } from '../format/numbers.ts';
import { isOffline, isUnderReplicated, isUnknown } from '../topics/replicas.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { topicPath } from '../format/addresses.ts';

export function useTopic(name: MaybeRefOrGetter<string>) {
  const cluster = useClusterStore();
  const topic = computed(() => cluster.topics.get(toValue(name)) ?? null);
  const readers = computed(() =>
    cluster.groupList.flatMap((group) => {
      const partitions = group.partitions.filter((partition) => partition.topic === toValue(name));
      return partitions.length === 0 ? [] : [{ group, partitions }];
    }),
  );
  const note = computed(() => {
    const row = topic.value;
    if (row === null) return 'topic';
    const records =
      row.records === null ? 'records not known' : `${row.recordsEstimated ? 'about ' : ''}${plural(BigInt(row.records), 'record')}`;
    return `${plural(row.partitions.length, 'partition')} × ${plural(row.replicationFactor, 'copy', 'copies')}, ${records}`;
  });
  const tabs = computed(() => {
    const base = topicPath(toValue(name));
    const partitions = topic.value?.partitions ?? [];
    const offline = partitions.filter(isOffline).length;
    const under = partitions.filter(isUnderReplicated).length;
    const unknown = partitions.some(isUnknown);
    return [
      { to: `${base}/messages`, label: 'Messages' },
      {
        to: `${base}/partitions`,
        label: 'Partitions',
        count:
          offline > 0
            ? `${offline} offline`
            : under > 0
              ? `${under} under-replicated`
              : `${formatCount(partitions.length)}${unknown ? ', state ?' : ''}`,
        ...(offline > 0 ? { tone: 'bad' as const } : under > 0 ? { tone: 'warn' as const } : {}),
      },
      { to: `${base}/consumers`, label: 'Consumers', count: formatCount(readers.value.length) },
      { to: `${base}/settings`, label: 'Settings' },
    ];
  });
  return { topic, readers, note, tabs };
}
