/**
 * The cluster of the scope's connection, as main last published it. One view, then patches by version; whenever a patch does not fit the version
 * of this store, the whole view is requested again. During time travel pages read the state of the selected point in time;
 * the present is still followed, and shown again afterwards.
 */
import { computed, ref, shallowRef, triggerRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { ClusterPatch, ScopedPayload } from '#shared/ipc';
import type { BrokerRow, ClusterView, TopicRow } from '#shared/models/cluster';
import type { ClusterFigure, FigureRange } from '#shared/models/figures';
import type { Moment } from '#shared/models/history';
import { assessBroker, assessBrokers, assessTopic, type BrokerFacts } from '#shared/health';
import { onReopened } from '../api.ts';
import { totalLag } from '../groups/lag.ts';
import { defineScopedStore } from '../scope.ts';
import { applyPatch, emptyState, stateOf, type ClusterState } from './cluster-state.ts';

export type { ClusterState, Scalars } from './cluster-state.ts';
export type LoadState = 'idle' | 'loading' | 'ready' | 'error';

/** One point of the sparklines. */
export interface RateSample {
  at: number;
  inBytes: number | null;
  outBytes: number | null;
  /** Null while a part of it is unknown: a lower sum would look like lag that fell. */
  lag: number | null;
}

/** Patches kept while the view is on its way; main sends ten a second at most. */
const MAX_EARLY = 64;
const RATE_SAMPLES = 60;
const RATE_EVERY_MS = 1_000;
/** A lag that was read longer before the rest of the view is not drawn as a point of its time. */
const LAG_AGE_MS = 10_000;

export const useClusterStore = defineScopedStore('cluster', (scope) => {
  const state = ref<LoadState>('idle');
  const error = shallowRef<AppError | null>(null);
  /** The state that main published last; its maps are changed in place. */
  let live = emptyState();
  /** Null: the present is shown. */
  const past = shallowRef<Moment | null>(null);
  const version = ref(live.version);
  const scalars = shallowRef(live.scalars);
  const reportedBrokers = shallowRef(live.brokers);
  /** Of what is shown. */
  let reportedTopics = live.topics;
  /** What the brokers' states mean for every page alike. */
  const facts = computed<BrokerFacts>((last) => {
    const next = assessBrokers([...reportedBrokers.value.values()]);
    // Session ages change many times a second: topics are assessed again only where a state does.
    return last?.key === next.key ? last : next;
  });
  const brokers = computed<ReadonlyMap<number, BrokerRow>>(
    () => new Map([...reportedBrokers.value].map(([id, row]) => [id, assessBroker(row, facts.value)])),
  );
  /** The rows that are shown, changed in place. Only rows that differ are assessed again, all of them where the facts differ. */
  let assessed = new Map<string, TopicRow>();
  const topics = shallowRef<ReadonlyMap<string, TopicRow>>(assessed);
  let assessedBy: string | undefined;
  const groups = shallowRef(live.groups);
  const dated = shallowRef<Pick<ClusterState, 'datedTopics' | 'datedGroups'>>(live);
  const allRates = shallowRef<RateSample[]>([]);
  /** Up to what is shown. */
  const rates = computed(() => {
    const until = past.value?.view.asOf;
    return until === undefined ? allRates.value : allRates.value.filter(({ at }) => at <= until);
  });

  let early: ClusterPatch[] = [];
  let loading: Promise<void> | null = null;
  /** Counts how often the connection was opened, so that a view from before is not taken for a newer one. */
  let run = 0;
  /** What the page shows. */
  const watched = shallowRef<ScopedPayload<'cluster/watch'> | null>(null);

  const brokerList = computed(() => [...brokers.value.values()].sort((a, b) => a.id - b.id));
  const topicList = computed(() => [...topics.value.values()]);
  const groupList = computed(() => [...groups.value.values()]);
  /** Some broker has answered; before that, whatever stands in the view is not known. */
  const ready = computed(() => scalars.value !== null && scalars.value.asOf > 0);
  const embedded = computed(() => scalars.value?.connection.kind === 'embedded');

  async function load(): Promise<void> {
    loading ??= loadOnce().finally(() => {
      loading = null;
    });
    return loading;
  }

  async function loadOnce(): Promise<void> {
    for (;;) {
      const mine = run;
      if (state.value !== 'ready') state.value = 'loading';
      const answer = await scope.request('cluster/view', {});
      if (mine !== run) continue;
      if (!answer.ok) {
        error.value = answer.error;
        state.value = 'error';
        early = [];
        return;
      }
      take(answer.value.view, answer.value.version);
      return;
    }
  }

  function show(shown: ClusterState): void {
    scalars.value = shown.scalars;
    reportedBrokers.value = shown.brokers;
    reportedTopics = shown.topics;
    assessTopics(null);
    groups.value = shown.groups;
    dated.value = shown;
    version.value = shown.version;
  }

  /** Null: all of them. */
  function assessTopics(names: readonly string[] | null): void {
    const { key } = facts.value;
    if (names === null || assessedBy !== key) {
      assessedBy = key;
      assessed = new Map([...reportedTopics].map(([name, row]) => [name, assessTopic(row, facts.value)]));
      topics.value = assessed;
      return;
    }
    if (names.length === 0) return;
    for (const name of names) {
      const row = reportedTopics.get(name);
      if (row === undefined) assessed.delete(name);
      else assessed.set(name, assessTopic(row, facts.value));
    }
    triggerRef(topics);
  }

  /** Shows a point in time, or with null the present. */
  function showPointInTime(moment: Moment | null): void {
    past.value = moment;
    show(moment === null ? live : stateOf(moment.view, moment.version));
  }

  /** Whatever is shown: the present. */
  const present = (): Readonly<ClusterState> => live;

  function take(view: ClusterView, at: number): void {
    live = stateOf(view, at);
    if (past.value === null) show(live);
    error.value = null;
    state.value = 'ready';
    sample();
    const waiting = early;
    early = [];
    for (const patch of waiting) apply(patch);
  }

  function apply(patch: ClusterPatch): void {
    if (loading !== null && state.value !== 'ready') {
      if (early.length < MAX_EARLY) early.push(patch);
      return;
    }
    if (live.scalars === null || patch.connectionId !== live.scalars.connection.id) {
      void load();
      return;
    }
    if (patch.version <= live.version) return;
    if (patch.base !== live.version) {
      void load();
      return;
    }
    const changed = applyPatch(live, patch);
    if (changed === null) {
      void load();
      return;
    }
    if (past.value === null) {
      scalars.value = live.scalars;
      if (changed.brokers.length > 0) triggerRef(reportedBrokers);
      assessTopics(changed.topics);
      if (changed.groups.length > 0) triggerRef(groups);
      if (changed.topics.length + changed.groups.length > 0) triggerRef(dated);
      version.value = live.version;
    }
    sample();
  }

  const allLag = computed(() => totalLag(groups.value.values()));

  /**
   * The age of what the page shows, as wall-clock ms of its oldest reading; 0: nothing has been read yet. Rows without any reading show
   * no figure that could be old, and rows with an error say so themselves.
   */
  const shownAsOf = computed(() => {
    if (scalars.value === null) return 0;
    let oldest = scalars.value.asOf;
    const { topics: ofTopics, groups: ofGroups } = watched.value ?? { topics: 'none', groups: 'none' };
    if (ofTopics !== 'none') oldest = Math.min(oldest, scalars.value.offsetsAsOf);
    if (ofGroups !== 'none') oldest = Math.min(oldest, scalars.value.groupsAsOf);
    for (const age of agesOf(dated.value.datedTopics, ofTopics)) oldest = Math.min(oldest, age);
    for (const age of agesOf(dated.value.datedGroups, ofGroups)) oldest = Math.min(oldest, age);
    return oldest;
  });

  function sample(): void {
    const last = allRates.value.at(-1);
    if (live.scalars === null || (last !== undefined && live.scalars.asOf - last.at < RATE_EVERY_MS)) return;
    const lag = totalLag(live.groups.values());
    const isLagRead = live.scalars.asOf - live.scalars.groupsAsOf <= LAG_AGE_MS;
    const next: RateSample = {
      at: live.scalars.asOf,
      inBytes: live.scalars.rates.inBytesPerSecond,
      outBytes: live.scalars.rates.outBytesPerSecond,
      lag: lag.known === null || lag.unknown > 0 || !isLagRead ? null : Number(lag.known),
    };
    allRates.value = [...allRates.value.slice(-(RATE_SAMPLES - 1)), next];
  }

  /** The connection was opened again: nothing of what it was may stay on the screen. */
  function forget(): void {
    run += 1;
    state.value = 'loading';
    error.value = null;
    live = emptyState();
    showPointInTime(null);
    allRates.value = [];
    early = [];
  }

  async function reload(): Promise<void> {
    forget();
    await load();
  }

  async function refresh(): Promise<AppError | null> {
    const answer = await scope.request('cluster/refresh', {});
    if (!answer.ok) return answer.error;
    if (state.value !== 'ready') await load();
    return null;
  }

  /** Figures of the cluster over time. */
  function figureRange(
    figures: ClusterFigure[],
    span: Omit<ScopedPayload<'cluster/figureRange'>, 'figures'>,
  ): Promise<Result<FigureRange>> {
    return scope.request('cluster/figureRange', { figures, ...span });
  }

  /** Records per second by topic over time. */
  function topicRateRange(
    direction: 'written' | 'read',
    span: Omit<ScopedPayload<'cluster/topicRateRange'>, 'direction'>,
  ): Promise<Result<FigureRange>> {
    return scope.request('cluster/topicRateRange', { direction, ...span });
  }

  /** Reports the topics and groups that the page shows to main, so that only those are polled. */
  function watchOnly(what: ScopedPayload<'cluster/watch'>): void {
    watched.value = what;
    announce();
  }

  /** Nothing is polled for a page that is hidden: a minimised window, a tab in the background. */
  function announce(): void {
    if (watched.value === null) return;
    void scope.request('cluster/watch', document.visibilityState === 'hidden' ? { topics: 'none', groups: 'none' } : watched.value);
  }

  function start(): () => void {
    const stops = [
      scope.listen('cluster/patched', apply),
      scope.listen('connection/reopened', () => void reload()),
      onReopened(() => {
        announce();
        void load();
      }),
    ];
    document.addEventListener('visibilitychange', announce);
    stops.push(() => document.removeEventListener('visibilitychange', announce));
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return {
    state,
    error,
    version,
    scalars,
    brokers,
    topics,
    groups,
    rates,
    brokerList,
    topicList,
    groupList,
    allLag,
    facts,
    shownAsOf,
    ready,
    embedded,
    present,
    showPointInTime,
    start,
    load,
    apply,
    refresh,
    figureRange,
    topicRateRange,
    watchOnly,
  };
});

/** Of the rows that are shown. */
function agesOf(dated: ReadonlyMap<string, number>, shown: 'none' | 'all' | readonly string[]): Iterable<number> {
  if (shown === 'none') return [];
  if (shown === 'all') return dated.values();
  return shown.flatMap((key) => dated.get(key) ?? []);
}
