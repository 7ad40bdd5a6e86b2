/** The saved connections, and the one that this window or tab has selected. A tab keeps its selection when it is reloaded. */
import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppError } from '#shared/errors';
import type { AppInfo, ConnectionList, Payload } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import { link, listen, onReopened, request } from '../api.ts';

const SELECTED_KEY = 'brokerdesk.connection';

export const useConnectionsStore = defineStore('connections', () => {
  const info = shallowRef<AppInfo | null>(null);
  const connections = shallowRef<Connection[]>([]);
  const activeId = ref<string | null>(null);
  const error = shallowRef<AppError | null>(null);
  const busy = ref<string | null>(null);
  /** The list has been read, and the connection of this tab is selected if it exists. */
  const ready = ref(false);
  /** The name of the selected connection, also after it was removed. */
  const activeName = ref<string | null>(null);
  /** The address named it before the list was read. */
  let wanted: string | null = null;

  const active = computed(() => connections.value.find((connection) => connection.id === activeId.value) ?? null);
  /** The selected connection does not exist (any more). No other one takes its place unless it is selected. */
  /** As addresses name the selected connection; null for the embedded cluster, and while none is selected. */
  const addressName = computed(() => (active.value?.kind === 'embedded' ? null : activeId.value));
  const removed = computed(() => ready.value && activeId.value !== null && active.value === null);

  function take(list: ConnectionList): void {
    connections.value = list.connections;
    activeName.value = active.value?.name ?? activeName.value;
    error.value = null;
  }

  /** Selects the connection again where it was removed and re-created, before any request to it. */
  function takeChanged(list: ConnectionList): void {
    const wasRemoved = removed.value;
    take(list);
    if (wasRemoved && active.value !== null) void select(active.value.id);
  }

  async function loadInfo(): Promise<void> {
    const about = await request('app/info', {});
    if (about.ok) info.value = about.value;
  }

  async function load(): Promise<void> {
    const [list] = await Promise.all([request('connection/list', {}), loadInfo()]);
    if (!list.ok) {
      error.value = list.error;
      return;
    }
    take(list.value);
    if (activeId.value === null) await selectFirst();
    ready.value = true;
  }

  /** The connection of the address, else the one that this tab had before it was loaded again; in a new tab the first. */
  async function selectFirst(): Promise<void> {
    const id = wanted ?? window.sessionStorage.getItem(SELECTED_KEY) ?? connections.value[0]?.id;
    if (id !== undefined) await selectNamed(id);
  }

  /** What an address names: the page of one that does not exist says so. Returns why it could not be selected. */
  async function show(id: string): Promise<AppError | null> {
    if (ready.value) return id === activeId.value ? null : selectNamed(id);
    wanted = id;
    return null;
  }

  async function selectNamed(id: string): Promise<AppError | null> {
    if (connections.value.some((one) => one.id === id)) return (error.value = await use(id));
    activeId.value = id;
    activeName.value = null;
    return null;
  }

  async function use(id: string): Promise<AppError | null> {
    return change(id, async () => select(id));
  }

  async function select(id: string): Promise<AppError | null> {
    const answer = await request('connection/use', { id });
    if (!answer.ok) return answer.error;
    activeId.value = id;
    window.sessionStorage.setItem(SELECTED_KEY, id);
    take(answer.value);
    return null;
  }

  /** Adds it and selects it. */
  async function add(connection: Payload<'connection/add'>): Promise<AppError | null> {
    return change('add', async () => {
      const answer = await request('connection/add', connection);
      if (!answer.ok) return answer.error;
      take(answer.value);
      return select(answer.value.addedId);
    });
  }

  async function remove(id: string): Promise<AppError | null> {
    return change(id, async () => {
      const answer = await request('connection/remove', { id });
      if (!answer.ok) return answer.error;
      take(answer.value);
      return null;
    });
  }

  /** Undoes `remove`; a tab that still has it selected holds it again by itself. */
  async function restore(id: string): Promise<AppError | null> {
    return change(id, async () => {
      const answer = await request('connection/restore', { id });
      if (!answer.ok) return answer.error;
      takeChanged(answer.value);
      return null;
    });
  }

  async function change(what: string, act: () => Promise<AppError | null>): Promise<AppError | null> {
    busy.value = what;
    try {
      return await act();
    } finally {
      busy.value = null;
    }
  }

  /** The line was lost: main knows nothing of this tab any more. Selects before anything else is asked on the new line. */
  function resume(): void {
    if (activeId.value !== null) void request('connection/use', { id: activeId.value });
    void load();
  }

  function start(): () => void {
    // Its notices change with it: how the embedded cluster came up is one of them.
    const changed = (list: ConnectionList): void => {
      takeChanged(list);
      void loadInfo();
    };
    const stops = [listen('connection/changed', changed), onReopened(resume)];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return {
    link,
    info,
    connections,
    activeId,
    active,
    activeName,
    removed,
    ready,
    error,
    busy,
    addressName,
    start,
    load,
    use,
    show,
    add,
    remove,
    restore,
  };
});
