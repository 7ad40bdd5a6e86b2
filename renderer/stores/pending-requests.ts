/** Pending requests of a store by key: none is sent twice, and pages show which are pending. */
import { shallowRef, type ShallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';

export function trackPendingRequests(): {
  pending: ShallowRef<ReadonlySet<string>>;
  /** Null, without a call of `act`, while a request with that key is pending. */
  runOnce: <T>(key: string, act: () => Promise<T>) => Promise<T | null>;
} {
  const pending = shallowRef<ReadonlySet<string>>(new Set());

  async function runOnce<T>(key: string, act: () => Promise<T>): Promise<T | null> {
    if (pending.value.has(key)) return null;
    pending.value = new Set([...pending.value, key]);
    try {
      return await act();
    } finally {
      pending.value = new Set([...pending.value].filter((one) => one !== key));
    }
  }

  return { pending, runOnce };
}

/** The error of a refused request; null for a completed one, and for one that was not sent because it is pending. */
export function failureOf(answer: Result<unknown> | null): AppError | null {
  return answer === null || answer.ok ? null : answer.error;
}
