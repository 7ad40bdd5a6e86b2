/** What is open on the desk itself: dialogs that any page can ask for, and the notes that pass by. */
import { ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';
import { listen } from '../api.ts';

export interface Note {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  advice: string | null;
}

const NOTE_MS = 6_000;
const MAX_NOTES = 4;

export const useDeskStore = defineStore('desk', () => {
  const palette = ref(false);
  const creatingTopic = ref(false);
  const deletingTopic = ref<string | null>(null);
  /** A lab verb that waits for a yes. */
  const confirming = shallowRef<{ verb: 'stop' | 'kill'; broker: number } | null>(null);
  const notes = shallowRef<Note[]>([]);
  let nextId = 1;

  function note(text: string): void {
    push('ok', text, null);
  }

  function complain(error: AppError): void {
    push('bad', error.message, error.advice ?? null);
  }

  function push(tone: Note['tone'], text: string, advice: string | null): void {
    const id = nextId++;
    notes.value = [...notes.value, { id, tone, text, advice }].slice(-MAX_NOTES);
    // An error stays until it is put away: it may be read later than six seconds.
    if (tone === 'ok') setTimeout(() => dismiss(id), NOTE_MS);
  }

  function dismiss(id: number): void {
    notes.value = notes.value.filter((one) => one.id !== id);
  }

  /** Commands of the native menu. */
  function start(navigate: (path: string) => void, refresh: () => void): () => void {
    return listen('app/commanded', (event) => {
      if (event.command === 'palette') palette.value = true;
      else if (event.command === 'createTopic') creatingTopic.value = true;
      else if (event.command === 'refresh') refresh();
      else if (event.path !== undefined) navigate(event.path);
    });
  }

  return { palette, creatingTopic, deletingTopic, confirming, notes, note, complain, dismiss, start };
});
