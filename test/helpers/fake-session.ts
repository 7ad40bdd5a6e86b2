/** Sessions of clients over connections that are made up. */
import { ServiceError } from '../../electron/services/errors.ts';
import { ClientSession, type Deliver, type SessionHost } from '../../electron/services/client-session.ts';
import type { EventBus } from '../../electron/services/event-bus.ts';
import type { OpenConnection } from '../../electron/services/open-connections.ts';
import type { Interest } from '../../electron/services/view/interest.ts';

/** One connection: what the clients that hold it show. */
export interface FakeConnection {
  readonly interests: Map<string, Interest>;
  readonly open: OpenConnection;
}

export class FakeConnections implements SessionHost {
  readonly connections = new Map<string, FakeConnection>();
  readonly released: string[] = [];

  constructor(...ids: string[]) {
    for (const id of ids) {
      const interests = new Map<string, Interest>();
      const monitor = { watch: (client: string, interest: Interest) => void interests.set(client, interest) };
      // Only what a session uses of one.
      this.connections.set(id, { interests, open: { connection: { id }, monitor } as unknown as OpenConnection });
    }
  }

  acquire(connectionId: string): OpenConnection {
    const found = this.opened(connectionId);
    if (found === undefined) throw new ServiceError({ code: 'NOT_FOUND', message: 'removed' });
    return found;
  }

  release(connectionId: string, session: ClientSession): void {
    this.released.push(connectionId);
    this.connections.get(connectionId)?.interests.delete(session.id);
  }

  opened(connectionId: string): OpenConnection | undefined {
    return this.connections.get(connectionId)?.open;
  }
}

/** A client that has the connection `embedded` selected. */
export function fakeSession(events: EventBus, deliver: Deliver = () => undefined, host = new FakeConnections('embedded')): ClientSession {
  const session = new ClientSession(host, events, deliver, () => undefined);
  session.use('embedded');
  return session;
}

/** What a transport is given to make sessions. */
export function connectTo(events: EventBus): (deliver: Deliver) => ClientSession {
  return (deliver) => fakeSession(events, deliver);
}
