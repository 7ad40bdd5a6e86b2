/** Key 42, DeleteGroups 0–2: deletes empty groups and their offsets. */
import { deleteGroups } from '../../protocol/apis/delete-groups.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

const DELETE_GROUP: ItemRule = { operation: Operation.DELETE, resource: Resource.GROUP };

export const deleteGroupsApi: BrokerApi<typeof deleteGroups> = {
  api: deleteGroups,
  listeners: ['broker'],
  authorization: { items: [DELETE_GROUP] },
  handle: async (request, context, { groups, authorizer }) => {
    const denied = request.groupsNames.filter((groupId) => !isAllowed(authorizer, context.session, DELETE_GROUP, groupId));
    if (denied.length === 0) return groups.deleteGroups(request, groupClient(context));
    const groupsNames = request.groupsNames.filter((groupId) => !denied.includes(groupId));
    const answer =
      groupsNames.length === 0 ? { results: [] } : await groups.deleteGroups({ ...request, groupsNames }, groupClient(context));
    const refused = denied.map((groupId) => ({ groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }));
    return { ...answer, results: [...answer.results, ...refused] };
  },
  failed: (request, { errorCode }) => ({ results: request.groupsNames.map((groupId) => ({ groupId, errorCode })) }),
};
