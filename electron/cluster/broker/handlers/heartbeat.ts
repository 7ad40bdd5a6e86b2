/** Key 12, Heartbeat 0–4: keeps the session of a member of a classic group. */
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { heartbeat } from '../../protocol/apis/heartbeat.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const heartbeatApi: BrokerApi<typeof heartbeat> = {
  api: heartbeat,
  listeners: ['broker'],
  authorization: onGroup(Operation.READ),
  handle: (request, context, { groups }) => groups.heartbeat(request, groupClient(context)),
  failed: (_request, { errorCode }) => ({ errorCode }),
};
