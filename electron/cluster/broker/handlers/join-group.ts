/** Key 11, JoinGroup 0–9: joins a classic group; answers when the rebalance has everybody. */
import type { joinGroup } from '../../protocol/apis/join-group.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleJoinGroup: Handler<typeof joinGroup> = (request, context, broker) =>
  broker.groups.joinGroup(request, groupClient(context));
