/** Key 46, ListPartitionReassignments 0: the reassignments in progress (KIP-455). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { listPartitionReassignments } from '../../protocol/apis/list-partition-reassignments.ts';
import { Operation } from '../../security/authorizer.ts';
import { listPartitionReassignments as decide } from '../controller/list-partition-reassignments.ts';
import { decidedApi } from '../controller-api.ts';

export const listPartitionReassignmentsApi = decidedApi({
  api: listPartitionReassignments,
  listeners: ['broker', 'controller'],
  authorization: onCluster(Operation.DESCRIBE),
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (_request, failure) => ({ ...failure, topics: [] }),
});
