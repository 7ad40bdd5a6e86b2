/** What the page in front shows, told to main as it changes. */
import { toValue, watch, type MaybeRefOrGetter } from 'vue';
import type { ScopedPayload } from '#shared/ipc';
import { useClusterStore } from '../stores/cluster.ts';

export function useWatch(what: MaybeRefOrGetter<ScopedPayload<'cluster/watch'>>): void {
  const cluster = useClusterStore();
  watch(
    () => JSON.stringify(toValue(what)),
    () => cluster.watchOnly(toValue(what)),
    { immediate: true },
  );
}
