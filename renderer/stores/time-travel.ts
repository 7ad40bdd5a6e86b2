/**
 * Time travel: the point in time that pages show in place of the present. The main process recorded the state; the stores of the cluster,
 * the lab and the loads show it. Until the user goes live, no change is allowed.
 */
import { computed, ref, shallowRef } from 'vue';
import type { AppError } from '#shared/errors';
import type { HistoryRange, Moment } from '#shared/models/history';
import { defineScopedStore } from '../scope.ts';
import { useClusterStore } from './cluster.ts';
import { useLabStore } from './lab.ts';
import { useLoadsStore } from './loads.ts';

const PAST: AppError = { code: 'READ_ONLY', message: 'Time travel shows the past, which cannot be changed.', advice: 'Go live first.' };

export const useTimeTravelStore = defineScopedStore('timeTravel', (scope) => {
  const cluster = useClusterStore();
  const lab = useLabStore();
  const load = useLoadsStore();
  /** The selected point in time, wall-clock ms; null: the present. */
  const at = ref<number | null>(null);
  /** The state at that time, once it is received. */
  const shown = shallowRef<Moment | null>(null);
  const range = shallowRef<HistoryRange | null>(null);
  const error = shallowRef<AppError | null>(null);
  const travelling = computed(() => at.value !== null);
  /** One request at a time: of those that arrive meanwhile only the last is kept. */
  let asking = false;
  /** The range of the record is requested once for each journey. */
  let begun: Promise<void> = Promise.resolve();

  /** Null, or the reason why no state can be shown. A time before the record means its beginning. */
  async function goTo(when: number): Promise<AppError | null> {
    if (at.value === null) {
      scope.refuseChanges(PAST);
      begun = loadRange();
    }
    at.value = Math.round(when);
    await begun;
    const wish = at.value as number | null;
    // The user went live meanwhile.
    if (wish === null) return null;
    const from = range.value?.from ?? null;
    if (from === null) {
      const why = error.value ?? { code: 'NOT_FOUND', message: 'Nothing has been recorded yet.' };
      goLive();
      return why;
    }
    at.value = Math.max(from, Math.min(wish, Date.now()));
    await follow();
    return error.value;
  }

  async function follow(): Promise<void> {
    if (asking) return;
    asking = true;
    try {
      for (let wish = at.value; wish !== null; wish = at.value) {
        const answer = await scope.request('history/at', { at: wish });
        if (at.value === null) return;
        error.value = answer.ok ? null : answer.error;
        if (answer.ok && answer.value !== null) show(answer.value);
        else if (answer.ok) {
          // Dropped from the record meanwhile: show its new beginning.
          await loadRange();
          const from = range.value?.from ?? null;
          if (from !== null && from > wish && at.value === wish) at.value = from;
        }
        if (at.value === wish) return;
      }
    } finally {
      asking = false;
    }
  }

  function show(moment: Moment): void {
    shown.value = moment;
    cluster.showPointInTime(moment);
    lab.showFaults(moment.faults ?? []);
    load.showLoads(moment.loads ?? []);
  }

  function goLive(): void {
    at.value = null;
    shown.value = null;
    error.value = null;
    scope.refuseChanges(null);
    cluster.showPointInTime(null);
    lab.showFaults(null);
    load.showLoads(null);
  }

  async function loadRange(): Promise<void> {
    const answer = await scope.request('history/range', {});
    if (answer.ok) range.value = answer.value;
    error.value = answer.ok ? null : answer.error;
  }

  function start(): () => void {
    // Another cluster has another record.
    return scope.listen('connection/reopened', goLive);
  }

  return { at, shown, range, error, travelling, goTo, goLive, loadRange, start };
});
