/** Key 47, OffsetDelete 0: deletes committed offsets of topics that no member of the group has subscribed to. */
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

const READ_TOPIC: ItemRule = { operation: Operation.READ, resource: Resource.TOPIC };

export const offsetDeleteApi: BrokerApi<typeof offsetDelete> = {
  api: offsetDelete,
  listeners: ['broker'],
  authorization: { ...onGroup(Operation.DELETE), items: [READ_TOPIC] },
  handle: async (request, context, { groups, authorizer }) => {
    const denied = request.topics.filter(({ name }) => !isAllowed(authorizer, context.session, READ_TOPIC, name));
    if (denied.length === 0) return groups.offsetDelete(request, groupClient(context));
    const topics = request.topics.filter((topic) => !denied.includes(topic));
    const answer =
      topics.length === 0
        ? { errorCode: ErrorCode.NONE, topics: [] }
        : await groups.offsetDelete({ ...request, topics }, groupClient(context));
    if (answer.errorCode !== ErrorCode.NONE) return answer;
    const refused = denied.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })),
    }));
    return { ...answer, topics: [...answer.topics, ...refused] };
  },
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
};
