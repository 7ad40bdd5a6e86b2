/** Entries of the command palette for the typed text. */
import { computed, type Ref } from 'vue';
import { CONCEPTS } from '../learn/concepts.ts';
import { compareText } from '../format/numbers.ts';
import { useBrokerActions } from './useBrokerActions.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useDialogsStore } from '../stores/dialogs.ts';
import { usePreferencesStore } from '../stores/preferences.ts';
import { useTourStore } from '../stores/tour.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { escapeName } from '#shared/names';
import { groupPath, topicPath } from '../format/addresses.ts';

export interface PaletteEntry {
  key: string;
  label: string;
  kind: string;
  to: string | null;
  run: () => void;
}

const MAX_SHOWN = 60;
const nothing = (): void => undefined;
const PAGES: [string, string][] = [
  ['Overview', '/overview'],
  ['Topics', '/topics'],
  ['Consumer groups', '/groups'],
  ['Brokers', '/brokers'],
  ['Quorum', '/brokers/quorum'],
  ['ZooKeeper', '/brokers/zookeeper'],
  ['Incidents', '/incidents'],
  ['Lab', '/lab'],
  ['Scenarios', '/scenarios'],
  ['Learn', '/learn'],
  ['Connections', '/connections'],
  ...CONCEPTS.map(({ id, title }): [string, string] => [`Learn: ${title}`, `/learn/${id}`]),
];

/** Lower is better; null does not match. A start beats a word's start beats anywhere; letters in order come last. */
export function matchRank(label: string, query: string): number | null {
  const text = label.toLowerCase();
  const at = text.indexOf(query);
  if (at === 0) return 0;
  if (at > 0) return /[^a-z0-9]/.test(text[at - 1] ?? '') ? 1 : 2;
  let from = 0;
  for (const letter of query) {
    const next = text.indexOf(letter, from);
    if (next === -1) return null;
    from = next + 1;
  }
  return 3;
}

export function usePalette(text: Ref<string>): { matches: Ref<PaletteEntry[]> } {
  const cluster = useClusterStore();
  const dialogs = useDialogsStore();
  const preferences = usePreferencesStore();
  const timeline = useTimelineStore();
  const tour = useTourStore();
  const { actionsFor } = useBrokerActions();

  const pages = PAGES.map(([label, to]): PaletteEntry => ({ key: `page:${to}`, label, kind: 'page', to, run: nothing }));

  const actions = computed<PaletteEntry[]>(() => {
    const action = (label: string, run: () => void): PaletteEntry => ({ key: `do:${label}`, label, kind: 'action', to: null, run });
    return [
      action('Create topic', () => (dialogs.creatingTopic = true)),
      action('Refresh', () => void cluster.refresh()),
      action(timeline.open ? 'Close the timeline' : 'Open the timeline', () => (timeline.open = !timeline.open)),
      ...cluster.brokerList.flatMap((broker) => actionsFor(broker).map((one) => action(`${one.label} broker ${broker.id}`, one.run))),
      ...(cluster.embedded ? [action('Take the tour', () => void tour.begin())] : []),
      action('Dark theme', () => (preferences.theme = 'dark')),
      action('Light theme', () => (preferences.theme = 'light')),
      action('System theme', () => (preferences.theme = 'system')),
    ];
  });

  const things = computed<PaletteEntry[]>(() => [
    ...cluster.brokerList.map((broker) => ({
      key: `broker:${broker.id}`,
      label: `Broker ${broker.id}`,
      kind: 'broker',
      to: `/brokers/${broker.id}`,
      run: nothing,
    })),
    ...cluster.topicList.map((topic) => ({
      key: `topic:${topic.name}`,
      label: escapeName(topic.name),
      kind: 'topic',
      to: topicPath(topic.name),
      run: nothing,
    })),
    ...cluster.groupList.map((group) => ({
      key: `group:${group.id}`,
      label: escapeName(group.id),
      kind: 'consumer group',
      to: groupPath(group.id),
      run: nothing,
    })),
  ]);

  const matches = computed<PaletteEntry[]>(() => {
    if (!dialogs.palette) return [];
    const query = text.value.trim().toLowerCase();
    if (query === '') return [...pages, ...actions.value, ...things.value].slice(0, MAX_SHOWN);
    return [...pages, ...things.value, ...actions.value]
      .flatMap((entry) => {
        const rank = matchRank(entry.label, query);
        return rank === null ? [] : [{ entry, rank }];
      })
      .sort((a, b) => a.rank - b.rank || a.entry.label.length - b.entry.label.length || compareText(a.entry.label, b.entry.label))
      .slice(0, MAX_SHOWN)
      .map(({ entry }) => entry);
  });

  return { matches };
}
