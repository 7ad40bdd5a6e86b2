/** A range of recorded figures: the last so many minutes up to now, or up to the point in time that is shown, or a part that was selected. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue';
import { useDocumentVisibility } from '@vueuse/core';
import type { AppError, Result } from '#shared/errors';
import type { FigureRange } from '#shared/models/figures';
import { onReopened } from '../api.ts';
import { useTimeTravelStore } from '../stores/time-travel.ts';
import { useScope } from '../scope.ts';

export interface FigureRequest {
  from: number;
  until: number;
  points: number;
}

/** A step of 24 hours is one minute then. */
const POINTS = 1_500;
const MIN_RELOAD_MS = 1_000;
const MAX_RELOAD_MS = 60_000;

export function useFigureRange(spanMs: Ref<number>, key: () => string, load: (span: FigureRequest) => Promise<Result<FigureRange>>) {
  const scope = useScope();
  const timeTravel = useTimeTravelStore();
  const visibility = useDocumentVisibility();
  const range = shallowRef<FigureRange | null>(null);
  const error = shallowRef<AppError | null>(null);
  /** Null: the last `spanMs`. */
  const zoom = ref<{ from: number; until: number } | null>(null);
  const live = computed(() => zoom.value === null && timeTravel.at === null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** One request at a time: what changes meanwhile is asked for after it. */
  let loading = false;
  let changed = false;
  let ended = false;

  async function reload(): Promise<void> {
    clearTimeout(timer);
    changed = loading;
    if (ended || loading) return;
    loading = true;
    const mine = key();
    const until = zoom.value?.until ?? timeTravel.at ?? Date.now();
    const from = zoom.value?.from ?? until - spanMs.value;
    const answer = await load({ from: Math.max(0, Math.round(from)), until: Math.round(until), points: POINTS });
    loading = false;
    if (mine === key()) {
      if (answer.ok) range.value = answer.value;
      error.value = answer.ok ? null : answer.error;
    }
    if (changed) void reload();
    else plan();
  }

  /** While the page is seen and shows the present. */
  function plan(): void {
    clearTimeout(timer);
    if (ended || !live.value || visibility.value === 'hidden') return;
    const stepMs = range.value?.stepMs ?? 0;
    timer = setTimeout(() => void reload(), Math.min(MAX_RELOAD_MS, Math.max(MIN_RELOAD_MS, stepMs / 2)));
  }

  watch(
    key,
    () => {
      range.value = null;
      zoom.value = null;
      void reload();
    },
    { immediate: true },
  );
  watch(spanMs, () => {
    zoom.value = null;
    void reload();
  });
  watch([zoom, () => timeTravel.at, visibility], () => void reload());
  const stops = [onReopened(() => void reload()), scope.listen('connection/reopened', () => void reload())];
  onScopeDispose(() => {
    ended = true;
    clearTimeout(timer);
    for (const stop of stops) stop();
  });

  return { range, error, zoom, live };
}
