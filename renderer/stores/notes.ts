/** Notes that pass by: what was done, and what was refused. They outlast a change of connection. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';

export interface Note {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  advice: string | null;
  /** What can be done about it while it is shown. */
  action: NoteAction | null;
}

export interface NoteAction {
  label: string;
  run: () => void;
}

const NOTE_MS = 6_000;
/** Longer: it takes a decision. */
const ACTION_NOTE_MS = 30_000;
const MAX_NOTES = 4;

export const useNotesStore = defineStore('notes', () => {
  const notes = shallowRef<Note[]>([]);
  let nextId = 1;

  function note(text: string, action: NoteAction | null = null): void {
    push('ok', text, null, action);
  }

  function complain(error: AppError): void {
    push('bad', error.message, error.advice ?? null, null);
  }

  function push(tone: Note['tone'], text: string, advice: string | null, action: NoteAction | null): void {
    const id = nextId++;
    notes.value = [...notes.value, { id, tone, text, advice, action }].slice(-MAX_NOTES);
    // An error stays until it is put away: it may be read later than six seconds.
    if (tone === 'ok') setTimeout(() => dismiss(id), action === null ? NOTE_MS : ACTION_NOTE_MS);
  }

  function dismiss(id: number): void {
    notes.value = notes.value.filter((one) => one.id !== id);
  }

  return { notes, note, complain, dismiss };
});
