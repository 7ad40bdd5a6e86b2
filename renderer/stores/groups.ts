/** Consumer groups: the lag samples of the ones that are looked at, and what can be done to one. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError, Result } from '#shared/errors';
import type { Payload, PlaceChange } from '#shared/ipc';
import type { LagSample } from '#shared/models/cluster';
import { listen, onReopened, request } from '../api.ts';

/** An hour at one sample a second. */
const MAX_SAMPLES = 3_600;

export const useGroupsStore = defineStore('groups', () => {
  const followed = shallowRef<string | null>(null);
  const samples = shallowRef<LagSample[]>([]);
  const error = shallowRef<AppError | null>(null);

  /** Loads a group's history and keeps it going until the returned function is called. */
  function follow(group: string): () => void {
    followed.value = group;
    samples.value = [];
    error.value = null;
    void loadHistory(group);
    const stops = [
      listen('group/lagSampled', (event) => {
        if (event.group === followed.value) append(event.sample);
      }),
      onReopened(() => void loadHistory(group)),
    ];
    return () => {
      stops.forEach((stop) => stop());
      if (followed.value === group) followed.value = null;
    };
  }

  async function loadHistory(group: string): Promise<void> {
    const answer = await request('group/lagHistory', { group });
    if (followed.value !== group) return;
    if (!answer.ok) {
      error.value = answer.error;
      return;
    }
    const last = answer.value.samples.at(-1)?.at ?? 0;
    samples.value = [...answer.value.samples, ...samples.value.filter((sample) => sample.at > last)].slice(-MAX_SAMPLES);
  }

  function append(sample: LagSample): void {
    const last = samples.value.at(-1);
    if (last !== undefined && sample.at <= last.at) return;
    samples.value = [...samples.value.slice(-(MAX_SAMPLES - 1)), sample];
  }

  function remove(group: string, typedName: string): Promise<Result<null>> {
    return request('group/delete', { group, typedName });
  }

  function reset(group: string, topic: string, to: Payload<'group/reset'>['to']): Promise<Result<{ partitions: PlaceChange[] }>> {
    return request('group/reset', { group, topic, to });
  }

  return { followed, samples, error, follow, remove, reset };
});
