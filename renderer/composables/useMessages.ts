/** The message browser of one topic: where from, which partition, live or not, and which record is open. */
import { computed, onScopeDispose, ref, toValue, watch, type MaybeRefOrGetter } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { RecordRow } from '#shared/models/cluster';
import { recordKey, recordMatcher } from '../messages/records.ts';
import { useMessagesStore, type From } from '../stores/messages.ts';

export type FromKind = 'newest' | 'oldest' | 'offset' | 'time' | 'live';
const LIMIT = 200;
/** The largest offset, 2^63 − 1. */
const MAX_OFFSET = 9_223_372_036_854_775_807n;

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

  const offsetError = computed(() => {
    const text = offset.value.trim();
    if (from.value !== 'offset') return null;
    return /^\d{1,19}$/.test(text) && BigInt(text) <= MAX_OFFSET ? null : 'Enter a whole number from 0 to 9,223,372,036,854,775,807.';
  });
  const timestamp = computed(() => {
    const at = new Date(time.value).getTime();
    return Number.isNaN(at) ? null : at;
  });
  /** To Kafka a negative timestamp is one of the ends of the log. */
  const timeError = computed(() =>
    from.value === 'time' && timestamp.value !== null && timestamp.value < 0 ? 'Choose a time after 1 January 1970.' : null,
  );
  const start = computed<From | null>(() => {
    if (from.value === 'newest' || from.value === 'oldest') return { kind: from.value };
    if (from.value === 'offset') return offsetError.value === null ? { kind: 'offset', offset: offset.value.trim() } : null;
    if (from.value !== 'time') return null;
    return timestamp.value === null || timeError.value !== null ? null : { kind: 'time', timestamp: timestamp.value };
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
    const query = text.value.trim();
    return query === '' ? store.records : store.records.filter(recordMatcher(query));
  });
  const openIndex = computed(() => (openKey.value === null ? -1 : shown.value.findIndex((record) => recordKey(record) === openKey.value)));
  const open = computed<RecordRow | null>(() => shown.value[openIndex.value] ?? null);

  function step(by: number): void {
    const next = shown.value[openIndex.value + by];
    if (next !== undefined) openKey.value = recordKey(next);
  }

  return {
    store,
    from,
    offset,
    time,
    limit,
    text,
    partition,
    partitions,
    start,
    offsetError,
    timeError,
    shown,
    open,
    openKey,
    openIndex,
    step,
    load,
    begin,
  };
}
