/** Key 45, AlterPartitionReassignments 0–1: moves replicas (KIP-455). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { alterPartitionReassignments } from '../../protocol/apis/alter-partition-reassignments.ts';
import { Operation } from '../../security/authorizer.ts';
import { alterPartitionReassignments as decide } from '../controller/alter-partition-reassignments.ts';
import { decidedApi } from '../controller-api.ts';

export const alterPartitionReassignmentsApi = decidedApi({
  api: alterPartitionReassignments,
  listeners: ['broker', 'controller'],
  authorization: onCluster(Operation.ALTER),
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (_request, failure) => ({ ...failure, responses: [] }),
});
