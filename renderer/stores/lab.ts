/** The lab: faults in force, and what can be done to the cluster of this desk. */
import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';
import type { Payload } from '#shared/ipc';
import type { Fault, FaultSpec } from '#shared/models/lab';
import { listen, onReopened, request } from '../api.ts';

export const useLabStore = defineStore('lab', () => {
  /** In force now, and at the moment of the past that is shown, if one is. */
  const live = shallowRef<Fault[]>([]);
  const past = shallowRef<Fault[] | null>(null);
  /** Those that are shown, oldest first. */
  const faults = computed(() => past.value ?? live.value);
  /** Why they are not known; null when they are. */
  const error = shallowRef<AppError | null>(null);
  /** What is under way, by a key of the caller's: `heal:4`, `kill:2`. */
  const underWay = shallowRef<ReadonlySet<string>>(new Set());
  const healingAll = ref(false);
  let run = 0;

  async function load(): Promise<void> {
    const mine = ++run;
    const answer = await request('lab/faults', {});
    if (mine !== run) return;
    live.value = answer.ok ? answer.value.faults : [];
    error.value = answer.ok ? null : answer.error;
  }

  async function busyWith<T>(key: string, act: () => Promise<T>): Promise<T | null> {
    if (underWay.value.has(key)) return null;
    underWay.value = new Set([...underWay.value, key]);
    try {
      return await act();
    } finally {
      underWay.value = new Set([...underWay.value].filter((one) => one !== key));
    }
  }

  async function inject(key: string, fault: FaultSpec): Promise<AppError | null> {
    const answer = await busyWith(key, () => request('lab/inject', { fault } satisfies Payload<'lab/inject'>));
    return answer === null || answer.ok ? null : answer.error;
  }

  async function heal(id: number): Promise<AppError | null> {
    const answer = await busyWith(`heal:${id}`, () => request('lab/heal', { id }));
    return answer === null || answer.ok ? null : answer.error;
  }

  /** Null when it was refused as a whole; else what could not be healed. */
  async function healAll(): Promise<{ error: AppError | null; failed: { id: number; error: string }[] }> {
    healingAll.value = true;
    const answer = await request('lab/healAll', {});
    healingAll.value = false;
    return answer.ok ? { error: null, failed: answer.value.failed } : { error: answer.error, failed: [] };
  }

  async function start(node: number): Promise<AppError | null> {
    const answer = await busyWith(`start:${node}`, () => request('lab/start', { node }));
    return answer === null || answer.ok ? null : answer.error;
  }

  async function addNode(): Promise<{ error: AppError } | { node: number } | null> {
    const answer = await busyWith('addNode', () => request('lab/addNode', {}));
    if (answer === null) return null;
    return answer.ok ? { node: answer.value.node } : { error: answer.error };
  }

  async function removeNode(node: number): Promise<AppError | null> {
    const answer = await busyWith(`remove:${node}`, () => request('lab/removeNode', { node }));
    return answer === null || answer.ok ? null : answer.error;
  }

  /** Those of a moment of the past; with null those of the present. */
  function showFaults(then: Fault[] | null): void {
    past.value = then;
  }

  function watchFaults(): () => void {
    const stops = [
      listen('lab/faultsChanged', (event) => {
        run += 1;
        live.value = event.faults;
        error.value = null;
      }),
      listen('connection/changed', () => {
        live.value = [];
        void load();
      }),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return { faults, error, underWay, healingAll, load, inject, heal, healAll, start, addNode, removeNode, showFaults, watchFaults };
});
