/** Loads on the cluster of this desk: real clients that write and read, and what they count. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError, Result } from '#shared/errors';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import { listen, onReopened, request } from '../api.ts';

export const useLoadsStore = defineStore('loads', () => {
  /** In the order in which they were started. */
  const loads = shallowRef<LoadRow[]>([]);
  /** Why they are not known; null when they are. */
  const error = shallowRef<AppError | null>(null);

  async function load(): Promise<void> {
    const answer = await request('load/list', {});
    if (answer.ok) loads.value = answer.value.loads;
    error.value = answer.ok ? null : answer.error;
  }

  /** Null when it is so. */
  const begin = async (spec: LoadSpec): Promise<AppError | null> => refusal(await request('load/start', { load: spec }));
  const stop = async (id: number): Promise<AppError | null> => refusal(await request('load/stop', { id }));
  const remove = async (id: number): Promise<AppError | null> => refusal(await request('load/remove', { id }));
  const setMembers = async (id: number, members: number): Promise<AppError | null> =>
    refusal(await request('load/change', { id, members }));
  const member = async (id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<AppError | null> =>
    refusal(await request('load/member', { id, number, action }));

  function start(): () => void {
    const stops = [listen('load/changed', (event) => (loads.value = event.loads)), onReopened(() => void load())];
    void load();
    return () => stops.forEach((end) => end());
  }

  return { loads, error, begin, stop, remove, setMembers, member, start };
});

const refusal = (answer: Result<unknown>): AppError | null => (answer.ok ? null : answer.error);
