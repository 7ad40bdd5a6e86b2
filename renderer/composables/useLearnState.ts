/**
 * What the pages of Learn draw from and judge by: the cluster's state as one value, with what the reader did and picked; and whether
 * the page's check is done.
 */
import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import type { TopicRow } from '#shared/models/cluster';
import { ownValue } from '#shared/own-value';
import { LEARN_TOPIC, type Concept, type LearnState } from '../learn/concept.ts';
import { compareText } from '../format/numbers.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useZooKeeperSessionsStore } from '../stores/zookeeper-sessions.ts';
import { useLabStore } from '../stores/lab.ts';
import { useLearnStore } from '../stores/learn.ts';
import { useLoadsStore } from '../stores/loads.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useMeasured } from './useFlows.ts';
import { useReadRates } from './useReadRates.ts';
import { useWatchedRows } from './useWatchedRows.ts';

export function useLearnState(concept: () => Concept) {
  const cluster = useClusterStore();
  const lab = useLabStore();
  const zookeeper = useZooKeeperSessionsStore();
  const learn = useLearnStore();
  const loads = useLoadsStore();
  const timeline = useTimelineStore();
  const { flows, rates } = useMeasured();
  const readRates = useReadRates();
  /** What a component of the page lets the reader pick. */
  const picked = shallowRef<ReadonlyMap<string, number | string>>(new Map());
  const pick = (what: string, which: number | string): void => {
    picked.value = new Map(picked.value).set(what, which);
  };

  const topic = computed<TopicRow | null>(() => {
    const own = cluster.topics.get(LEARN_TOPIC);
    if (own !== undefined) return own;
    // On a remote cluster one of its own topics is shown until there is one for these pages.
    if (cluster.embedded) return null;
    return cluster.topicList.filter(({ internal }) => !internal).sort((a, b) => compareText(a.name, b.name))[0] ?? null;
  });
  useWatchedRows(() => ({
    topics: cluster.embedded ? ('all' as const) : topic.value === null ? ('none' as const) : [topic.value.name],
    groups: 'all' as const,
  }));

  const state = computed<LearnState>(() => ({
    embedded: cluster.embedded,
    connection: cluster.scalars?.connection.name ?? '',
    clusterId: cluster.scalars?.clusterId ?? null,
    controllerId: cluster.scalars?.controllerId ?? null,
    topic: topic.value,
    own: topic.value?.name === LEARN_TOPIC,
    topics: cluster.topicList,
    brokers: cluster.brokerList,
    groups: cluster.groupList,
    quorum: cluster.scalars?.quorum ?? null,
    faults: lab.faults,
    loads: loads.loads,
    history: timeline.events,
    coordination: zookeeper.clients,
    readRates: readRates.value,
    events: timeline.events.filter(({ at }) => learn.begun !== null && at >= learn.begun.at),
    sent: learn.sent,
    reads: learn.reads,
    topicsBefore: learn.begun?.topics ?? null,
    lagPeaks: learn.peaks,
    znodes: learn.znodes,
    rates: rates.value,
    flows: new Map([...flows.value].map(([key, flow]) => [key, flow.recordsPerSecond])),
    picked: Object.fromEntries(picked.value),
    asOf: cluster.scalars?.asOf ?? 0,
  }));

  watch(() => cluster.version, learn.begin, { immediate: true });

  /** A check that was done stays done, with its text at that time. */
  const achieved = computed(() => concept().check.done(state.value));
  watch(
    achieved,
    (said) => {
      if (said !== null) learn.finish(concept().id, said);
    },
    { immediate: true },
  );
  const done = computed(() => achieved.value ?? ownValue(learn.done, concept().id)?.said ?? null);

  /** Asks for these nodes of the tree now and every so often, while the page is open. */
  function followZnodes(paths: () => readonly string[], everyMs = 1_000): void {
    let running = true;
    onScopeDispose(() => (running = false));
    const round = async (): Promise<void> => {
      if (!running) return;
      if (cluster.embedded) await learn.readZnodes(paths());
      setTimeout(() => void round(), everyMs);
    };
    void round();
  }

  return { state, done, topic, pick, followZnodes };
}
