/** Key 20, DeleteTopics 1–6: the active controller deletes topics, unless this cluster's settings forbid it. v6: by name or by id (KIP-516). */
import { deleteTopics } from '../../protocol/apis/delete-topics.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleDeleteTopics: Handler<typeof deleteTopics> = (request, context, broker) => {
  if (!broker.settings.deleteTopicEnable) {
    // Clients before v3 do not know TOPIC_DELETION_DISABLED.
    const code = context.version < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED;
    throw new KafkaError(code, 'Topics cannot be deleted here: delete.topic.enable is false.');
  }
  return forward(broker, deleteTopics, request, context, request.timeoutMs);
};
