/** Consumer groups: the lag samples of the ones that are looked at, and what can be done to one. */
import { shallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { PlaceChange, ScopedPayload } from '#shared/ipc';
import type { GroupRow, LagSample } from '#shared/models/cluster';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';

/** An hour at one sample a second. */
const MAX_SAMPLES = 3_600;

export type ShownGroup = ScopedPayload<'group/delete'>['shown'];

export function shownGroup({ state, members }: Pick<GroupRow, 'state' | 'members'>): ShownGroup {
  return { state, members: members.length };
}

export const useGroupsStore = defineScopedStore('groups', (scope) => {
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
      scope.listen('group/lagSampled', (event) => {
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
    const answer = await scope.request('group/lagHistory', { group });
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

  /** `shown`, here and below: the group as it was shown when this was prepared. */
  function remove(group: string, shown: ShownGroup, typedName: string): Promise<Result<null>> {
    return scope.request('group/delete', { group, shown, typedName });
  }

  function reset(
    group: string,
    shown: ShownGroup,
    topic: string,
    to: ScopedPayload<'group/reset'>['to'],
  ): Promise<Result<{ partitions: PlaceChange[] }>> {
    return scope.request('group/reset', { group, shown, topic, to });
  }

  return { followed, samples, error, follow, remove, reset };
});
