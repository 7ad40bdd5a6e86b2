/** One group: its rows, how fast it writes and reads, and when it will have caught up. */
import { computed, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue';
import type { GroupMember, GroupPartition, GroupRow } from '#shared/models/cluster';
import { compareText, formatCount, formatSpan } from '../format/numbers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useGroupsStore } from '../stores/groups.ts';

export interface AssignmentRow extends GroupPartition {
  key: string;
  member: GroupMember | null;
}

interface Mark {
  at: number;
  end: bigint;
  committed: bigint;
}

/** Rates are measured over this much. */
const WINDOW_MS = 15_000;

export function useGroup(id: MaybeRefOrGetter<string>) {
  const cluster = useClusterStore();
  const store = useGroupsStore();
  const group = computed<GroupRow | null>(() => cluster.groups.get(toValue(id)) ?? null);
  const marks = shallowRef<Mark[]>([]);

  watch(
    () => toValue(id),
    (next, _before, onCleanup) => {
      marks.value = [];
      onCleanup(store.follow(next));
    },
    { immediate: true },
  );
  watch(
    group,
    (row) => {
      if (row === null) return;
      const last = marks.value.at(-1);
      // A moment before: what was measured since is not known there.
      if (last !== undefined && row.asOf < last.at) marks.value = [];
      else if (last !== undefined && row.asOf - last.at < 500) return;
      const mark: Mark = { at: row.asOf, end: 0n, committed: 0n };
      for (const partition of row.partitions) {
        if (partition.committed === null || partition.endOffset === null) continue;
        mark.end += BigInt(partition.endOffset);
        mark.committed += BigInt(partition.committed);
      }
      marks.value = [...marks.value.filter((one) => row.asOf - one.at < WINDOW_MS), mark];
    },
    { immediate: true },
  );

  const rows = computed<AssignmentRow[]>(() => {
    const row = group.value;
    if (row === null) return [];
    const members = new Map(row.members.map((member) => [member.memberId, member]));
    return row.partitions.map((partition) => ({
      ...partition,
      key: `${partition.topic}-${partition.partition}`,
      member: partition.memberId === null ? null : (members.get(partition.memberId) ?? null),
    }));
  });

  /** `1,284 records, 2.1 s behind; caught up in about 6 s`. */
  const progress = computed(() => {
    const row = group.value;
    if (row === null || row.lag === null) return '';
    const lag = Number(row.lag);
    if (lag === 0) return row.unknown > 0 ? 'caught up where it has committed' : 'caught up';
    const first = marks.value[0];
    const last = marks.value.at(-1);
    const records = `${row.unknown > 0 ? 'at least ' : ''}${formatCount(row.lag)} ${lag === 1 ? 'record' : 'records'}`;
    if (first === undefined || last === undefined || last.at - first.at < 2_000) return `${records} behind`;
    const seconds = (last.at - first.at) / 1000;
    const written = Number(last.end - first.end) / seconds;
    const read = Number(last.committed - first.committed) / seconds;
    const behind = written > 0 ? `, ${formatSpan((lag / written) * 1000)} behind` : ' behind';
    if (read > written * 1.02 && lag > 100)
      return `${records}${behind}; caught up in about ${formatSpan(Math.max(1_000, (lag / (read - written)) * 1000))}`;
    if (lag > 100 && read < written * 0.98) return `${records}${behind}; ${row.members.length === 0 ? 'nobody reads' : 'it falls back'}`;
    return `${records}${behind}`;
  });

  const topics = computed(() => [...new Set(rows.value.map((row) => row.topic))].sort(compareText));

  return { group, rows, progress, topics };
}
