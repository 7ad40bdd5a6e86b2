/** The connections that are known, and which one is in front. */
import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';
import type { AppInfo, ConnectionList, Payload } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import { link, listen, onReopened, request } from '../api.ts';

export const useConnectionStore = defineStore('connection', () => {
  const info = shallowRef<AppInfo | null>(null);
  const connections = shallowRef<Connection[]>([]);
  const activeId = ref<string | null>(null);
  const error = shallowRef<AppError | null>(null);
  const busy = ref<string | null>(null);

  const active = computed(() => connections.value.find((connection) => connection.id === activeId.value) ?? null);

  function take(list: ConnectionList): void {
    connections.value = list.connections;
    activeId.value = list.activeId;
    error.value = null;
  }

  async function loadInfo(): Promise<void> {
    const about = await request('app/info', {});
    if (about.ok) info.value = about.value;
  }

  async function load(): Promise<void> {
    const [list] = await Promise.all([request('connection/list', {}), loadInfo()]);
    if (list.ok) take(list.value);
    else error.value = list.error;
  }

  async function use(id: string): Promise<AppError | null> {
    return change(id, () => request('connection/use', { id }));
  }

  async function add(connection: Payload<'connection/add'>): Promise<AppError | null> {
    return change('add', () => request('connection/add', connection));
  }

  async function remove(id: string): Promise<AppError | null> {
    return change(id, () => request('connection/remove', { id }));
  }

  async function change(what: string, ask: () => ReturnType<typeof request<'connection/list'>>): Promise<AppError | null> {
    busy.value = what;
    const answer = await ask();
    busy.value = null;
    if (!answer.ok) return answer.error;
    take(answer.value);
    return null;
  }

  function start(): () => void {
    // Its notices change with it: how the cluster of this desk came up is told there.
    const changed = (list: ConnectionList): void => {
      take(list);
      void loadInfo();
    };
    const stops = [listen('connection/changed', changed), onReopened(() => void load())];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return { link, info, connections, activeId, active, error, busy, start, load, use, add, remove };
});
