/** Dialogs that any page can ask for. They belong to the connection: another one is selected without them. */
import { ref, shallowRef } from 'vue';
import { defineScopedStore } from '../scope.ts';
import { useNotesStore } from './notes.ts';

export const useDeskStore = defineScopedStore('desk', (scope) => {
  const palette = ref(false);
  const creatingTopic = ref(false);
  const deletingTopic = ref<string | null>(null);
  /** A lab verb that waits for a yes. */
  const confirming = shallowRef<{ verb: 'stop' | 'kill'; broker: number } | null>(null);
  const notes = useNotesStore();

  /** Commands of the native menu. */
  function start(navigate: (path: string) => void, refresh: () => void): () => void {
    return scope.listen('app/commanded', (event) => {
      if (event.command === 'palette') palette.value = true;
      else if (event.command === 'createTopic') creatingTopic.value = true;
      else if (event.command === 'refresh') refresh();
      else if (event.path !== undefined) navigate(event.path);
    });
  }

  const { note, complain } = notes;
  return { palette, creatingTopic, deletingTopic, confirming, note, complain, start };
});
