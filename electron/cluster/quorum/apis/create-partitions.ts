/** Key 37, CreatePartitions 0–3: adds partitions to topics. */
import { createPartitions } from '../../protocol/apis/create-partitions.ts';
import { ALTER_TOPIC, createPartitions as decide } from '../controller/create-partitions.ts';
import { decidedApi } from '../controller-api.ts';

export const createPartitionsApi = decidedApi({
  api: createPartitions,
  listeners: ['broker', 'controller'],
  authorization: { items: [ALTER_TOPIC] },
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (request, failure) => ({ results: request.topics.map(({ name }) => ({ name, ...failure })) }),
});
