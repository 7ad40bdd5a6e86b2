/** Key 45, AlterPartitionReassignments 0–1: the active controller moves replicas (KIP-455). */
import { alterPartitionReassignments } from '../../protocol/apis/alter-partition-reassignments.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleAlterPartitionReassignments: Handler<typeof alterPartitionReassignments> = (request, context, broker) =>
  forward(broker, alterPartitionReassignments, request, context, request.timeoutMs);
