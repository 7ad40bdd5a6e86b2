/** Key 20, DeleteTopics 1–6: deletes topics. v6: by name or by id (KIP-516). A broker checks its settings first (`broker/handlers/`). */
import { deleteTopics } from '../../protocol/apis/delete-topics.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { DELETE_TOPIC, deleteTopics as decide, DESCRIBE_TOPIC } from '../controller/delete-topics.ts';
import { decidedApi } from '../controller-api.ts';

export const deleteTopicsApi = decidedApi({
  api: deleteTopics,
  listeners: ['broker', 'controller'],
  authorization: { items: [DELETE_TOPIC, DESCRIBE_TOPIC] },
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (request, failure, version) => ({
    responses:
      version >= 6
        ? request.topics.map(({ name, topicId }) => ({ name, topicId, ...failure }))
        : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID, ...failure })),
  }),
});
