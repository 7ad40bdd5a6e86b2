import type { EventChannel, Events } from '#shared/ipc';

type Listener = <E extends EventChannel>(event: E, payload: Events[E]) => void;

/** Events on their way to every window and tab. Transports subscribe; services publish. */
export class EventBus {
  private readonly listeners = new Set<Listener>();

  publish<E extends EventChannel>(event: E, payload: Events[E]): void {
    for (const listener of this.listeners) listener(event, payload);
  }

  /** Returns the function that unsubscribes. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
