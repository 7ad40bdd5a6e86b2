/** Key 37, CreatePartitions 0–3: the active controller adds partitions. */
import { createPartitions } from '../../protocol/apis/create-partitions.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleCreatePartitions: Handler<typeof createPartitions> = (request, context, broker) =>
  forward(broker, createPartitions, request, context, request.timeoutMs);
