/** Hands the contract to the page, and nothing else. Runs sandboxed; holds no logic. */
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import type { Bridge, EventChannel } from '#shared/ipc';

// The names stand in electron/ipc/electron-transport.ts too; a sandboxed preload cannot import it.
const INVOKE_CHANNEL = 'brokerdesk/invoke';
const EVENT_CHANNEL = 'brokerdesk/event';

const bridge: Bridge = {
  invoke: (channel, payload) => ipcRenderer.invoke(INVOKE_CHANNEL, channel, payload),
  on(event, listener) {
    const forward = (_event: IpcRendererEvent, name: EventChannel, payload: unknown): void => {
      if (name === event) listener(payload as never);
    };
    ipcRenderer.on(EVENT_CHANNEL, forward);
    return () => {
      ipcRenderer.off(EVENT_CHANNEL, forward);
    };
  },
};

contextBridge.exposeInMainWorld('brokerdesk', bridge);
