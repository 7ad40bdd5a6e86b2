/** The timeline: events in order with their causes, and the selected event and filter of lanes and list. */
import { computed, reactive, ref, shallowRef } from 'vue';
import type { Incident } from '#shared/incidents/incident';
import { IncidentReducer, deriveIncidents } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';
import { indexCauses } from '../timeline/causes.ts';
import { eventMatcher, type EventFilter } from '../timeline/event-filter.ts';
import { headlineOf } from '../incidents/incidents.ts';
import { useTimeTravelStore } from './time-travel.ts';

const MAX_EVENTS = 5_000;
/** As many as main lists. */
const MAX_OLDER = 500;

export const useTimelineStore = defineScopedStore('timeline', (scope) => {
  /** Oldest first, ids growing. */
  const events = shallowRef<TimelineEvent[]>([]);
  let reducer = new IncidentReducer();
  /** Of all events, whatever time is shown. */
  const live = shallowRef<readonly Incident[]>([]);
  /** Incidents of this run that the reducer no longer keeps, as they were last. */
  const older = shallowRef<readonly Incident[]>([]);
  const open = ref(false);
  const filter = reactive<EventFilter>({ kind: 'all', text: '' });
  /** The event that is looked at, by its id. */
  const pickedId = ref<number | null>(null);

  const timeTravel = useTimeTravelStore();
  /** What had happened by the moment that is shown. */
  const seen = computed(() => {
    const until = timeTravel.at;
    return until === null ? events.value : events.value.filter((event) => event.at <= until);
  });
  const matching = computed(() => {
    const matches = eventMatcher(filter);
    return events.value.filter(matches);
  });
  const causes = computed(() => indexCauses(events.value));
  const picked = computed(() => (pickedId.value === null ? null : (causes.value.byId.get(pickedId.value) ?? null)));
  /** As of the time that is shown, oldest first. */
  const incidents = computed<readonly Incident[]>(() => (timeTravel.at === null ? live.value : deriveIncidents(seen.value)));
  const headline = computed(() => headlineOf(incidents.value, seen.value));

  function append(fresh: readonly TimelineEvent[]): void {
    const last = events.value.at(-1)?.id ?? 0;
    const next = fresh.filter((event) => event.id > last);
    if (next.length === 0) return;
    events.value = [...events.value, ...next].slice(-MAX_EVENTS);
    for (const event of next) reducer.add(event);
    const list = reducer.list();
    const kept = new Set(list.map(({ id }) => id));
    const dropped = live.value.filter(({ id }) => !kept.has(id));
    if (dropped.length > 0) older.value = [...older.value, ...dropped].slice(-MAX_OLDER);
    live.value = list;
  }

  function forget(): void {
    events.value = [];
    reducer = new IncidentReducer();
    live.value = [];
    older.value = [];
  }

  async function load(): Promise<void> {
    const answer = await scope.request('timeline/list', { sinceId: events.value.at(-1)?.id ?? 0 });
    if (answer.ok) append(answer.value.events);
  }

  function start(): () => void {
    const stops = [
      scope.listen('timeline/appended', (event) => append(event.events)),
      scope.listen('connection/reopened', () => {
        forget();
        void load();
      }),
      onReopened(() => {
        // Another run of the app counts from one again.
        forget();
        void load();
      }),
    ];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return { events, seen, matching, open, filter, causes, pickedId, picked, live, older, incidents, headline, start, append };
});
