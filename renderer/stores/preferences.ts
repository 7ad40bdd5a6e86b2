/** Preferences of the user, stored in this browser. */
import { computed, watch } from 'vue';
import { defineStore } from 'pinia';
import { useLocalStorage, usePreferredDark } from '@vueuse/core';

export type ThemeChoice = 'system' | 'dark' | 'light';
export type Density = 'compact' | 'roomy';

export const usePreferencesStore = defineStore('preferences', () => {
  const theme = useLocalStorage<ThemeChoice>('brokerdesk.theme', 'system');
  const density = useLocalStorage<Density>('brokerdesk.density', 'compact');
  const showInternal = useLocalStorage('brokerdesk.showInternal', true);
  const systemDark = usePreferredDark();

  const resolvedTheme = computed<'dark' | 'light'>(() => {
    if (theme.value !== 'system') return theme.value;
    return systemDark.value ? 'dark' : 'light';
  });

  function start(): () => void {
    return watch(
      [resolvedTheme, density],
      ([nextTheme, nextDensity]) => {
        document.documentElement.dataset['theme'] = nextTheme;
        document.documentElement.dataset['density'] = nextDensity;
      },
      { immediate: true },
    );
  }

  return { theme, density, showInternal, resolvedTheme, start };
});
