/** Key 20, DeleteTopics 1–6: forwarded to the active controller, unless this cluster's settings forbid it. */
import type { deleteTopics } from '../../protocol/apis/delete-topics.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import { deleteTopicsApi } from '../../quorum/apis/delete-topics.ts';
import type { BrokerApi } from '../context.ts';
import { forward } from '../forward.ts';

export const forwardedDeleteTopicsApi: BrokerApi<typeof deleteTopics> = {
  ...deleteTopicsApi,
  // The controller authorizes the request, with the principal of the client.
  authorization: {},
  handle: (request, context, broker) => {
    if (!broker.settings.deleteTopicEnable) {
      // Clients before v3 do not know TOPIC_DELETION_DISABLED.
      const code = context.version < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED;
      throw new KafkaError(code, 'Topics cannot be deleted here: delete.topic.enable is false.');
    }
    return forward(broker, deleteTopicsApi, request, context);
  },
};
