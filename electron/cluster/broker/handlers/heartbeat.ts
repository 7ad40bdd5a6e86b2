/** Key 12, Heartbeat 0–4: keeps the session of a member of a classic group. */
import type { heartbeat } from '../../protocol/apis/heartbeat.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleHeartbeat: Handler<typeof heartbeat> = (request, context, broker) =>
  broker.groups.heartbeat(request, groupClient(context));
