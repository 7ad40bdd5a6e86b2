/** One ticking clock for all ages on the screen. While a moment of the past is shown they are as of that moment. */
import { computed, ref } from 'vue';
import { createSharedComposable, useIntervalFn } from '@vueuse/core';
import { useTimeTravelStore } from '../stores/time-travel.ts';

const TICK_MS = 200;

/** The time by this machine's clock, whatever is shown. */
export const useClock = createSharedComposable(() => {
  const now = ref(Date.now());
  useIntervalFn(() => {
    now.value = Date.now();
  }, TICK_MS);
  return now;
});

/** The time of what is shown: a fault that was two seconds old then is two seconds old on the screen. */
export function useNow() {
  const timeTravel = useTimeTravelStore();
  const clock = useClock();
  return computed(() => timeTravel.at ?? clock.value);
}
