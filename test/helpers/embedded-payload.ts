/** Payloads of tests, most of which are about the embedded cluster: its connection is added where a payload names none. */
import type { ConnectionChannel, Payload, RequestChannel, ScopedPayload } from '../../shared/ipc.ts';

export const EMBEDDED = 'embedded';

export type TestPayload<C extends RequestChannel> = C extends ConnectionChannel ? ScopedPayload<C> & { connectionId?: string } : Payload<C>;

export function onEmbedded(payload: object): object {
  return { connectionId: EMBEDDED, ...payload };
}
