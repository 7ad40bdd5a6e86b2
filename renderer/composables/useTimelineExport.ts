/** The timeline as a file: what the filter shows, or all of it where nothing is filtered. */
import { computed } from 'vue';
import { isFiltering } from '../timeline/event-filter.ts';
import { plural } from '../format/numbers.ts';
import { saveJson } from '../browser/save.ts';
import { exportTimeline } from '../timeline/timeline-export.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useLabStore } from '../stores/lab.ts';
import { useTimeTravelStore } from '../stores/time-travel.ts';
import { useTimelineStore } from '../stores/timeline.ts';

export function useTimelineExport() {
  const cluster = useClusterStore();
  const lab = useLabStore();
  const timeTravel = useTimeTravelStore();
  const timeline = useTimelineStore();

  const count = computed(() => timeline.matching.length);
  const title = computed(() => {
    const events = plural(count.value, 'event');
    return isFiltering(timeline.filter) ? `The ${events} that the filter shows, as JSON` : `${events} as JSON`;
  });

  function save(): void {
    const { scalars } = cluster.present();
    saveJson(
      `brokerdesk-timeline-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.json`,
      exportTimeline({
        events: timeline.matching,
        causes: timeline.causes,
        cluster: { id: scalars?.clusterId ?? null, name: scalars?.connection.name ?? null },
        filter: timeline.filter,
        moment: timeTravel.at,
        faults: lab.faults,
        now: Date.now(),
      }),
    );
  }

  return { count, title, save };
}
