import type { EventChannel, Events } from '#shared/ipc';

/** The clients (windows and tabs) that an event is for. */
export type Audience = 'all' | { readonly connectionId: string } | { readonly clientId: string };

type Listener = <E extends EventChannel>(event: E, payload: Events[E], audience: Audience) => void;

/** Events on their way to clients. Services publish; each client's session subscribes and keeps what concerns its client. */
export class EventBus {
  private readonly listeners = new Set<Listener>();

  publish<E extends EventChannel>(event: E, payload: Events[E], audience: Audience): void {
    for (const listener of this.listeners) listener(event, payload, audience);
  }

  /** Returns the function that unsubscribes. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
