/** Exposes the IPC contract to the page. Runs sandboxed and has no logic. */
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import type { Bridge, EventChannel } from '#shared/ipc';

// The same names are in electron/ipc/electron-transport.ts, which a sandboxed preload cannot import.
const INVOKE_CHANNEL = 'brokerdesk/invoke';
const EVENT_CHANNEL = 'brokerdesk/event';

type Listener = (payload: never) => void;
const listeners = new Map<EventChannel, Set<Listener>>();

// One IPC listener for all listeners of the page.
ipcRenderer.on(EVENT_CHANNEL, (_event: IpcRendererEvent, name: EventChannel, payload: unknown) => {
  for (const listener of [...(listeners.get(name) ?? [])]) listener(payload as never);
});

const bridge: Bridge = {
  invoke: (channel, payload) => ipcRenderer.invoke(INVOKE_CHANNEL, channel, payload),
  on(event, listener) {
    let own = listeners.get(event);
    if (own === undefined) listeners.set(event, (own = new Set()));
    // Wrapped, so that a listener that is registered twice is called twice and is removed one by one.
    const forward: Listener = (payload) => listener(payload);
    own.add(forward);
    return () => void own.delete(forward);
  },
};

contextBridge.exposeInMainWorld('brokerdesk', bridge);
