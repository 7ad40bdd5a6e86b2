/**
 * A scope is one selection of a connection by this window or tab. Pages, dialogs and stores belong to the scope in which they were
 * set up, and so do their requests: once another connection is selected, a request of the former scope is not sent any more.
 */
import { hasInjectionContext, inject, provide, onScopeDispose, type InjectionKey } from 'vue';
import { defineStore, getActivePinia, type Pinia } from 'pinia';
import type { AppError, Result } from '#shared/errors';
import type { ConnectionChannel, EventChannel, Events, Payload, Results, ScopedPayload } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import { listen, send } from './api.ts';

export interface Scope {
  /** Differs between scopes, also between two of one connection. */
  readonly key: string;
  /** Empty where no connection is selected; every request is then answered with the reason. */
  readonly connectionId: string;
  readonly embedded: boolean;
  request<C extends ConnectionChannel>(channel: C, payload: ScopedPayload<C>): Promise<Result<Results[C]>>;
  /** As `listen` of the API, without events of another connection. */
  listen<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): () => void;
  /** With an error: from now on everything that changes a cluster is answered with it, without a request. With null: no longer. */
  refuseChanges(why: AppError | null): void;
  onEnd(listener: () => void): void;
  /** Another connection was selected. */
  end(): void;
}

/** What changes nothing on a cluster. A request that is not named here may. */
const READS: ReadonlySet<string> = new Set<ConnectionChannel>([
  'cluster/view',
  'cluster/watch',
  'cluster/refresh',
  'topic/configs',
  'message/browse',
  'message/value',
  'message/tail',
  'message/untail',
  'cluster/figureRange',
  'cluster/topicRateRange',
  'group/lagRange',
  'broker/configs',
  'lab/faults',
  'load/list',
  'scenario/list',
  'scenario/open',
  'scenario/check',
  'scenario/report',
  'scenario/record',
  'zookeeper/znode',
  'zookeeper/clients',
  'timeline/list',
  'incident/list',
  'history/range',
  'history/at',
]);

const ENDED: AppError = {
  code: 'CONNECTION_NOT_SELECTED',
  message: 'The request was not sent: it is about a connection that is no longer selected here.',
  advice: 'Select that connection again, then repeat it.',
};
const NONE: AppError = { code: 'NOT_CONNECTED', message: 'No cluster is connected.', advice: 'Add one on the Connections page.' };

let count = 0;

/** Null: no connection is selected, for the reason in `missing`. */
export function openScope(connection: Pick<Connection, 'id' | 'kind'> | null, missing: AppError = NONE): Scope {
  const connectionId = connection?.id ?? '';
  const enders: (() => void)[] = [];
  let refusal: AppError | null = null;
  let ended = false;
  return {
    key: `${connectionId}#${++count}`,
    connectionId,
    embedded: connection?.kind === 'embedded',
    async request<C extends ConnectionChannel>(channel: C, payload: ScopedPayload<C>) {
      const why = ended ? ENDED : connectionId === '' ? missing : READS.has(channel) ? null : refusal;
      if (why !== null) return { ok: false, error: why };
      // The contract's payload is the page's with the connection; the compiler cannot see it through the union.
      return send(channel, { ...payload, connectionId } as unknown as Payload<C>);
    },
    listen(event, listener) {
      const stop = listen(event, (payload) => {
        if (ended || ('connectionId' in payload && payload.connectionId !== connectionId)) return;
        listener(payload);
      });
      enders.push(stop);
      return stop;
    },
    refuseChanges(why) {
      refusal = why;
    },
    onEnd: (listener) => void enders.push(listener),
    end() {
      ended = true;
      for (const ender of enders.splice(0)) ender();
    },
  };
}

const SCOPE: InjectionKey<Scope> = Symbol('scope');
/** The scope whose store is being set up. */
let settingUp: Scope | null = null;
/** The scope on the screen, for callers outside of components. */
let shown: Scope | null = null;

export function showScope(scope: Scope): void {
  shown = scope;
}

/** Makes it the scope of all components below, until the calling component is unmounted. */
export function provideScope(scope: Scope): void {
  provide(SCOPE, scope);
  showScope(scope);
  onScopeDispose(() => scope.end());
}

/** The scope of the component or store that is being set up. */
export function useScope(): Scope {
  const scope = settingUp ?? (hasInjectionContext() ? inject(SCOPE, null) : null) ?? shown;
  if (scope === null) throw new Error('no scope is open');
  return scope;
}

function setUpIn<T>(scope: Scope, setup: () => T): T {
  const before = settingUp;
  settingUp = scope;
  try {
    return setup();
  } finally {
    settingUp = before;
  }
}

/** A store of which each scope has its own: what it holds and asks for concerns one connection and ends with the scope. */
export function defineScopedStore<Setup extends object>(name: string, setup: (scope: Scope) => Setup) {
  const define = (scope: Scope) => defineStore(`${name}@${scope.key}`, () => setUpIn(scope, () => setup(scope)));
  const definitions = new WeakMap<Scope, ReturnType<typeof define>>();
  return (pinia?: Pinia) => {
    const scope = useScope();
    const known = definitions.get(scope);
    if (known !== undefined) return known(pinia);
    const definition = define(scope);
    definitions.set(scope, definition);
    const store = definition(pinia);
    const active = pinia ?? getActivePinia();
    scope.onEnd(() => {
      store.$dispose();
      // Pinia keeps the state of a disposed store, here a whole view of the former cluster.
      if (active !== undefined) Reflect.deleteProperty(active.state.value, store.$id);
    });
    return store;
  };
}
