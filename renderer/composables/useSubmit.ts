/** Sends the request of a dialog, one at a time, and keeps the error of a refusal until the input changes. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';

export interface Submit {
  busy: Readonly<Ref<boolean>>;
  refused: ShallowRef<AppError | null>;
  /** Null when the request was refused (see `refused`), or while another is pending. */
  submit: <T>(ask: () => Promise<Result<T>>) => Promise<{ value: T } | null>;
}

export function useSubmit(): Submit {
  const busy = ref(false);
  const refused = shallowRef<AppError | null>(null);

  async function submit<T>(ask: () => Promise<Result<T>>): Promise<{ value: T } | null> {
    if (busy.value) return null;
    busy.value = true;
    try {
      const answer = await ask();
      refused.value = answer.ok ? null : answer.error;
      return answer.ok ? { value: answer.value } : null;
    } finally {
      busy.value = false;
    }
  }

  return { busy, refused, submit };
}

/** Message and advice. */
export const describeRefusal = (error: AppError | null): string | null =>
  error === null ? null : error.advice === undefined ? error.message : `${error.message} ${error.advice}`;
