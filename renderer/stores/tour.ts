/** The tour of the first start: whether it is offered or runs, its completed steps, and its load. */
import { computed, ref, shallowRef, watch } from 'vue';
import { useLocalStorage } from '@vueuse/core';
import type { AppError } from '#shared/errors';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import {
  freshMemory,
  readersName,
  readersOf,
  reliefFor,
  remember,
  stepOf,
  writerName,
  writerOf,
  type TourFacts,
  type TourMemory,
} from '../tour/tour.ts';
import { useClusterStore } from './cluster.ts';
import { useLoadsStore } from './loads.ts';
import { defineScopedStore } from '../scope.ts';
import { groupPath } from '../format/addresses.ts';

export type TourMode = 'offered' | 'running' | 'skipped' | 'done';

export const useTourStore = defineScopedStore('tour', () => {
  const cluster = useClusterStore();
  const load = useLoadsStore();
  const mode = useLocalStorage<TourMode>('brokerdesk.tour', 'offered');
  const memory = useLocalStorage<TourMemory>('brokerdesk.tourMemory', freshMemory([]), { mergeDefaults: true });
  /** Not now; offered again at the next start. */
  const later = ref(false);
  /** The path of the page, set by the component that reads the route. */
  const path = ref('');
  const busy = ref(false);
  const error = shallowRef<AppError | null>(null);

  const loadOf = (kind: LoadSpec['kind'], name: string): LoadRow | null =>
    load.loads.findLast(({ spec }) => spec.kind === kind && spec.name === name) ?? null;
  const facts = computed<TourFacts>(() => {
    const topic = memory.value.topic ?? '';
    const group = readersName(topic);
    return {
      ready: cluster.ready,
      topics: cluster.topics,
      brokers: cluster.brokerList,
      producer: topic === '' ? null : loadOf('producer', writerName(topic)),
      readers: topic === '' ? null : loadOf('group', group),
      group: cluster.groups.get(group) ?? null,
      watching: topic !== '' && path.value === groupPath(group),
    };
  });
  const step = computed(() => stepOf(memory.value, facts.value));
  /** The tour runs on the embedded cluster only: on a remote one it neither creates nor breaks anything. */
  const shown = computed(
    () => cluster.ready && cluster.embedded && (mode.value === 'running' || (mode.value === 'offered' && !later.value)),
  );

  const topicNames = (): string[] => [...cluster.topics.values()].filter((topic) => !topic.internal).map((topic) => topic.name);

  async function begin(): Promise<void> {
    // A restart: loads of the previous tour are stopped first.
    if (mode.value === 'running' && !(await stopLoads())) return;
    error.value = null;
    memory.value = freshMemory(topicNames());
    mode.value = 'running';
  }

  function take(topic: string): void {
    memory.value = { ...memory.value, topic };
  }

  /** One at a time; the first refusal ends it and stays to be read. */
  async function inTurn(acts: readonly (() => Promise<AppError | null>)[]): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    error.value = null;
    for (const act of acts) {
      error.value = await act();
      if (error.value !== null) break;
    }
    busy.value = false;
    return error.value === null;
  }

  const runs = (row: LoadRow | null): boolean => row?.state === 'running' || row?.state === 'starting';

  async function startClients(): Promise<void> {
    const topic = cluster.topics.get(memory.value.topic ?? '');
    if (topic === undefined) return;
    // The group first, so that it is there for the first record.
    const wanted = [
      ...(runs(facts.value.readers) ? [] : [readersOf(topic)]),
      ...(runs(facts.value.producer) ? [] : [writerOf(topic.name)]),
    ];
    await inTurn(wanted.map((spec) => () => load.start(spec)));
  }

  async function relieve(): Promise<void> {
    const { producer, readers } = facts.value;
    const relief = reliefFor(cluster.topics.get(memory.value.topic ?? '')?.partitions.length ?? 1);
    await inTurn([
      ...(readers === null ? [] : [() => load.change(readers.id, { members: relief.members })]),
      ...(producer === null ? [] : [() => load.change(producer.id, { recordsPerSecond: relief.recordsPerSecond })]),
    ]);
  }

  /** Ends the writing, then reads the whole topic. */
  async function audit(): Promise<void> {
    const { producer } = facts.value;
    if (producer === null) return;
    await inTurn([
      () => load.stop(producer.id),
      async () => {
        const answer = await load.audit(producer.id);
        if (answer === null) return null;
        if (!answer.ok) return answer.error;
        const { acknowledged, found, lost, removed, unread, duplicated } = answer.value;
        memory.value = { ...memory.value, audit: { acknowledged, found, lost, removed, unread, duplicated } };
        return null;
      },
    ]);
  }

  /** Ends what it let run. True when nothing of it runs any more. */
  async function stopLoads(): Promise<boolean> {
    const mine = [facts.value.producer, facts.value.readers].filter((row) => row !== null);
    const alive = mine.filter(({ state }) => state !== 'ended' && state !== 'failed');
    return inTurn([
      ...alive.map(
        ({ id }) =>
          () =>
            load.stop(id),
      ),
      ...mine.map(
        ({ id }) =>
          () =>
            load.remove(id),
      ),
    ]);
  }

  async function end(how: 'skipped' | 'done'): Promise<boolean> {
    if (mode.value === 'running' && !(await stopLoads())) return false;
    mode.value = how;
    return true;
  }

  function start(): () => void {
    const stops = [
      // Any change of the cluster or of the load is a reason to look.
      watch(
        facts,
        (now) => {
          if (mode.value !== 'running' || !cluster.embedded) return;
          const next = remember(memory.value, now);
          if (next !== memory.value) memory.value = next;
        },
        { immediate: true },
      ),
      watch(step, (now) => {
        if (mode.value === 'running' && now === 'end' && memory.value.audit === null) void audit();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  return { mode, memory, later, path, busy, error, facts, step, shown, begin, take, startClients, relieve, audit, end, start };
});
