/** Starts the stores of the selected connection, and answers keys and menu commands that mean the same on every page. */
import { onScopeDispose } from 'vue';
import { useRouter } from 'vue-router';
import { useEventListener } from '@vueuse/core';
import { useClusterStore } from '../stores/cluster.ts';
import { useZooKeeperSessionsStore } from '../stores/zookeeper-sessions.ts';
import { useDialogsStore } from '../stores/dialogs.ts';
import { useGroupTrendsStore } from '../stores/group-trends.ts';
import { useIncidentsStore } from '../stores/incidents.ts';
import { useLabStore } from '../stores/lab.ts';
import { useLoadsStore } from '../stores/loads.ts';
import { useLearnStore } from '../stores/learn.ts';
import { useMessagesStore } from '../stores/messages.ts';
import { useTimeTravelStore } from '../stores/time-travel.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useToastsStore } from '../stores/toasts.ts';
import { useTourStore } from '../stores/tour.ts';
import { useLessonCleanup } from './useLessonCleanup.ts';

export function useApp(): { refresh: () => Promise<void> } {
  const cluster = useClusterStore();
  const dialogs = useDialogsStore();
  const toasts = useToastsStore();
  const router = useRouter();
  const stops = [
    cluster.start(),
    useTimeTravelStore().start(),
    useTimelineStore().start(),
    useIncidentsStore().start(),
    useGroupTrendsStore().start(),
    useLabStore().watchFaults(),
    useLoadsStore().watch(),
    useZooKeeperSessionsStore().start(),
    useMessagesStore().start(),
    useLearnStore().start(),
    useTourStore().start(),
    dialogs.start(
      (path) => void router.push(path),
      () => void refresh(),
    ),
  ];
  useLessonCleanup();
  onScopeDispose(() => stops.forEach((stop) => stop()));

  async function refresh(): Promise<void> {
    const error = await cluster.refresh();
    if (error !== null) toasts.addError(error);
  }

  useEventListener(window, 'keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      dialogs.palette = !dialogs.palette;
    } else if (event.key === 'F5' || ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'r')) {
      event.preventDefault();
      void refresh();
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
      const filter = document.querySelector<HTMLInputElement>('main [data-filter]');
      if (filter === null) return;
      event.preventDefault();
      filter.focus();
      filter.select();
    }
  });

  return { refresh };
}
