/** One group: its rows, and in a sentence how far behind it is and how that develops. */
import { computed, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue';
import type { GroupMember, GroupPartition, GroupRow } from '#shared/models/cluster';
import { leaderStateOf, type LeaderState } from '#shared/health';
import { addMark, describeProgress, type ProgressMark } from '../groups/group-progress.ts';
import { compareText } from '../format/numbers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useNow } from './useNow.ts';

export interface AssignmentRow extends GroupPartition {
  key: string;
  /** Of the partition as every page shows it. */
  leaderState: LeaderState;
  member: GroupMember | null;
}

export function useGroup(id: MaybeRefOrGetter<string>) {
  const cluster = useClusterStore();
  const group = computed<GroupRow | null>(() => cluster.groups.get(toValue(id)) ?? null);
  const now = useNow();
  const marks = shallowRef<readonly ProgressMark[]>([]);

  watch(
    () => toValue(id),
    () => {
      marks.value = [];
    },
  );
  watch(
    [group, () => cluster.scalars?.groupsAsOf ?? 0],
    ([row, groupsAsOf]) => {
      if (row !== null) marks.value = addMark(marks.value, row, row.asOf ?? groupsAsOf);
    },
    { immediate: true },
  );

  function leaderOf({ topic, partition, leader }: GroupPartition): LeaderState {
    const partitions = cluster.topics.get(topic)?.partitions ?? [];
    // Partitions are numbered from 0: at its number, save where metadata lacks one.
    const at = partitions[partition];
    const row = at?.partition === partition ? at : partitions.find((one) => one.partition === partition);
    return row === undefined ? (leader === null ? 'none' : 'serving') : leaderStateOf(row);
  }

  const rows = computed<AssignmentRow[]>(() => {
    const row = group.value;
    if (row === null) return [];
    const members = new Map(row.members.map((member) => [member.memberId, member]));
    return row.partitions.map((partition) => ({
      ...partition,
      key: `${partition.topic}-${partition.partition}`,
      leaderState: leaderOf(partition),
      member: partition.memberId === null ? null : (members.get(partition.memberId) ?? null),
    }));
  });

  /** `1,284 records behind; caught up in about 6 s`. */
  const progress = computed(() => (group.value === null ? '' : describeProgress(group.value, marks.value, now.value)));

  const topics = computed(() => [...new Set(rows.value.map((row) => row.topic))].sort(compareText));

  return { group, rows, progress, topics };
}
