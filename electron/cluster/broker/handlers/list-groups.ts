/** Key 16, ListGroups 0–5: the groups that this broker coordinates and that the client may describe. */
import { listGroups } from '../../protocol/apis/list-groups.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

const DESCRIBE_GROUP: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.GROUP, orOnCluster: Operation.DESCRIBE };

export const listGroupsApi: BrokerApi<typeof listGroups> = {
  api: listGroups,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_GROUP] },
  handle: async (request, context, { groups, authorizer }) => {
    const answer = await groups.listGroups(request, groupClient(context));
    return { ...answer, groups: answer.groups.filter(({ groupId }) => isAllowed(authorizer, context.session, DESCRIBE_GROUP, groupId)) };
  },
  failed: (_request, { errorCode }) => ({ errorCode, groups: [] }),
};
