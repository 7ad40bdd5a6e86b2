/** Key 11, JoinGroup 0–9: joins a classic group; answered when all members have joined the rebalance. */
import type { joinGroup } from '../../protocol/apis/join-group.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleJoinGroup: Handler<typeof joinGroup> = (request, context, broker) =>
  broker.groups.joinGroup(request, groupClient(context));
