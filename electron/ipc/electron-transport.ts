/** The contract over Electron's IPC. One channel carries requests, one carries events; senders are checked. */
import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron';
import type { EventBus } from '../services/event-bus.ts';
import type { Invoke } from './handle.ts';

export const INVOKE_CHANNEL = 'brokerdesk/invoke';
export const EVENT_CHANNEL = 'brokerdesk/event';

/** Answers only our own top-level pages. Returns the function that stops it all. */
export function serveElectron(options: {
  invoke: Invoke;
  events: EventBus;
  isOurs: (url: string) => boolean;
  windows: () => readonly WebContents[];
}): () => void {
  const { invoke, events, isOurs, windows } = options;
  ipcMain.handle(INVOKE_CHANNEL, (event: IpcMainInvokeEvent, channel: unknown, payload: unknown) => {
    const frame = event.senderFrame;
    if (frame === null || frame !== event.sender.mainFrame || !isOurs(frame.url)) {
      return { ok: false, error: { code: 'INVALID_PAYLOAD', message: 'This page may not ask.' } };
    }
    return invoke(String(channel), payload);
  });
  const unsubscribe = events.subscribe((event, payload) => {
    for (const contents of windows()) if (!contents.isDestroyed()) contents.send(EVENT_CHANNEL, event, payload);
  });
  return () => {
    ipcMain.removeHandler(INVOKE_CHANNEL);
    unsubscribe();
  };
}
