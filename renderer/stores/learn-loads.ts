/** The loads that run on the cluster of this desk, as the pages of Learn see and start them. */
import { shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { Result } from '#shared/errors';
import type { Payload } from '#shared/ipc';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import { listen, onReopened, request } from '../api.ts';

export const useLearnLoadsStore = defineStore('learnLoads', () => {
  /** In the order in which they were started. */
  const loads = shallowRef<readonly LoadRow[]>([]);

  async function load(): Promise<void> {
    const answer = await request('load/list', {});
    // A cluster somewhere else has none.
    loads.value = answer.ok ? answer.value.loads : [];
  }

  const start = (spec: LoadSpec): Promise<Result<LoadRow>> => request('load/start', { load: spec });
  const stop = (id: number): Promise<Result<LoadRow>> => request('load/stop', { id });
  const remove = (id: number): Promise<Result<null>> => request('load/remove', { id });
  const change = (to: Payload<'load/change'>): Promise<Result<LoadRow>> => request('load/change', to);
  const member = (of: Payload<'load/member'>): Promise<Result<LoadRow>> => request('load/member', of);

  function follow(): () => void {
    const stops = [
      listen('load/changed', (event) => (loads.value = event.loads)),
      listen('connection/changed', () => {
        loads.value = [];
        void load();
      }),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return { loads, load, start, stop, remove, change, member, follow };
});
