/** Key 11, JoinGroup 0–9: joins a classic group, or its next generation. */
import { joinError } from '../../coordinator/group/classic-responses.ts';
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { joinGroup } from '../../protocol/apis/join-group.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const joinGroupApi: BrokerApi<typeof joinGroup> = {
  api: joinGroup,
  listeners: ['broker'],
  authorization: onGroup(Operation.READ),
  handle: (request, context, { groups }) => groups.joinGroup(request, groupClient(context)),
  failed: ({ memberId }, { errorCode }, version) => joinError(version, errorCode, memberId),
};
