import type { RequestContext } from '../dispatch/request.ts';
import type { GroupClient } from './context.ts';

/** The client of a group request, as the coordinator sees it. */
export function groupClient(context: RequestContext): GroupClient {
  return { clientId: context.clientId, clientHost: context.connection.clientHost, version: context.version };
}
