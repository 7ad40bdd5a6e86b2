/** One client of the contract, a window or a tab: the connection that it has selected, what its page shows, and its events. */
import { randomUUID } from 'node:crypto';
import type { EventChannel, Events } from '#shared/ipc';
import { AdminError } from '../admin/errors.ts';
import type { Audience, EventBus } from './event-bus.ts';
import type { OpenConnection } from './open-connections.ts';
import { EVERYTHING, type Interest } from './view/interest.ts';

export type Deliver = <E extends EventChannel>(event: E, payload: Events[E]) => void;

/** What a session needs of the service that made it. */
export interface SessionHost {
  /** Throws NOT_FOUND where there is no such connection. */
  acquire(connectionId: string, session: ClientSession): OpenConnection;
  release(connectionId: string, session: ClientSession): void;
  opened(connectionId: string): OpenConnection | undefined;
}

export class ClientSession {
  readonly id = randomUUID();
  private readonly host: SessionHost;
  private readonly onEnd: () => void;
  private readonly unsubscribe: () => void;
  private selected: string | null = null;
  private shown: Interest = EVERYTHING;

  constructor(host: SessionHost, events: EventBus, deliver: Deliver, onEnd: () => void) {
    this.host = host;
    this.onEnd = onEnd;
    this.unsubscribe = events.subscribe((event, payload, audience) => {
      if (this.isConcerned(audience)) deliver(event, payload);
    });
  }

  get selectedId(): string | null {
    return this.selected;
  }

  get interest(): Interest {
    return this.shown;
  }

  /** Selects a connection; the former one is released. One that was removed and restored is held again. */
  use(connectionId: string): void {
    const open = this.host.acquire(connectionId, this);
    const former = this.selected;
    this.selected = connectionId;
    if (former !== connectionId) this.shown = EVERYTHING;
    if (former !== null && former !== connectionId) this.host.release(former, this);
    open.monitor.watch(this.id, this.shown);
  }

  watch(interest: Interest): void {
    this.shown = interest;
    if (this.selected !== null) this.host.opened(this.selected)?.monitor.watch(this.id, interest);
  }

  /** The connection that a request names; refused unless this client has selected it. */
  connection(connectionId: string): OpenConnection {
    if (this.selected !== connectionId) {
      throw new AdminError({
        code: 'CONNECTION_NOT_SELECTED',
        message: 'The request was refused: it is about a connection that this window has not selected.',
        advice: 'Reload the page, then repeat it on the cluster that it is meant for.',
        subject: connectionId,
      });
    }
    const open = this.host.opened(connectionId);
    if (open === undefined) {
      throw new AdminError({
        code: 'NOT_FOUND',
        message: 'The request was refused: its connection was removed.',
        advice: 'Select another one on the Connections page.',
        subject: connectionId,
      });
    }
    return open;
  }

  /** The page was unloaded: what it selected is released, and the client may select again. */
  reset(): void {
    if (this.selected !== null) this.host.release(this.selected, this);
    this.selected = null;
    this.shown = EVERYTHING;
  }

  /** The client has disconnected. */
  end(): void {
    this.unsubscribe();
    this.reset();
    this.onEnd();
  }

  private isConcerned(audience: Audience): boolean {
    if (audience === 'all') return true;
    return 'clientId' in audience ? audience.clientId === this.id : audience.connectionId === this.selected;
  }
}
