/** Entries of the navigation, with what is counted or wrong behind each. Badges rest on the same sums and incidents as the pages. */
import { computed } from 'vue';
import { openIncidents } from '#shared/incidents/incident';
import { COUNTED } from '../learn/concepts.ts';
import { formatCount, plural } from '../format/numbers.ts';
import { isOnline } from '../topics/replicas.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useIncidentsStore } from '../stores/incidents.ts';
import { useLabStore } from '../stores/lab.ts';
import { useTopicsStore } from '../stores/topics.ts';

export interface NavigationEntry {
  to: string;
  label: string;
  /** Empty: none. */
  count: string;
  tone?: 'bad' | 'warn';
  /** The badge in words. */
  said?: string;
  /** Pages that belong to it besides those below its address. */
  also?: readonly string[];
}

export function useNavigation() {
  const cluster = useClusterStore();
  const incidents = useIncidentsStore();
  const lab = useLabStore();
  const topics = useTopicsStore();
  const counted = (count: number): string => (cluster.ready ? formatCount(count) : '');

  const overview = computed<NavigationEntry>(() => {
    const entry = { to: '/overview', label: 'Overview', also: ['/incidents'] };
    const open = openIncidents(incidents.all);
    if (open.length === 0) return { ...entry, count: '' };
    const tone = open.some(({ leaderless }) => leaderless > 0) ? ('bad' as const) : ('warn' as const);
    return { ...entry, count: `${formatCount(open.length)} open`, tone, said: plural(open.length, 'open incident') };
  });

  const topicsEntry = computed<NavigationEntry>(() => {
    const entry = { to: '/topics', label: 'Topics' };
    const { offline } = topics.totals;
    if (offline === 0) return { ...entry, count: counted(topics.visible.length) };
    return { ...entry, count: `${formatCount(offline)} not served`, tone: 'bad', said: `${plural(offline, 'partition')} not served` };
  });

  const consumers = computed<NavigationEntry>(() => {
    const entry = { to: '/groups', label: 'Consumers' };
    const unread = cluster.facts.reachable ? cluster.groupList.filter(({ error }) => error !== null).length : 0;
    if (unread === 0) return { ...entry, count: counted(cluster.groups.size) };
    return { ...entry, count: `${formatCount(unread)} unknown`, tone: 'warn', said: `Lag of ${plural(unread, 'group')} unknown` };
  });

  const brokers = computed<NavigationEntry>(() => {
    const entry = { to: '/brokers', label: 'Brokers' };
    const all = cluster.brokerList.length;
    const alive = cluster.brokerList.filter(isOnline).length;
    if (alive === all) return { ...entry, count: counted(all) };
    return { ...entry, count: `${alive} of ${all}`, tone: 'bad', said: `${alive} of ${all} online` };
  });

  const labEntry = computed<NavigationEntry>(() => {
    const faults = cluster.embedded ? lab.faults.length : 0;
    return {
      to: '/lab',
      label: 'Lab',
      count: faults === 0 ? '' : plural(faults, 'fault'),
      ...(faults > 0 ? { tone: 'warn' as const } : {}),
    };
  });

  const sections = computed<NavigationEntry[][]>(() => [
    [overview.value, topicsEntry.value, consumers.value, brokers.value],
    [
      labEntry.value,
      { to: '/scenarios', label: 'Scenarios', count: '' },
      { to: '/learn', label: 'Learn', count: formatCount(COUNTED), said: `${COUNTED} concepts` },
    ],
    [{ to: '/connections', label: 'Connections', count: '' }],
  ]);

  return { sections };
}
