/** Key 19, CreateTopics 2–7: creates topics. */
import { createTopics } from '../../protocol/apis/create-topics.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { CREATE_TOPIC, createTopics as decide, DESCRIBE_TOPIC_CONFIGS } from '../controller/create-topics.ts';
import { decidedApi } from '../controller-api.ts';

export const createTopicsApi = decidedApi({
  api: createTopics,
  listeners: ['broker', 'controller'],
  authorization: { items: [CREATE_TOPIC, DESCRIBE_TOPIC_CONFIGS] },
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (request, failure) => ({ topics: request.topics.map(({ name }) => ({ name, topicId: ZERO_UUID, ...failure, configs: null })) }),
});
