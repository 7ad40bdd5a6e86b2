/** The settings of a topic or of a broker: what is set first, then the defaults; edited one at a time. */
import { computed, ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref, type ComputedRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { ConfigEntry } from '#shared/models/cluster';
import { compareText } from '../format/numbers.ts';
import { useBrokersStore } from '../stores/brokers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTopicsStore } from '../stores/topics.ts';

export interface Configs {
  /** Whatever the filter is. */
  all: Ref<ConfigEntry[]>;
  entries: ComputedRef<ConfigEntry[]>;
  state: Ref<'loading' | 'ready' | 'error'>;
  error: Ref<AppError | null>;
  text: Ref<string>;
  /** The setting with a pending change. */
  saving: Ref<string | null>;
  load: () => Promise<void>;
  /** Null resets to the default. The error belongs to that setting. */
  set: (name: string, value: string | null) => Promise<AppError | null>;
}

/** Set for this very topic or broker, as against inherited. */
export const isOverride = (entry: ConfigEntry): boolean => entry.source === 'topic' || entry.source === 'dynamicBroker';

export function useTopicConfigs(name: MaybeRefOrGetter<string>): Configs {
  const topics = useTopicsStore();
  const cluster = useClusterStore();
  const idNow = (): string | null => cluster.topics.get(toValue(name))?.id ?? null;
  /** The topic whose settings are shown; null until the view has it. */
  let shownId: string | null = null;
  return configsOf(
    () => toValue(name),
    () => {
      shownId = idNow();
      return topics.configs(toValue(name));
    },
    (key, value) => topics.setConfig(toValue(name), shownId ?? idNow(), key, value),
  );
}

export function useBrokerConfigs(id: MaybeRefOrGetter<number>): Configs {
  const brokers = useBrokersStore();
  return configsOf(
    () => toValue(id),
    () => brokers.configs(toValue(id)),
    () => Promise.resolve({ ok: false, error: { code: 'READ_ONLY', message: 'Broker settings are read-only here.' } }),
  );
}

function configsOf(
  subject: () => unknown,
  ask: () => Promise<Result<{ entries: ConfigEntry[] }>>,
  change: (key: string, value: string | null) => Promise<Result<null>>,
): Configs {
  const all = shallowRef<ConfigEntry[]>([]);
  const state = ref<'loading' | 'ready' | 'error'>('loading');
  const error = shallowRef<AppError | null>(null);
  const text = ref('');
  const saving = ref<string | null>(null);
  let asked = 0;

  async function load(): Promise<void> {
    const mine = ++asked;
    const answer = await ask();
    if (mine !== asked) return;
    error.value = answer.ok ? null : answer.error;
    state.value = answer.ok ? 'ready' : 'error';
    if (answer.ok) all.value = answer.value.entries;
  }
  watch(
    subject,
    () => {
      state.value = 'loading';
      all.value = [];
      void load();
    },
    { immediate: true },
  );

  const entries = computed(() => {
    const query = text.value.trim().toLowerCase();
    return all.value
      .filter((entry) => query === '' || entry.name.toLowerCase().includes(query))
      .sort((a, b) => Number(isOverride(b)) - Number(isOverride(a)) || compareText(a.name, b.name));
  });

  async function set(name: string, value: string | null): Promise<AppError | null> {
    saving.value = name;
    const answer = await change(name, value);
    saving.value = null;
    if (!answer.ok) return answer.error;
    await load();
    return null;
  }

  return { all, entries, state, error, text, saving, load, set };
}
