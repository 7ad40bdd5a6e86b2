/** Key 19, CreateTopics 2–7: the active controller creates topics. */
import { createTopics } from '../../protocol/apis/create-topics.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleCreateTopics: Handler<typeof createTopics> = (request, context, broker) =>
  forward(broker, createTopics, request, context, request.timeoutMs);
