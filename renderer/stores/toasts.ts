/** Toasts: short notifications of completed and refused actions. They outlast a change of connection. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';

export interface Toast {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  advice: string | null;
  /** An action that is offered while the toast is shown. */
  action: ToastAction | null;
}

export interface ToastAction {
  label: string;
  run: () => void;
}

const SHOWN_MS = 6_000;
/** Longer, since it takes a decision. */
const SHOWN_WITH_ACTION_MS = 30_000;
const MAX_TOASTS = 4;

export const useToastsStore = defineStore('toasts', () => {
  const toasts = shallowRef<Toast[]>([]);
  let nextId = 1;

  function add(text: string, action: ToastAction | null = null): void {
    push('ok', text, null, action);
  }

  function addError(error: AppError): void {
    push('bad', error.message, error.advice ?? null, null);
  }

  function push(tone: Toast['tone'], text: string, advice: string | null, action: ToastAction | null): void {
    const id = nextId++;
    toasts.value = [...toasts.value, { id, tone, text, advice, action }].slice(-MAX_TOASTS);
    // An error stays until it is dismissed: reading it may take longer than six seconds.
    if (tone === 'ok') setTimeout(() => dismiss(id), action === null ? SHOWN_MS : SHOWN_WITH_ACTION_MS);
  }

  function dismiss(id: number): void {
    toasts.value = toasts.value.filter((one) => one.id !== id);
  }

  return { toasts, add, addError, dismiss };
});
