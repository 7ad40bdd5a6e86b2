import type { GroupClient, RequestContext } from './context.ts';

/** What a coordinator is told of who asks. */
export function groupClient(context: RequestContext): GroupClient {
  return { clientId: context.clientId, clientHost: context.connection.clientHost, version: context.version };
}
