/** What a store is doing, each under a key, so that nothing is asked for twice and whoever asked can show that it goes on. */
import { shallowRef, type ShallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';

export function trackUnderWay(): {
  underWay: ShallowRef<ReadonlySet<string>>;
  /** Null, and `act` is not begun, while what has that key is under way. */
  busyWith: <T>(key: string, act: () => Promise<T>) => Promise<T | null>;
} {
  const underWay = shallowRef<ReadonlySet<string>>(new Set());

  async function busyWith<T>(key: string, act: () => Promise<T>): Promise<T | null> {
    if (underWay.value.has(key)) return null;
    underWay.value = new Set([...underWay.value, key]);
    try {
      return await act();
    } finally {
      underWay.value = new Set([...underWay.value].filter((one) => one !== key));
    }
  }

  return { underWay, busyWith };
}

/** Why it was refused; null when it was done, and when it was not begun since it is under way already. */
export function failureOf(answer: Result<unknown> | null): AppError | null {
  return answer === null || answer.ok ? null : answer.error;
}
