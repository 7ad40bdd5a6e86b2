/** The timeline as lanes, with the shown range and lanes; it does not advance during time travel. */
import { computed, ref, shallowRef, watch } from 'vue';
import { watchThrottled } from '@vueuse/core';
import { eventMatcher, isFiltering, laneMatcher } from '../timeline/event-filter.ts';
import { buildLanes, indexEvents, type LaneSource } from '../timeline/lanes.ts';
import { compareText } from '../format/numbers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useTimeTravelStore } from '../stores/time-travel.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useClock } from './useNow.ts';

const MINUTE = 60_000;
const LEAST = 20_000;
const SOURCE_MS = 500;
/** In the width of a window. */
const STEPS = 600;
/** Lanes of partitions, links and groups each; the filter brings others. */
const MOST = 3;
/** A moment that is out of the window is brought this far into it. */
const INSIDE = 0.2;
export const LANE_SPANS = [
  { value: MINUTE, label: 'last minute' },
  { value: 5 * MINUTE, label: 'last 5 minutes' },
  { value: 0, label: 'all' },
];

export function useLanes() {
  const cluster = useClusterStore();
  const timeline = useTimelineStore();
  const timeTravel = useTimeTravelStore();
  const now = useClock();
  const span = ref(5 * MINUTE);
  /** Where the window ends while the past is looked at; null: it moves with the clock. */
  const heldUntil = ref<number | null>(null);

  /** Moves a pixel or so at a time: nothing is drawn again for less. */
  const until = computed(() => {
    const step = span.value === 0 ? 1_000 : span.value / STEPS;
    return heldUntil.value ?? Math.ceil(now.value / step) * step;
  });
  const events = computed(() => timeline.events);
  /** A run that is younger than what was asked for fills the width. */
  const from = computed(() => {
    const first = events.value[0];
    const age = first === undefined ? MINUTE : (until.value - first.at) * 1.03;
    const whole = span.value === 0 || (first?.id === 1 && age < span.value);
    return until.value - (whole ? Math.max(age, LEAST) : span.value);
  });
  watch(
    [() => timeTravel.at, span],
    ([at]) => {
      if (at === null) {
        heldUntil.value = null;
        return;
      }
      heldUntil.value ??= until.value;
      const width = heldUntil.value - from.value;
      if (at > heldUntil.value) heldUntil.value = Math.min(Math.max(at, now.value), at + width * INSIDE);
      else if (at < from.value) heldUntil.value = at + width * (1 - INSIDE);
    },
    { immediate: true },
  );
  /** Lanes are selected again with each event, not with each tick. */
  const chosenFrom = ref(0);
  watch([events, span, heldUntil], () => (chosenFrom.value = from.value), { immediate: true });

  /** `orders` shows each of its partitions, `orders-2` that one. */
  const asked = computed(() => {
    const query = timeline.filter.text.trim().toLowerCase();
    if (query === '') return [];
    return cluster.topicList
      .flatMap((topic) => topic.partitions.map(({ partition }) => `${topic.name}-${partition}`))
      .filter((name) => name.toLowerCase().includes(query))
      .sort(compareText)
      .slice(0, 12);
  });
  /**
   * The view changes ten times a second; lanes need it only for what no event reports. They end in the present, whatever
   * moment is shown.
   */
  const source = shallowRef<LaneSource>({ brokers: [], topics: [], groups: [], controllerId: null });
  watchThrottled(
    () => cluster.version,
    () => {
      const { brokers, topics, groups, scalars } = cluster.present();
      source.value = {
        brokers: [...brokers.values()].sort((a, b) => a.id - b.id),
        topics: [...topics.values()],
        groups: [...groups.values()],
        controllerId: scalars?.controllerId ?? null,
      };
    },
    { throttle: SOURCE_MS, immediate: true },
  );
  const index = computed(() => indexEvents(events.value));
  const lanes = computed(() => {
    const { filter } = timeline;
    const all = buildLanes(index.value, source.value, { partitions: asked.value, most: MOST, notBefore: chosenFrom.value });
    const shown = all.filter(laneMatcher(filter));
    if (!isFiltering(filter)) return shown;
    const matches = eventMatcher(filter);
    // A lane that was asked for by its name shows all that happened to it.
    const byName = (label: string): boolean => filter.text !== '' && label.toLowerCase().includes(filter.text.trim().toLowerCase());
    const ofKind = eventMatcher({ ...filter, text: '' });
    return shown.map((lane) => ({ ...lane, events: lane.events.filter(byName(lane.label) ? ofKind : matches) }));
  });

  return { span, from, until, events, lanes };
}
