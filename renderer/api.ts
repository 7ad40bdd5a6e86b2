/** The only user of the bridge. Selects the transport; no other module depends on which one it is. */
import { shallowRef, readonly } from 'vue';
import type { Result } from '#shared/errors';
import type { AppChannel, Bridge, EventChannel, Events, Payload, RequestChannel, Results } from '#shared/ipc';
import { TokenlessBridge, WebBridge, takeToken, type LinkedBridge, type LinkState } from './bridge-web.ts';

export type { LinkState } from './bridge-web.ts';

let bridge: Bridge | null = null;
const state = shallowRef<LinkState>('connecting');
const reopened = new Set<() => void>();

/** Whether the line to Brokerdesk's main process stands. Electron's always does. */
export const link = readonly(state);

function isLinked(candidate: Bridge): candidate is LinkedBridge {
  return 'onLink' in candidate;
}

/** Installs the transport. Called once at the start, and by tests. */
export function useBridge(next: Bridge): void {
  bridge = next;
  if (!isLinked(next)) {
    state.value = 'open';
    return;
  }
  next.onLink((now) => {
    const before = state.value;
    state.value = now;
    if (now === 'open' && before === 'lost') for (const listener of reopened) listener();
  });
}

export function pickBridge(): Bridge {
  if (window.brokerdesk !== undefined) return window.brokerdesk;
  const token = takeToken(window.location, window.history, window.sessionStorage);
  if (token === null) return new TokenlessBridge();
  const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
  const address = `${scheme}://${window.location.host}/ipc?token=${encodeURIComponent(token)}`;
  return new WebBridge(() => new WebSocket(address));
}

/** Requests about the app itself. Those about a cluster are made by a scope (`scope.ts`), which adds the connection. */
export function request<C extends AppChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>> {
  return send(channel, payload);
}

/** For `request` and for scopes. */
export async function send<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>> {
  if (bridge === null) return { ok: false, error: { code: 'NOT_CONNECTED', message: 'Brokerdesk has not started yet.' } };
  try {
    // Vue's proxies cannot cross Electron's bridge; a payload is JSON by contract, so this loses nothing.
    return await bridge.invoke(channel, JSON.parse(JSON.stringify(payload)) as Payload<C>);
  } catch {
    // A transport that throws has no envelope: the main process went away. Its text names channels.
    return {
      ok: false,
      error: { code: 'INTERNAL', message: 'Brokerdesk did not answer.', advice: 'Check that it still runs, then retry.' },
    };
  }
}

/** Returns the function that unsubscribes. */
export function listen<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): () => void {
  return bridge === null ? () => undefined : bridge.on(event, listener);
}

/** Called after a lost connection is restored: events of the meantime are lost, so state must be requested again. */
export function onReopened(listener: () => void): () => void {
  reopened.add(listener);
  return () => reopened.delete(listener);
}
