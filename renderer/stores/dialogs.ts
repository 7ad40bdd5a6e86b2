/** Dialogs that any page can open. They belong to the scope: selecting another connection closes them. */
import { ref, shallowRef } from 'vue';
import { defineScopedStore } from '../scope.ts';

export const useDialogsStore = defineScopedStore('dialogs', (scope) => {
  const palette = ref(false);
  const creatingTopic = ref(false);
  const deletingTopic = ref<string | null>(null);
  /** An action of the lab that waits for its confirmation. */
  const confirming = shallowRef<{ verb: 'stop' | 'kill'; broker: number } | null>(null);

  /** Runs commands of the native menu until the returned function is called. */
  function start(navigate: (path: string) => void, refresh: () => void): () => void {
    return scope.listen('app/commanded', (event) => {
      if (event.command === 'palette') palette.value = true;
      else if (event.command === 'createTopic') creatingTopic.value = true;
      else if (event.command === 'refresh') refresh();
      else if (event.path !== undefined) navigate(event.path);
    });
  }

  return { palette, creatingTopic, deletingTopic, confirming, start };
});
