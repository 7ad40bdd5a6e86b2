/**
 * The cluster of the scope's connection, as main last published it. One view, then patches by version; whenever a patch does not fit the version
 * that stands here, the whole view is asked for again. While a moment of the past is shown, what pages read is that moment's;
 * the present goes on underneath and comes back as it is by then.
 */
import { computed, ref, shallowRef, triggerRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import { applyDelta, type Delta } from '#shared/delta';
import type { ClusterPatch, RowsPatch, ScopedPayload } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';
import type { ClusterFigure, FigureRange } from '#shared/models/figures';
import type { Moment } from '#shared/models/history';
import { assessBroker, assessBrokers, assessTopic, type BrokerFacts } from '#shared/health';
import { onReopened } from '../api.ts';
import { totalLag } from '../groups/lag.ts';
import { defineScopedStore } from '../scope.ts';

export type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;
export type LoadState = 'idle' | 'loading' | 'ready' | 'error';

/** A view by key. */
export interface ClusterState {
  version: number;
  scalars: Scalars | null;
  brokers: Map<number, BrokerRow>;
  topics: Map<string, TopicRow>;
  groups: Map<string, GroupRow>;
}

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
  /** What main told last; its maps are changed in place. */
  let live = emptyState();
  /** Null: the present is shown. */
  const past = shallowRef<Moment | null>(null);
  const version = ref(live.version);
  const scalars = shallowRef(live.scalars);
  const reportedBrokers = shallowRef(live.brokers);
  const reportedTopics = shallowRef(live.topics);
  /** What the brokers' states mean for every page alike. */
  const facts = computed<BrokerFacts>((last) => {
    const next = assessBrokers([...reportedBrokers.value.values()]);
    // Session ages change many times a second: topics are assessed again only where a state does.
    return last?.key === next.key ? last : next;
  });
  const brokers = computed<ReadonlyMap<number, BrokerRow>>(
    () => new Map([...reportedBrokers.value].map(([id, row]) => [id, assessBroker(row, facts.value)])),
  );
  const assessed = new WeakMap<TopicRow, { key: string; row: TopicRow }>();
  const topics = computed<ReadonlyMap<string, TopicRow>>(() => {
    const { key } = facts.value;
    const rows = new Map<string, TopicRow>();
    for (const [name, reported] of reportedTopics.value) {
      let known = assessed.get(reported);
      if (known?.key !== key) assessed.set(reported, (known = { key, row: assessTopic(reported, facts.value) }));
      rows.set(name, known.row);
    }
    return rows;
  });
  const groups = shallowRef(live.groups);
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

  function show({ scalars: shown, ...state }: ClusterState): void {
    scalars.value = shown;
    reportedBrokers.value = state.brokers;
    reportedTopics.value = state.topics;
    groups.value = state.groups;
    version.value = state.version;
  }

  /** A moment of the past, or with null the present as it is by now. */
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
    // What changed of a row that is missing here cannot be applied: the view is of another state than its version says.
    const isWhole = hasRows(live.topics, patch.topics) && hasRows(live.groups, patch.groups);
    if (!isWhole) {
      void load();
      return;
    }
    live.scalars = { ...live.scalars, ...patch.scalars };
    live.version = patch.version;
    const changed = [
      replace(live.brokers, patch.brokers, (row) => row.id) ? reportedBrokers : null,
      replace(live.topics, patch.topics, (row) => row.name) ? reportedTopics : null,
      replace(live.groups, patch.groups, (row) => row.id) ? groups : null,
    ];
    if (past.value === null) {
      scalars.value = live.scalars;
      for (const target of changed) if (target !== null) triggerRef(target);
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
    for (const row of rowsOf(topics.value, ofTopics)) if (row.offsetsAsOf) oldest = Math.min(oldest, row.offsetsAsOf);
    for (const row of rowsOf(groups.value, ofGroups)) if (row.error === null && row.asOf) oldest = Math.min(oldest, row.asOf);
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

  /** Tells main what the page in front shows, so that only that is polled. */
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

function emptyState(): ClusterState {
  return { version: -1, scalars: null, brokers: new Map(), topics: new Map(), groups: new Map() };
}

function stateOf(view: ClusterView, version: number): ClusterState {
  const { brokers, topics, groups, ...scalars } = view;
  return {
    version,
    scalars,
    brokers: new Map(brokers.map((row) => [row.id, row])),
    topics: new Map(topics.map((row) => [row.name, row])),
    groups: new Map(groups.map((row) => [row.id, row])),
  };
}

const hasRows = <Row>(rows: ReadonlyMap<string, Row>, { changed = [] }: RowsPatch<Row>): boolean => changed.every(([key]) => rows.has(key));

/** Whether anything changed. */
function replace<Key, Row>(
  rows: Map<Key, Row>,
  { set, changed = [], removed }: { set: readonly Row[]; changed?: readonly (readonly [Key, Delta])[]; removed: readonly Key[] },
  keyOf: (row: Row) => Key,
): boolean {
  for (const key of removed) rows.delete(key);
  for (const row of set) rows.set(keyOf(row), row);
  for (const [key, delta] of changed) rows.set(key, applyDelta(rows.get(key), delta) as Row);
  return set.length > 0 || changed.length > 0 || removed.length > 0;
}

/** Those of the rows that are shown. */
function rowsOf<Row>(rows: ReadonlyMap<string, Row>, shown: 'none' | 'all' | readonly string[]): Iterable<Row> {
  if (shown === 'none') return [];
  if (shown === 'all') return rows.values();
  return shown.flatMap((name) => rows.get(name) ?? []);
}
