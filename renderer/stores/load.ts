/** Load on the cluster of this desk: what runs, as it is told, and what can be done to it. */
import { computed, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError, Result } from '#shared/errors';
import type { LoadAudit, LoadRow, LoadSpec } from '#shared/models/load';
import { listen, onReopened, request } from '../api.ts';

export const useLoadStore = defineStore('load', () => {
  /** Now, and at the moment of the past that is shown, if one is. */
  const live = shallowRef<readonly LoadRow[]>([]);
  const past = shallowRef<readonly LoadRow[] | null>(null);
  /** Those that are shown, in the order in which they were started. */
  const loads = computed(() => past.value ?? live.value);
  /** Why they are not known; null when they are. */
  const error = shallowRef<AppError | null>(null);
  /** What is under way, by a key: `start`, `stop:4`, `audit:4`, `member:4:1`. */
  const underWay = shallowRef<ReadonlySet<string>>(new Set());
  let run = 0;

  async function list(): Promise<void> {
    const mine = ++run;
    const answer = await request('load/list', {});
    if (mine !== run) return;
    live.value = answer.ok ? answer.value.loads : [];
    error.value = answer.ok ? null : answer.error;
  }

  async function busyWith<T>(key: string, act: () => Promise<Result<T>>): Promise<Result<T> | null> {
    if (underWay.value.has(key)) return null;
    underWay.value = new Set([...underWay.value, key]);
    try {
      return await act();
    } finally {
      underWay.value = new Set([...underWay.value].filter((one) => one !== key));
    }
  }

  const failureOf = (answer: Result<unknown> | null): AppError | null => (answer === null || answer.ok ? null : answer.error);

  async function start(load: LoadSpec): Promise<AppError | null> {
    return failureOf(await busyWith('start', () => request('load/start', { load })));
  }

  async function stop(id: number): Promise<AppError | null> {
    return failureOf(await busyWith(`stop:${id}`, () => request('load/stop', { id })));
  }

  async function remove(id: number): Promise<AppError | null> {
    return failureOf(await busyWith(`remove:${id}`, () => request('load/remove', { id })));
  }

  async function change(id: number, to: { recordsPerSecond?: number; members?: number }): Promise<AppError | null> {
    return failureOf(await busyWith(`change:${id}`, () => request('load/change', { id, ...to })));
  }

  async function member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<AppError | null> {
    return failureOf(await busyWith(`member:${id}:${number}`, () => request('load/member', { id, number, action })));
  }

  /** Null while another reading is under way. */
  function audit(id: number): Promise<Result<LoadAudit> | null> {
    return busyWith(`audit:${id}`, () => request('load/audit', { id }));
  }

  /** Those of a moment of the past; with null those of the present. */
  function showLoads(then: readonly LoadRow[] | null): void {
    past.value = then;
  }

  function watch(): () => void {
    const stops = [
      listen('load/changed', (event) => {
        run += 1;
        live.value = event.loads;
        error.value = null;
      }),
      listen('connection/changed', () => {
        // A cluster somewhere else has none.
        live.value = [];
        void list();
      }),
      onReopened(() => void list()),
    ];
    void list();
    return () => stops.forEach((end) => end());
  }

  return { loads, error, underWay, start, stop, remove, change, member, audit, showLoads, watch };
});
