/**
 * The plan of a new topic while it is being written: fields, what is wrong with them as one types, and where the cluster
 * would put it (asked of the cluster itself, with validateOnly).
 */
import { computed, reactive, ref, shallowRef, watch } from 'vue';
import { useDebounceFn } from '@vueuse/core';
import type { AppError } from '#shared/errors';
import type { ScopedPayload } from '#shared/ipc';
import type { ReplicaState } from '#shared/models/cluster';
import { checkTopicName, type RuleViolation } from '#shared/topic-rules';
import { describeDurability, describeReplicationFactor } from '../topics/durability.ts';
import { isOnline } from '../topics/replicas.ts';
import { parseSetting } from '../format/setting-values.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTopicsStore } from '../stores/topics.ts';
import { minOf } from '#shared/lists';

const DAY_MS = 86_400_000;
const PREVIEW_DELAY_MS = 250;
/** Asked about while the name itself is not fit yet: where partitions go does not depend on it. */
const STAND_IN = 'brokerdesk-plan';
const MAX_PARTITIONS = 10_000;

/** How long records stay, as a choice; each is the configs it stands for. */
export const RETENTIONS: { value: string; label: string; configs: Record<string, string> }[] = [
  { value: 'default', label: "The broker's default", configs: {} },
  { value: 'hour', label: '1 hour (delete)', configs: { 'cleanup.policy': 'delete', 'retention.ms': `${DAY_MS / 24}` } },
  { value: 'day', label: '1 day (delete)', configs: { 'cleanup.policy': 'delete', 'retention.ms': `${DAY_MS}` } },
  { value: 'week', label: '7 days (delete)', configs: { 'cleanup.policy': 'delete', 'retention.ms': `${7 * DAY_MS}` } },
  { value: 'month', label: '30 days (delete)', configs: { 'cleanup.policy': 'delete', 'retention.ms': `${30 * DAY_MS}` } },
  { value: 'ever', label: 'No limit', configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1' } },
  { value: 'compact', label: 'Latest value of each key (compact)', configs: { 'cleanup.policy': 'compact' } },
  {
    value: 'compact-week',
    label: 'Latest value of each key, for 7 days (compact,delete)',
    configs: { 'cleanup.policy': 'compact,delete', 'retention.ms': `${7 * DAY_MS}` },
  },
];

export interface MoreSetting {
  name: string;
  label: string;
  hint: string;
  kind: 'number' | { options: string[] };
}

/** The nine that people change after the ones above. Words after Kafka's own documentation of topic configs. */
export const MORE_SETTINGS: MoreSetting[] = [
  { name: 'retention.bytes', label: 'Maximum size per partition', hint: 'For example 1 GiB; -1 is no limit.', kind: 'number' },
  { name: 'max.message.bytes', label: 'Largest record batch', hint: 'For example 1 MiB, after compression.', kind: 'number' },
  {
    name: 'compression.type',
    label: 'Compression',
    hint: 'producer keeps what was sent.',
    kind: { options: ['producer', 'none', 'gzip', 'snappy', 'lz4', 'zstd'] },
  },
  { name: 'segment.bytes', label: 'Segment size', hint: 'For example 1 GiB. Only whole segments are deleted.', kind: 'number' },
  { name: 'segment.ms', label: 'Segment age', hint: 'For example 7 d: the time until a new segment begins.', kind: 'number' },
  {
    name: 'message.timestamp.type',
    label: 'Timestamp',
    hint: "The producer's, or the broker's on arrival.",
    kind: { options: ['CreateTime', 'LogAppendTime'] },
  },
  {
    name: 'unclean.leader.election.enable',
    label: 'Unclean leader election',
    hint: 'true prefers availability to acknowledged writes.',
    kind: { options: ['false', 'true'] },
  },
  { name: 'min.cleanable.dirty.ratio', label: 'Minimum share of new data for compaction', hint: '0 to 1.', kind: 'number' },
  { name: 'delete.retention.ms', label: 'Tombstone retention', hint: 'For example 1 d, after compaction.', kind: 'number' },
];

export interface PlacementRow {
  partition: number;
  cells: (ReplicaState | 'none')[];
}

export function useTopicPlan() {
  const cluster = useClusterStore();
  const topics = useTopicsStore();
  const form = reactive({
    name: '',
    partitions: '6',
    replicationFactor: '3',
    retention: 'week',
    minInsync: 2,
    more: noMore(),
  });
  const touched = ref(false);
  const refusal = shallowRef<AppError | null>(null);
  const assignments = shallowRef<number[][] | null>(null);
  const busy = ref(false);
  let asked = 0;

  const brokerCount = computed(() => cluster.brokerList.length);
  const aliveIds = computed(() => new Set(cluster.brokerList.filter(isOnline).map((broker) => broker.id)));

  function reset(): void {
    const factor = Math.max(1, Math.min(3, brokerCount.value));
    Object.assign(form, {
      name: '',
      partitions: '6',
      replicationFactor: `${factor}`,
      retention: 'week',
      minInsync: factor >= 3 ? 2 : 1,
      more: noMore(),
    });
    touched.value = false;
    refusal.value = null;
    assignments.value = null;
  }

  const nameViolation = computed<RuleViolation | null>(() => checkTopicName(form.name, cluster.topics.keys()));
  const partitions = computed(() => wholeNumber(form.partitions));
  const replicationFactor = computed(() => wholeNumber(form.replicationFactor));

  const refusedField = computed(() => refusal.value?.field?.split('.')[0] ?? null);
  const refusalOf = (field: string): string | null => (refusedField.value === field ? (refusal.value?.message ?? null) : null);

  const nameError = computed<RuleViolation | null>(() => {
    const refused = refusalOf('name');
    if (refused !== null) return { message: refused, suggestions: [] };
    return touched.value || form.name !== '' ? nameViolation.value : null;
  });
  const partitionsError = computed(() => {
    if (partitions.value === null || partitions.value < 1) return 'A whole number, 1 or more.';
    if (partitions.value > MAX_PARTITIONS) return 'At most 10,000 at once.';
    return refusalOf('partitions');
  });
  const replicationError = computed(() => {
    const factor = replicationFactor.value;
    if (factor === null || factor < 1) return 'A whole number, 1 or more.';
    if (brokerCount.value > 0 && factor > brokerCount.value)
      return describeReplicationFactor(factor, brokerCount.value, aliveIds.value.size);
    return refusalOf('replicationFactor');
  });
  const minInsyncError = computed(() => {
    const factor = replicationFactor.value;
    return factor !== null && form.minInsync > factor
      ? `Never reached: there ${factor === 1 ? 'is 1 replica' : `are ${factor} replicas`}.`
      : null;
  });
  /** The setting that the cluster's refusal names, so that it is said there; null when it names none of those shown. */
  const refusedSetting = computed(() => {
    if (refusedField.value !== 'configs') return null;
    const message = refusal.value?.message ?? '';
    return MORE_SETTINGS.find(({ name }) => message.includes(name))?.name ?? null;
  });
  /** By setting: what was typed is no amount, or what the cluster refused. */
  const settingErrors = computed<ReadonlyMap<string, string>>(() => {
    const errors = new Map<string, string>();
    if (refusedSetting.value !== null) errors.set(refusedSetting.value, refusal.value?.message ?? '');
    for (const [name, typed] of form.more) {
      const parsed = typed.trim() === '' ? null : parseSetting(name, typed);
      if (parsed !== null && 'error' in parsed) errors.set(name, parsed.error);
    }
    return errors;
  });
  const moreFits = computed(() => [...form.more].every(([name, typed]) => typed.trim() === '' || 'value' in parseSetting(name, typed)));
  const generalError = computed<AppError | null>(() => {
    const field = refusedField.value;
    const shown = field === 'name' || field === 'partitions' || field === 'replicationFactor' || refusedSetting.value !== null;
    return shown ? null : refusal.value;
  });

  const replicationHint = computed(() => describeReplicationFactor(replicationFactor.value ?? 0, brokerCount.value, aliveIds.value.size));
  const minInsyncOptions = computed(() => {
    const most = Math.max(replicationFactor.value ?? 1, form.minInsync, 1);
    return Array.from({ length: Math.min(most, 9) }, (_, i) => ({
      value: i + 1,
      label: i === 0 ? '1 (min.insync.replicas)' : `${i + 1} (min.insync.replicas)`,
    }));
  });
  const changedMore = computed(() => [...form.more.values()].filter((value) => value.trim() !== '').length);

  const countsFit = computed(() => partitionsError.value === null && replicationError.value === null);
  const complete = computed(() => nameViolation.value === null && countsFit.value && minInsyncError.value === null && moreFits.value);

  function payload(validateOnly: boolean): ScopedPayload<'topic/create'> {
    const retention = RETENTIONS.find((choice) => choice.value === form.retention)?.configs ?? {};
    const more = Object.fromEntries(
      [...form.more].flatMap(([name, typed]) => {
        const parsed = parseSetting(name, typed.trim());
        return typed.trim() === '' || 'error' in parsed ? [] : [[name, parsed.value]];
      }),
    );
    return {
      name: nameViolation.value === null || !validateOnly ? form.name : STAND_IN,
      partitions: partitions.value ?? 0,
      replicationFactor: replicationFactor.value ?? 0,
      configs: { ...retention, 'min.insync.replicas': `${form.minInsync}`, ...more },
      validateOnly,
    };
  }

  async function preview(): Promise<void> {
    const mine = ++asked;
    if (!countsFit.value) {
      assignments.value = null;
      refusal.value = null;
      return;
    }
    const answer = await topics.create(payload(true));
    if (mine !== asked) return;
    refusal.value = answer.ok ? null : answer.error;
    if (answer.ok) assignments.value = answer.value.assignments;
    else if (answer.error.field !== 'name') assignments.value = null;
  }
  const previewSoon = useDebounceFn(() => void preview(), PREVIEW_DELAY_MS);
  watch(form, () => void previewSoon());

  /** The topic's name once it exists; null when the cluster refused, and the reason stands at its field. */
  async function create(): Promise<string | null> {
    touched.value = true;
    if (!complete.value || busy.value) return null;
    asked += 1;
    busy.value = true;
    const answer = await topics.create(payload(false));
    busy.value = false;
    refusal.value = answer.ok ? null : answer.error;
    return answer.ok ? form.name : null;
  }

  const placement = computed<PlacementRow[]>(() =>
    (assignments.value ?? []).map((replicas, partition) => {
      const leader = replicas.find((id) => aliveIds.value.has(id));
      return {
        partition,
        cells: cluster.brokerList.map(({ id }): ReplicaState | 'none' => {
          if (!replicas.includes(id)) return 'none';
          if (!aliveIds.value.has(id)) return 'offline';
          return id === leader ? 'leader' : 'inSync';
        }),
      };
    }),
  );
  const durability = computed(() => {
    const factor = replicationFactor.value;
    if (factor === null || !countsFit.value) return '';
    const alive = (assignments.value ?? []).map((replicas) => replicas.filter((id) => aliveIds.value.has(id)).length);
    return describeDurability({
      replicationFactor: factor,
      minInsyncReplicas: form.minInsync,
      alive: alive.length === 0 ? Math.min(factor, aliveIds.value.size) : minOf(alive),
    });
  });

  return {
    form,
    touched,
    busy,
    reset,
    preview,
    create,
    complete,
    nameError,
    partitionsError,
    replicationError,
    minInsyncError,
    generalError,
    settingErrors,
    replicationHint,
    minInsyncOptions,
    changedMore,
    placement,
    durability,
  };
}

const noMore = (): Map<string, string> => new Map();

function wholeNumber(text: string): number | null {
  const trimmed = text.trim();
  return /^\d{1,9}$/.test(trimmed) ? Number(trimmed) : null;
}
