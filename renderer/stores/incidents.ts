/** Incidents of the selected connection: those of this run from its events, and stored ones of earlier runs. Every page takes them from here. */
import { computed, shallowRef } from 'vue';
import { incidentAt, type Incident } from '#shared/incidents/incident';
import { mergeRuns } from '#shared/incidents/merge';
import { endOf, incidentFromRecord, type IncidentRecord } from '#shared/incidents/record';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';
import { useTimeTravelStore } from './time-travel.ts';
import { useTimelineStore } from './timeline.ts';

/** As long as incidents are stored. */
const SPAN_MS = 30 * 86_400_000;
/** An open incident whose events are no longer kept here is read again this often, and so is a history that was not available. */
const RELOAD_MS = 30_000;
/** The clock of another process may be ahead by as much. */
const AHEAD_MS = 60_000;

export const useIncidentsStore = defineScopedStore('incidents', (scope) => {
  const timeline = useTimelineStore();
  const timeTravel = useTimeTravelStore();
  const stored = shallowRef<{ run: string; incidents: readonly IncidentRecord[] }>({ run: '', incidents: [] });
  /** Why incidents of earlier runs are missing; null: they are not. */
  const problem = shallowRef<string | null>(null);
  /** Whether stored incidents were read; before that their absence is not known. */
  const loaded = shallowRef(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let started = false;

  /** Those of this run. At a past time events that are no longer kept leave gaps, which the incidents of now fill. */
  const ofRun = computed<readonly Incident[]>(() => {
    const shown = timeline.incidents;
    const others = timeTravel.at === null ? timeline.older : [...timeline.older, ...timeline.live];
    const ids = new Set(shown.map(({ id }) => id));
    return [...others.filter(({ id }) => !ids.has(id)), ...shown];
  });
  /** Stored incidents that the events of this run do not contain: of this run, then of each other one. */
  const storedByRun = computed<readonly (readonly Incident[])[]>(() => {
    const { run, incidents } = stored.value;
    const known = new Set(ofRun.value.map(({ id }) => id));
    const byRun = new Map<string, Incident[]>([[run, []]]);
    for (const record of incidents) {
      if (record.run === run && known.has(record.eventId)) continue;
      const own = byRun.get(record.run) ?? [];
      byRun.set(record.run, own);
      own.push(incidentFromRecord(record));
    }
    return [...byRun.values()];
  });

  /** As of the time that is shown, oldest first. */
  const all = computed<readonly Incident[]>(() => {
    const { at } = timeTravel;
    const [earlier = [], ...others] = storedByRun.value;
    const known = mergeRuns([[...earlier, ...ofRun.value], ...others], at ?? undefined);
    return at === null ? known : known.filter(({ startedAt }) => startedAt <= at).map((one) => incidentAt(one, at));
  });

  async function load(): Promise<void> {
    const now = Date.now();
    const answer = await scope.request('incident/list', { from: Math.max(0, now - SPAN_MS), until: now + AHEAD_MS });
    problem.value = answer.ok ? answer.value.problem : answer.error.message;
    loaded.value = true;
    if (answer.ok) stored.value = answer.value;
    clearTimeout(timer);
    if (started && (problem.value !== null || hasHiddenOpen())) timer = setTimeout(() => void load(), RELOAD_MS);
  }

  /** Whether an incident of this run is open of which no further events are added here. */
  function hasHiddenOpen(): boolean {
    const { run, incidents } = stored.value;
    const live = new Set(timeline.live.map(({ id }) => id));
    return incidents.some((record) => endOf(record) === null && record.run === run && !live.has(record.eventId));
  }

  function start(): () => void {
    started = true;
    const stops = [scope.listen('connection/reopened', () => void load()), onReopened(() => void load())];
    void load();
    return () => {
      started = false;
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }

  return { all, problem, loaded, load, start };
});
