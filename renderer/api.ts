/** The only user of the bridge. Picks the transport; nothing above knows which one it is. */
import { shallowRef, readonly } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { Bridge, EventChannel, Events, Payload, RequestChannel, Results } from '#shared/ipc';
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

/** What changes nothing on a cluster. Whatever is not named here does, until someone has thought about it. */
const READS: ReadonlySet<string> = new Set<RequestChannel>([
  'app/info',
  'connection/list',
  'connection/use',
  'connection/add',
  'connection/remove',
  'embedded/listeners',
  'embedded/saveListeners',
  'cluster/view',
  'cluster/watch',
  'cluster/refresh',
  'topic/configs',
  'message/browse',
  'message/tail',
  'message/untail',
  'group/lagHistory',
  'broker/configs',
  'lab/faults',
  'load/list',
  'scenario/list',
  'scenario/open',
  'scenario/check',
  'scenario/report',
  'scenario/record',
  'coordination/znode',
  'zk/clients',
  'timeline/list',
  'history/range',
  'history/at',
]);
let refusal: AppError | null = null;

/** With an error: from now on everything that changes a cluster is answered with it, unasked. With null: no longer. */
export function refuseChanges(why: AppError | null): void {
  refusal = why;
}

export async function request<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>> {
  if (bridge === null) return { ok: false, error: { code: 'NOT_CONNECTED', message: 'Brokerdesk has not started yet.' } };
  if (refusal !== null && !READS.has(channel)) return { ok: false, error: refusal };
  try {
    // Vue's proxies cannot cross Electron's bridge; a payload is JSON by contract, so this loses nothing.
    return await bridge.invoke(channel, JSON.parse(JSON.stringify(payload)) as Payload<C>);
  } catch (cause) {
    // A transport that throws has no envelope: the main process went away, or it does not know the channel.
    return { ok: false, error: { code: 'INTERNAL', message: cause instanceof Error ? cause.message : String(cause) } };
  }
}

/** Returns the function that unsubscribes. */
export function listen<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): () => void {
  return bridge === null ? () => undefined : bridge.on(event, listener);
}

/** Called after a lost line stands again: what was pushed meanwhile is gone, so state must be asked for anew. */
export function onReopened(listener: () => void): () => void {
  reopened.add(listener);
  return () => reopened.delete(listener);
}
