/** Key 15, DescribeGroups 0–6: states and members of groups that this broker coordinates. v3: authorized operations (KIP-430). */
import { describeError } from '../../coordinator/group/group-queries.ts';
import { describeGroups } from '../../protocol/apis/describe-groups.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { authorizedOperations, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi, Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

const DESCRIBE_GROUP: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.GROUP };

export const handleDescribeGroups: Handler<typeof describeGroups> = async (request, context, { groups: coordinator, authorizer }) => {
  const { session } = context;
  const allowed = request.groups.filter((groupId) => isAllowed(authorizer, session, DESCRIBE_GROUP, groupId));
  const all = allowed.length === request.groups.length;
  const answer =
    allowed.length === 0 && !all
      ? { groups: [] }
      : await coordinator.describeGroups(all ? request : { ...request, groups: allowed }, groupClient(context));
  const described = answer.groups.map((group) =>
    request.includeAuthorizedOperations && group.errorCode === ErrorCode.NONE
      ? { ...group, authorizedOperations: authorizedOperations(authorizer, session, Resource.GROUP, group.groupId) }
      : group,
  );
  if (all) return { ...answer, groups: described };
  const denied = request.groups.filter((groupId) => !allowed.includes(groupId));
  return { ...answer, groups: [...described, ...denied.map((groupId) => describeError(groupId, ErrorCode.GROUP_AUTHORIZATION_FAILED))] };
};

export const describeGroupsApi: BrokerApi<typeof describeGroups> = {
  api: describeGroups,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_GROUP] },
  handle: handleDescribeGroups,
  failed: (request, failure) => ({
    groups: request.groups.map((groupId) => ({ ...describeError(groupId, failure.errorCode), ...failure })),
  }),
};
