/** Reports the topics and groups that the page shows to the main process, so that only those are polled. */
import { toValue, watch, type MaybeRefOrGetter } from 'vue';
import type { ScopedPayload } from '#shared/ipc';
import { useClusterStore } from '../stores/cluster.ts';

export function useWatchedRows(what: MaybeRefOrGetter<ScopedPayload<'cluster/watch'>>): void {
  const cluster = useClusterStore();
  watch(
    () => JSON.stringify(toValue(what)),
    () => cluster.watchOnly(toValue(what)),
    { immediate: true },
  );
}
