/** Notes that pass by: what was done, and what was refused. They outlast a change of connection. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';

export interface Note {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  advice: string | null;
}

const NOTE_MS = 6_000;
const MAX_NOTES = 4;

export const useNotesStore = defineStore('notes', () => {
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

  return { notes, note, complain, dismiss };
});
