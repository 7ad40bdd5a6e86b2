/** Where clients connect to the embedded cluster: what is in force, what is saved for the next start, and how it is described. */
import { computed, shallowRef } from 'vue';
import type { AppError } from '#shared/errors';
import type { EmbeddedListeners, ListenerAddresses } from '#shared/models/listeners';
import { request } from '../api.ts';
import { useSubmit } from './useSubmit.ts';

export function useListeners() {
  const state = shallowRef<EmbeddedListeners | null>(null);
  const failure = shallowRef<AppError | null>(null);
  const { busy, refused, submit } = useSubmit();

  async function load(): Promise<void> {
    const answer = await request('embedded/listeners', {});
    if (answer.ok) state.value = answer.value;
    failure.value = answer.ok ? null : answer.error;
  }

  /** False where it was refused, as `refused` says. */
  async function save(addresses: ListenerAddresses): Promise<boolean> {
    const done = await submit(() => request('embedded/saveListeners', addresses));
    if (done === null) return false;
    state.value = done.value;
    return true;
  }

  /** What was refused is forgotten. */
  function clear(): void {
    refused.value = null;
  }

  /** What is saved differs from what runs, and no option overrules it. */
  const pending = computed(() => {
    const { value } = state;
    if (value === null || value.fromCommandLine) return null;
    const { active, saved } = value;
    return active.bindHost === saved.bindHost && active.advertisedHost === saved.advertisedHost ? null : saved;
  });

  return { state, failure, busy, refused, load, save, clear, pending };
}
