/** Key 56, AlterPartition 2–3: a leader changes its ISR (KIP-497). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { alterPartition } from '../../protocol/apis/alter-partition.ts';
import { Operation } from '../../security/authorizer.ts';
import { alterPartition as decide } from '../controller/alter-partition.ts';
import { decidedApi } from '../controller-api.ts';

export const alterPartitionApi = decidedApi({
  api: alterPartition,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  ofBrokers: true,
  decide,
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
});
