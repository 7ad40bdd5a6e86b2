/**
 * Time travel: which moment of the record is shown, if it is not the present. It is asked for at main, which recorded what
 * this screen was told; the stores of the cluster, of the lab and of load then show that. Until it is left nothing can be changed.
 */
import { computed, ref, shallowRef } from 'vue';
import type { AppError } from '#shared/errors';
import type { HistoryRange, Moment } from '#shared/models/history';
import { defineScopedStore } from '../scope.ts';
import { useClusterStore } from './cluster.ts';
import { useLabStore } from './lab.ts';
import { useLoadStore } from './load.ts';

const PAST: AppError = { code: 'READ_ONLY', message: 'You are looking at the past.', advice: 'Go live first.' };

export const useMomentStore = defineScopedStore('moment', (scope) => {
  const cluster = useClusterStore();
  const lab = useLabStore();
  const load = useLoadStore();
  /** The moment that was chosen, wall-clock ms; null: the present. */
  const at = ref<number | null>(null);
  /** What stood then, once it is here. */
  const shown = shallowRef<Moment | null>(null);
  const range = shallowRef<HistoryRange | null>(null);
  const error = shallowRef<AppError | null>(null);
  const travelling = computed(() => at.value !== null);
  /** One question at a time: while one is on its way only the last wish is remembered. */
  let asking = false;
  /** How far back the record reaches is asked for once a journey. */
  let begun: Promise<void> = Promise.resolve();

  /** Null, or why there is nothing to be seen. What lies before the record is taken for its beginning. */
  async function goTo(when: number): Promise<AppError | null> {
    if (at.value === null) {
      scope.refuseChanges(PAST);
      begun = loadRange();
    }
    at.value = Math.round(when);
    await begun;
    const wish = at.value as number | null;
    // Left again meanwhile.
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
          // Dropped from the record meanwhile: its beginning is now what is oldest.
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
    cluster.showMoment(moment);
    lab.showFaults(moment.faults ?? []);
    load.showLoads(moment.loads ?? []);
  }

  function goLive(): void {
    at.value = null;
    shown.value = null;
    error.value = null;
    scope.refuseChanges(null);
    cluster.showMoment(null);
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
