/**
 * The cluster in front, as main last told it. One view, then patches by version; whenever a patch does not fit the version
 * that stands here, the whole view is asked for again.
 */
import { computed, ref, shallowRef, triggerRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';
import type { ClusterPatch, Payload } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';
import { listen, onReopened, request } from '../api.ts';

export type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;
export type LoadState = 'idle' | 'loading' | 'ready' | 'error';

/** One point of the sparklines. */
export interface RateSample {
  at: number;
  inBytes: number | null;
  outBytes: number | null;
  lag: number | null;
}

/** Patches kept while the view is on its way; main sends ten a second at most. */
const MAX_EARLY = 64;
const RATE_SAMPLES = 60;
const RATE_EVERY_MS = 1_000;

export const useClusterStore = defineStore('cluster', () => {
  const state = ref<LoadState>('idle');
  const error = shallowRef<AppError | null>(null);
  const version = ref(-1);
  const scalars = shallowRef<Scalars | null>(null);
  const brokers = shallowRef(new Map<number, BrokerRow>());
  const topics = shallowRef(new Map<string, TopicRow>());
  const groups = shallowRef(new Map<string, GroupRow>());
  const rates = shallowRef<RateSample[]>([]);

  let early: ClusterPatch[] = [];
  let loading: Promise<void> | null = null;
  /** Counts switches of connection, so that a view of the one before is not taken for the new one's. */
  let run = 0;
  let watched: Payload<'cluster/watch'> | null = null;

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
      const answer = await request('cluster/view', {});
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

  function take(view: ClusterView, at: number): void {
    const { brokers: brokerRows, topics: topicRows, groups: groupRows, ...rest } = view;
    scalars.value = rest;
    brokers.value = new Map(brokerRows.map((row) => [row.id, row]));
    topics.value = new Map(topicRows.map((row) => [row.name, row]));
    groups.value = new Map(groupRows.map((row) => [row.id, row]));
    version.value = at;
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
    const present = scalars.value;
    if (present === null || patch.connectionId !== present.connection.id) {
      void load();
      return;
    }
    if (patch.version <= version.value) return;
    if (patch.base !== version.value) {
      void load();
      return;
    }
    scalars.value = { ...present, ...patch.scalars };
    replace(brokers, patch.brokers.set, patch.brokers.removed, (row) => row.id);
    replace(topics, patch.topics.set, patch.topics.removed, (row) => row.name);
    replace(groups, patch.groups.set, patch.groups.removed, (row) => row.id);
    version.value = patch.version;
    sample();
  }

  /** The lag of all groups together; null while none is known. */
  const totalLag = computed(() => {
    let sum = 0n;
    let known = false;
    for (const group of groups.value.values()) {
      if (group.lag === null) continue;
      sum += BigInt(group.lag);
      known = true;
    }
    return known || groups.value.size === 0 ? sum : null;
  });

  function sample(): void {
    const present = scalars.value;
    const last = rates.value.at(-1);
    if (present === null || (last !== undefined && present.asOf - last.at < RATE_EVERY_MS)) return;
    const next: RateSample = {
      at: present.asOf,
      inBytes: present.rates.inBytesPerSecond,
      outBytes: present.rates.outBytesPerSecond,
      lag: totalLag.value === null ? null : Number(totalLag.value),
    };
    rates.value = [...rates.value.slice(-(RATE_SAMPLES - 1)), next];
  }

  /** Another connection is in front: nothing of the one before may stay on the screen. */
  function forget(): void {
    run += 1;
    state.value = 'loading';
    scalars.value = null;
    error.value = null;
    version.value = -1;
    brokers.value = new Map();
    topics.value = new Map();
    groups.value = new Map();
    rates.value = [];
    early = [];
  }

  async function reload(): Promise<void> {
    forget();
    await load();
  }

  async function refresh(): Promise<AppError | null> {
    const answer = await request('cluster/refresh', {});
    if (!answer.ok) return answer.error;
    if (state.value !== 'ready') await load();
    return null;
  }

  /** Tells main what the page in front shows, so that only that is polled. */
  function watchOnly(what: Payload<'cluster/watch'>): void {
    watched = what;
    void request('cluster/watch', what);
  }

  function start(): () => void {
    const stops = [
      listen('cluster/patched', apply),
      listen('connection/changed', () => void reload()),
      onReopened(() => {
        if (watched !== null) watchOnly(watched);
        void load();
      }),
    ];
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
    totalLag,
    ready,
    embedded,
    start,
    load,
    apply,
    refresh,
    watchOnly,
  };
});

function replace<Key, Row>(target: { value: Map<Key, Row> }, set: readonly Row[], removed: readonly Key[], keyOf: (row: Row) => Key): void {
  if (set.length === 0 && removed.length === 0) return;
  const next = target.value;
  for (const key of removed) next.delete(key);
  for (const row of set) next.set(keyOf(row), row);
  triggerRef(target as Parameters<typeof triggerRef>[0]);
}
