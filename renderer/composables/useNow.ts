/** One ticking clock for all ages on the screen. */
import { ref } from 'vue';
import { createSharedComposable, useIntervalFn } from '@vueuse/core';

const TICK_MS = 200;

export const useNow = createSharedComposable(() => {
  const now = ref(Date.now());
  useIntervalFn(() => {
    now.value = Date.now();
  }, TICK_MS);
  return now;
});
