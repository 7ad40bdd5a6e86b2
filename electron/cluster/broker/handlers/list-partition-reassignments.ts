/** Key 46, ListPartitionReassignments 0: the active controller lists the reassignments in progress (KIP-455). */
import { listPartitionReassignments } from '../../protocol/apis/list-partition-reassignments.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleListPartitionReassignments: Handler<typeof listPartitionReassignments> = (request, context, broker) =>
  forward(broker, listPartitionReassignments, request, context, request.timeoutMs);
