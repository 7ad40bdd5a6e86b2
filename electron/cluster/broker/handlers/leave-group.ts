/** Key 13, LeaveGroup 0–5: ends the membership of one or (v3) several members. */
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { leaveGroup } from '../../protocol/apis/leave-group.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const leaveGroupApi: BrokerApi<typeof leaveGroup> = {
  api: leaveGroup,
  listeners: ['broker'],
  authorization: onGroup(Operation.READ),
  handle: (request, context, { groups }) => groups.leaveGroup(request, groupClient(context)),
  failed: (_request, { errorCode }) => ({ errorCode, members: [] }),
};
