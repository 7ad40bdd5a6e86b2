/** The timeline as lanes, with what is shown of it: how long back, which lanes, standing still or live. */
import { computed, ref, shallowRef, watch } from 'vue';
import { watchThrottled } from '@vueuse/core';
import { buildLanes, indexEvents, type LaneSource } from '../format/lanes.ts';
import { compareText } from '../format/numbers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useNow } from './useNow.ts';

const MINUTE = 60_000;
const LEAST = 20_000;
const SOURCE_MS = 500;
/** Lanes of partitions, links and groups each; the filter brings others. */
const MOST = 3;
export const LANE_SPANS = [
  { value: MINUTE, label: 'last minute' },
  { value: 5 * MINUTE, label: 'last 5 minutes' },
  { value: 0, label: 'all' },
];

export function useLanes() {
  const cluster = useClusterStore();
  const timeline = useTimelineStore();
  const now = useNow();
  const span = ref(5 * MINUTE);
  const filter = ref('');
  /** Null: live. */
  const pausedAt = ref<number | null>(null);
  const pausedEvents = shallowRef(timeline.events);

  const until = computed(() => pausedAt.value ?? now.value);
  const events = computed(() => (pausedAt.value === null ? timeline.events : pausedEvents.value));
  /** A run that is younger than what was asked for fills the width. */
  const from = computed(() => {
    const first = events.value[0];
    const age = first === undefined ? MINUTE : (until.value - first.at) * 1.03;
    const whole = span.value === 0 || (first?.id === 1 && age < span.value);
    return until.value - (whole ? Math.max(age, LEAST) : span.value);
  });
  /** Lanes are chosen anew with each event, not with each tick. */
  const chosenFrom = ref(0);
  watch([events, span, pausedAt], () => (chosenFrom.value = from.value), { immediate: true });

  /** `orders` shows each of its partitions, `orders-2` that one. */
  const asked = computed(() => {
    const query = filter.value.trim().toLowerCase();
    if (query === '') return [];
    return cluster.topicList
      .flatMap((topic) => topic.partitions.map(({ partition }) => `${topic.name}-${partition}`))
      .filter((name) => name.toLowerCase().includes(query))
      .sort(compareText)
      .slice(0, 12);
  });
  /** The view changes ten times a second; lanes need it only for what no event tells. */
  const source = shallowRef<LaneSource>({ brokers: [], topics: [], groups: [], controllerId: null });
  watchThrottled(
    () => cluster.version,
    () => {
      source.value = {
        brokers: cluster.brokerList,
        topics: cluster.topicList,
        groups: cluster.groupList,
        controllerId: cluster.scalars?.controllerId ?? null,
      };
    },
    { throttle: SOURCE_MS, immediate: true },
  );
  const index = computed(() => indexEvents(events.value));
  const lanes = computed(() => {
    const all = buildLanes(index.value, source.value, { partitions: asked.value, most: MOST, notBefore: chosenFrom.value });
    const query = filter.value.trim().toLowerCase();
    return query === '' ? all : all.filter((lane) => lane.label.toLowerCase().includes(query));
  });

  function toggle(): void {
    if (pausedAt.value !== null) pausedAt.value = null;
    else {
      pausedEvents.value = timeline.events;
      pausedAt.value = Date.now();
    }
  }

  return { span, filter, pausedAt, from, until, events, lanes, toggle };
}
