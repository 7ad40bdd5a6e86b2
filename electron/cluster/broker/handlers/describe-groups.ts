/** Key 15, DescribeGroups 0–6: states and members of groups that this broker coordinates. v3: authorized operations (KIP-430). */
import type { describeGroups } from '../../protocol/apis/describe-groups.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { ALL_GROUP_OPERATIONS } from '../authorized-operations.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleDescribeGroups: Handler<typeof describeGroups> = async (request, context, broker) => {
  const answer = await broker.groups.describeGroups(request, groupClient(context));
  if (!request.includeAuthorizedOperations) return answer;
  const groups = answer.groups.map((group) =>
    group.errorCode === ErrorCode.NONE ? { ...group, authorizedOperations: ALL_GROUP_OPERATIONS } : group,
  );
  return { ...answer, groups };
};
