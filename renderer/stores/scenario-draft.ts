/** A scenario's text that was opened, dropped, pasted or recorded; kept while the app is open, whichever connection is selected. */
import { ref } from 'vue';
import { defineStore } from 'pinia';

export const useScenarioDraftStore = defineStore('scenarioDraft', () => {
  const own = ref('');
  const ownName = ref<string | null>(null);
  return { own, ownName };
});
