/** Key 67, AllocateProducerIds 0: a block of producer ids for a broker (KIP-730). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { allocateProducerIds } from '../../protocol/apis/allocate-producer-ids.ts';
import { Operation } from '../../security/authorizer.ts';
import { allocateProducerIds as decide } from '../controller/allocate-producer-ids.ts';
import { decidedApi } from '../controller-api.ts';

export const allocateProducerIdsApi = decidedApi({
  api: allocateProducerIds,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  decide,
  failed: (_request, { errorCode }) => ({ errorCode, producerIdStart: 0n, producerIdLen: 0 }),
});
