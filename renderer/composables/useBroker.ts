/** One broker and the replicas it holds. */
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import type { BrokerRow, PartitionRow, ReplicaState } from '#shared/models/cluster';
import { DISK_UNKNOWN, LOG_SIZE_UNKNOWN, isNearlyFull, usedPercent } from '../health/broker-disk.ts';
import { formatBytes, formatCount, formatSpan } from '../format/numbers.ts';
import type { Stat } from '../format/stat.ts';
import { BROKER_STATE } from '../topics/replicas.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useNow } from './useNow.ts';

export interface ReplicaRow {
  key: string;
  topic: string;
  partition: PartitionRow;
  state: ReplicaState;
}

/** Trouble first. */
export const STATE_ORDER: Record<ReplicaState, number> = { offline: 0, unknown: 1, electing: 2, lagging: 3, leader: 4, inSync: 5 };

function diskStat(row: BrokerRow): Stat {
  const { disk } = row;
  if (disk === null) return { label: 'Disk', value: null, reason: DISK_UNKNOWN };
  return {
    label: 'Disk',
    value: `${usedPercent(disk)} %`,
    unit: `of ${formatBytes(disk.totalBytes)}`,
    ...(isNearlyFull(row) ? { tone: 'warn' as const } : {}),
  };
}

export function useBroker(id: MaybeRefOrGetter<number>) {
  const cluster = useClusterStore();
  const now = useNow();
  const broker = computed(() => cluster.brokers.get(toValue(id)) ?? null);

  const replicas = computed<ReplicaRow[]>(() => {
    const rows: ReplicaRow[] = [];
    for (const topic of cluster.topics.values()) {
      for (const partition of topic.partitions) {
        const replica = partition.replicas.find((one) => one.broker === toValue(id));
        if (replica !== undefined)
          rows.push({ key: `${topic.name}-${partition.partition}`, topic: topic.name, partition, state: replica.state });
      }
    }
    return rows;
  });

  const stats = computed<Stat[]>(() => {
    const row = broker.value;
    if (row === null) return [];
    const state = BROKER_STATE[row.state];
    const size = row.logBytes === null ? null : formatBytes(row.logBytes).split(' ');
    return [
      {
        label: 'State',
        value: state.word,
        ...(row.since === null ? {} : { unit: formatSpan(now.value - row.since) }),
        ...(state.tone === 'bad' || state.tone === 'warn' ? { tone: state.tone } : {}),
      },
      { label: 'Leaders', value: row.leaders === null ? null : formatCount(row.leaders), unit: 'partitions' },
      {
        label: 'In sync',
        value: row.inSync === null ? null : formatCount(row.inSync),
        unit: `of ${row.replicas === null ? '?' : formatCount(row.replicas)} replicas`,
        ...(row.inSync !== null && row.replicas !== null && row.inSync < row.replicas ? { tone: 'warn' as const } : {}),
      },
      { label: 'Log', value: size?.[0] ?? null, ...(size?.[1] === undefined ? {} : { unit: size[1] }), reason: LOG_SIZE_UNKNOWN },
      diskStat(row),
    ];
  });

  return { broker, replicas, stats };
}
