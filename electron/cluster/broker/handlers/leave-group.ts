/** Key 13, LeaveGroup 0–5: removes members from a classic group. */
import type { leaveGroup } from '../../protocol/apis/leave-group.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleLeaveGroup: Handler<typeof leaveGroup> = (request, context, broker) =>
  broker.groups.leaveGroup(request, groupClient(context));
