/** Transports requests and events over Electron's IPC, each on one channel. Only pages of the app are served. */
import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron';
import type { ClientSession, Deliver } from '../services/client-session.ts';
import type { Invoke } from './handle.ts';

export const INVOKE_CHANNEL = 'brokerdesk/invoke';
export const EVENT_CHANNEL = 'brokerdesk/event';

export interface ElectronTransport {
  /** The session of a window; undefined before its first request. */
  sessionOf(contents: WebContents): ClientSession | undefined;
  /** Ends all sessions and stops answering requests. */
  close(): void;
}

/** Serves top-level pages for which `isOurs` is true; each window has a session. */
export function serveElectron(options: {
  invoke: Invoke;
  connect: (deliver: Deliver) => ClientSession;
  isOurs: (url: string) => boolean;
}): ElectronTransport {
  const { invoke, connect, isOurs } = options;
  const sessions = new Map<WebContents, ClientSession>();

  function open(contents: WebContents): ClientSession {
    const session = connect((event, payload) => {
      if (!contents.isDestroyed()) contents.send(EVENT_CHANNEL, event, payload);
    });
    sessions.set(contents, session);
    // A page that was reloaded, or whose process ended, has lost its subscriptions.
    contents.on('did-start-navigation', ({ isMainFrame, isSameDocument }) => {
      if (isMainFrame && !isSameDocument) session.reset();
    });
    contents.on('render-process-gone', () => session.reset());
    contents.once('destroyed', () => {
      sessions.delete(contents);
      session.end();
    });
    return session;
  }

  ipcMain.handle(INVOKE_CHANNEL, (event: IpcMainInvokeEvent, channel: unknown, payload: unknown) => {
    const frame = event.senderFrame;
    if (frame === null || frame !== event.sender.mainFrame || !isOurs(frame.url)) {
      return { ok: false, error: { code: 'INVALID_PAYLOAD', message: 'This page is not part of Brokerdesk.' } };
    }
    return invoke(sessions.get(event.sender) ?? open(event.sender), String(channel), payload);
  });
  return {
    sessionOf: (contents) => sessions.get(contents),
    close() {
      ipcMain.removeHandler(INVOKE_CHANNEL);
      for (const session of sessions.values()) session.end();
      sessions.clear();
    },
  };
}
