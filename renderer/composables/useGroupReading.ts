/** What incidents need to know of a group. The same object while nothing in it changes: rows of topics change many times a second. */
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import type { GroupReading } from '#shared/incidents/incident';
import { groupReading } from '../incidents/group-outage.ts';
import { useClusterStore } from '../stores/cluster.ts';

const keyOf = ({ missing }: GroupReading): string => [...(missing ?? [])].sort((a, b) => a - b).join();

export function useGroupReading(id: MaybeRefOrGetter<string>): ComputedRef<GroupReading> {
  const cluster = useClusterStore();
  return computed<GroupReading>((last) => {
    const row = cluster.groups.get(toValue(id));
    const next = row === undefined ? { id: toValue(id), partitions: [] } : groupReading(row, cluster.topics, cluster.facts);
    const isSame = last?.id === next.id && last.partitions === next.partitions && keyOf(last) === keyOf(next);
    return isSame ? last : next;
  });
}
