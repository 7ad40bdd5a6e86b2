/** The message browser of one topic: where from, which partition, live or not, and which record is open. */
import { computed, onScopeDispose, ref, toValue, watch, type MaybeRefOrGetter } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { RecordRow } from '#shared/models/cluster';
import { recordKey, recordMatches } from '../format/records.ts';
import { useMessagesStore, type From } from '../stores/messages.ts';

export type FromKind = 'newest' | 'oldest' | 'offset' | 'time' | 'live';
const LIMIT = 200;

export function useMessages(topic: MaybeRefOrGetter<string>) {
  const store = useMessagesStore();
  const route = useRoute();
  const router = useRouter();

  const from = ref<FromKind>('newest');
  const offset = ref('0');
  const time = ref('');
  const limit = ref(LIMIT);
  const text = ref('');
  const openKey = ref<string | null>(null);

  /** -1: all of them. In the address, so that a link shows the same. */
  const partition = computed({
    get: () => {
      const asked = route.query['partition'];
      return typeof asked === 'string' && /^\d+$/.test(asked) ? Number(asked) : -1;
    },
    set: (next) => void router.replace({ query: { ...route.query, partition: next < 0 ? undefined : `${next}` } }),
  });
  const partitions = computed(() => (partition.value < 0 ? null : [partition.value]));

  const offsetError = computed(() => (from.value === 'offset' && !/^\d{1,19}$/.test(offset.value.trim()) ? 'A whole number.' : null));
  const start = computed<From | null>(() => {
    if (from.value === 'newest' || from.value === 'oldest') return { kind: from.value };
    if (from.value === 'offset') return offsetError.value === null ? { kind: 'offset', offset: offset.value.trim() } : null;
    if (from.value !== 'time') return null;
    const timestamp = new Date(time.value).getTime();
    return Number.isNaN(timestamp) ? null : { kind: 'time', timestamp };
  });

  async function load(): Promise<void> {
    if (from.value === 'live') return;
    await store.untail();
    if (start.value === null) return;
    await store.browse({ topic: toValue(topic), partitions: partitions.value, from: start.value, limit: limit.value });
  }

  async function goLive(): Promise<void> {
    store.clear();
    await store.tail(toValue(topic), partitions.value);
  }

  const begin = (): Promise<void> => (from.value === 'live' ? goLive() : load());

  watch(
    [() => toValue(topic), partition, from, limit],
    () => {
      openKey.value = null;
      void begin();
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    void store.untail();
    store.clear();
  });

  const shown = computed(() => {
    const query = text.value.trim().toLowerCase();
    return query === '' ? store.records : store.records.filter((record) => recordMatches(record, query));
  });
  const openIndex = computed(() => (openKey.value === null ? -1 : shown.value.findIndex((record) => recordKey(record) === openKey.value)));
  const open = computed<RecordRow | null>(() => shown.value[openIndex.value] ?? null);

  function step(by: number): void {
    const next = shown.value[openIndex.value + by];
    if (next !== undefined) openKey.value = recordKey(next);
  }

  return { store, from, offset, time, limit, text, partition, partitions, offsetError, shown, open, openKey, openIndex, step, load, begin };
}
